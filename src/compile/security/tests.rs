use super::*;
use crate::model::facts::Created;
use crate::model::keys::{BalancerKey, IngressKey};
use crate::model::plan::{Action, OptionsStanding, Origin, Precedence};
use crate::model::rule::Syntax;

fn router(name: &str, rule: &str, secured: &[(&str, TlsOptionsKey)]) -> Arc<Router> {
    let ingress = IngressKey::new("n", name);
    let secured = secured.iter().map(|(entry_point, options)| Secured {
        entry_point: (*entry_point).into(),
        options: options.clone(),
        standing: OptionsStanding::Usable,
    });
    Arc::new(Router {
        key: RouterKey::Path { ingress: ingress.clone(), rule: rule.into() },
        name: name.into(),
        origin: Origin { ingress, created: Created(0) },
        entry_points: Arc::default(),
        missing_entry_points: Vec::new(),
        rule: RouterRule::Parsed(Arc::new(rule::parse(rule, Syntax::V3).unwrap())),
        shown_syntax: "".into(),
        precedence: Precedence::Ranked(1),
        tls: None,
        secured: secured.collect(),
        middlewares: Vec::new(),
        action: Action::Forward(BalancerKey::Default),
        observability: None,
        errors: Vec::new(),
    })
}

fn strict() -> TlsOptionsKey {
    TlsOptionsKey::Named("strict@file".into())
}

/// The plan and its findings.
#[derive(Default)]
struct World {
    hosts: Hosts,
    plan: Shelf<RouterKey, Router>,
    ledger: Ledger,
}

impl World {
    fn set(&mut self, router: &Arc<Router>) {
        self.hosts.set(&router.key, Some(router));
        self.hosts.settle(&mut self.plan, &mut self.ledger);
    }

    fn remove(&mut self, router: &Arc<Router>) {
        self.hosts.set(&router.key, None);
        self.plan.set(router.key.clone(), None);
        self.hosts.settle(&mut self.plan, &mut self.ledger);
    }

    /// The options of each router on its entry points, by name of the router.
    fn options(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .plan
            .values()
            .flat_map(|router| {
                let shown = |secured: &Secured| format!("{} {} {}", router.name, secured.entry_point, secured.options);
                router.secured.iter().map(shown).collect::<Vec<_>>()
            })
            .collect();
        all.sort();
        all
    }
}

#[test]
fn routers_of_one_host_that_disagree_get_the_default_options_until_they_agree_again() {
    let mut world = World::default();
    let own = router("own", "Host(`A.test`)", &[("one", strict()), ("two", strict())]);
    let other = router("other", "Host(`a.test`) && PathPrefix(`/x`)", &[("one", TlsOptionsKey::Default)]);
    world.set(&own);
    assert_eq!(world.options(), ["own one strict@file", "own two strict@file"]);
    let host = |entry_point: &str| TlsHost { entry_point: entry_point.into(), host: "a.test".into() };
    assert_eq!(world.hosts.differences(), [(host("one"), Some(strict())), (host("two"), Some(strict()))]);
    world.set(&other);
    assert_eq!(world.options(), ["other one default", "own one default", "own two strict@file"]);
    assert_eq!(world.hosts.differences(), [(host("one"), Some(TlsOptionsKey::Default))]);
    let told: Vec<_> = world.ledger.all().map(|finding| (finding.object.name.to_string(), finding.reason)).collect();
    assert_eq!(told, [("own".to_owned(), "TlsOptionsConflict")]);
    world.remove(&other);
    assert_eq!(world.options(), ["own one strict@file", "own two strict@file"]);
    assert_eq!(world.ledger.len(), 0);
    world.remove(&own);
    assert_eq!(world.hosts.differences(), [(host("one"), None), (host("two"), None)]);
    assert!(world.hosts.uses.is_empty() && world.hosts.routers.is_empty());
}

#[test]
fn a_wildcard_and_a_name_it_covers_are_two_hosts() {
    let mut world = World::default();
    world.set(&router("wild", "Host(`*.test`)", &[("one", strict())]));
    world.set(&router("exact", "Host(`a.test`)", &[("one", TlsOptionsKey::Default)]));
    assert_eq!(world.options(), ["exact one default", "wild one strict@file"]);
}

#[test]
fn options_without_a_host_to_hold_for_are_not_applied() {
    let mut world = World::default();
    world.set(&router("all", "PathPrefix(`/`)", &[("one", strict())]));
    assert_eq!(world.options(), ["all one default"]);
    assert!(world.ledger.all().next().unwrap().text.contains("names no host"));
}

/// Options that `router` wants and cannot have.
fn refused(router: &Arc<Router>) -> Arc<Router> {
    let refuse = |secured: &Secured| Secured { standing: OptionsStanding::Refused, ..secured.clone() };
    Arc::new(Router { secured: router.secured.iter().map(refuse).collect(), ..(**router).clone() })
}

#[test]
fn options_that_are_not_there_stay_wanted_and_have_no_say() {
    let mut world = World::default();
    let ghost = TlsOptionsKey::Named("ghost@file".into());
    world.set(&refused(&router("all", "PathPrefix(`/`)", &[("one", ghost.clone())])));
    world.set(&refused(&router("ghost", "Host(`a.test`)", &[("one", ghost)])));
    world.set(&router("own", "Host(`a.test`)", &[("one", strict())]));
    assert_eq!(world.options(), ["all one ghost@file", "ghost one ghost@file", "own one strict@file"]);
    let host = TlsHost { entry_point: "one".into(), host: "a.test".into() };
    assert_eq!(world.hosts.differences(), [(host, Some(strict()))]);
    assert_eq!(world.ledger.len(), 0, "why they refuse is told where it is found out");
}

#[test]
fn a_conflict_over_options_of_the_entry_point_is_told_of_the_entry_point() {
    let mut world = World::default();
    world.set(&router("all", "PathPrefix(`/`)", &[("one", strict())]));
    assert_eq!(&*world.ledger.all().next().unwrap().path, "entryPoints.one.http.tls.options");
}

#[test]
fn a_router_that_changes_its_mind_leaves_nothing_behind() {
    let mut world = World::default();
    world.set(&router("r", "Host(`a.test`)", &[("one", strict())]));
    world.set(&router("r", "Host(`a.test`)", &[("one", TlsOptionsKey::Default)]));
    assert_eq!((world.options(), world.ledger.len()), (vec!["r one default".to_owned()], 0));
    assert!(world.hosts.uses.values().all(|used| used.options.len() == 1 && used.routers.len() == 1));
}
