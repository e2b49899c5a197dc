//! The table against its definition: whatever patches were applied, a request gets what a scan of all routers gives it.
use super::super::lists::EntryList;
use super::*;
use crate::model::plan::Action;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The plan as plain maps.
#[derive(Clone, Debug, Default)]
struct Model {
    routers: BTreeMap<RouterKey, Arc<Router>>,
    balancers: BTreeMap<BalancerKey, Arc<Balancer>>,
}

impl Model {
    fn apply(&mut self, patch: &PlanPatch) {
        for (key, router) in &patch.routers {
            match router {
                Some(router) => drop(self.routers.insert(key.clone(), router.clone())),
                None => drop(self.routers.remove(key)),
            }
        }
        for (key, balancer) in &patch.balancers {
            match balancer {
                Some(balancer) => drop(self.balancers.insert(key.clone(), balancer.clone())),
                None => drop(self.balancers.remove(key)),
            }
        }
    }

    /// A patch that makes all of it at once.
    fn whole(&self) -> PlanPatch {
        PlanPatch {
            generation: 1,
            routers: self.routers.iter().map(|(key, router)| (key.clone(), Some(router.clone()))).collect(),
            balancers: self.balancers.iter().map(|(key, balancer)| (key.clone(), Some(balancer.clone()))).collect(),
            ..PlanPatch::default()
        }
    }

    /// A patch that takes all of it away.
    fn nothing(&self) -> PlanPatch {
        PlanPatch {
            generation: 1,
            routers: self.routers.keys().map(|key| (key.clone(), None)).collect(),
            balancers: self.balancers.keys().map(|key| (key.clone(), None)).collect(),
            ..PlanPatch::default()
        }
    }

    /// The choice by its definition, with no index.
    fn route(&self, entry: &str, kind: ConnectionKind, request: &RequestView<'_>) -> Option<&Arc<Router>> {
        let serves = |router: &&Arc<Router>| {
            router.entry_points.iter().any(|name| &**name == entry)
                && router.secured.iter().any(|secured| &*secured.entry_point == entry) == (kind == Tls)
                && matches!(&router.rule, RouterRule::Parsed(rule) if rule.matches(request))
        };
        let matching: Vec<&Arc<Router>> = self.routers.values().filter(serves).collect();
        let bloc_rank = |router: &Router| match router.precedence {
            Precedence::Bloc(rank) => Some(rank),
            Precedence::Ranked(_) => None,
        };
        let age = |router: &Router| (router.origin.created, router.key.clone());
        let (bloc, ranked): (Vec<_>, Vec<_>) = matching.into_iter().partition(|router| bloc_rank(router).is_some());
        let number = bloc.iter().map(|router| router.shown_priority()).max();
        let best_of_bloc = bloc.into_iter().min_by_key(|router| (Reverse(bloc_rank(router)), age(router)));
        let best_ranked = ranked.into_iter().min_by_key(|router| (Reverse(router.shown_priority()), age(router)));
        match (best_of_bloc, best_ranked) {
            (Some(bloc), Some(ranked)) => Some(if Some(ranked.shown_priority()) >= number { ranked } else { bloc }),
            (bloc, ranked) => bloc.or(ranked),
        }
    }
}

fn hosts() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a.test", "b.test", "a.test.", "c.x.test", "*.test", "*.x.test", "*", "*a.test"])
}

fn paths() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec!["/", "/a", "/a/", "/ab", "/a/b", "/a/b/c", "/b", "/é", "/è"]).prop_map(str::to_owned),
        1 => (0_usize..22).prop_map(|length| format!("/{}", "a".repeat(length))),
        1 => (1015_usize..1030).prop_map(|length| format!("/{}", "l".repeat(length))),
    ]
}

/// The part of a rule about the path, with its rank.
fn path_rules() -> impl Strategy<Value = (String, u32, PathRank)> {
    (paths(), 0..6).prop_map(|(path, form)| {
        let length = u32::try_from(path.len()).expect("short paths");
        match form {
            0 => (format!("Path(`{path}`)"), length, PathRank::Exact),
            1 => (format!("(Path(`{path}`) || PathPrefix(`{path}/`))"), length, PathRank::Prefix),
            2 => (format!("PathRegexp(`^{path}b?$`)"), length, PathRank::Regexp),
            3 => ("PathPrefix(`/`)".to_owned(), 0, PathRank::Prefix),
            _ => (format!("PathPrefix(`{path}`)"), length, PathRank::Prefix),
        }
    })
}

fn rules() -> impl Strategy<Value = (String, BlocRank)> {
    let extra = prop::sample::select(vec![
        "",
        "",
        "",
        "",
        " && Header(`X`, `1`)",
        " && !Header(`X`, `1`)",
        " && Method(`GET`)",
        " || Host(`b.test`)",
        " && !Host(`b.test`)",
    ]);
    (hosts(), path_rules(), extra).prop_map(|(host, (of_path, path_length, path), extra)| {
        let of_host = if host.is_empty() { String::new() } else { format!("Host(`{host}`) && ") };
        let rank = match host {
            "" | "*" => HostRank::None,
            _ if host.starts_with('*') => HostRank::Wildcard,
            _ => HostRank::Exact,
        };
        (format!("{of_host}{of_path}{extra}"), BlocRank { host: rank, path_length, path })
    })
}

fn precedences(rank: BlocRank) -> impl Strategy<Value = Precedence> {
    let any_host = prop::sample::select(vec![HostRank::None, HostRank::Wildcard, HostRank::Exact]);
    let any_path = prop::sample::select(vec![PathRank::Regexp, PathRank::Prefix, PathRank::Exact]);
    prop_oneof![
        8 => Just(Precedence::Bloc(rank)),
        // As no compiler makes them: the rank says something else than the rule.
        1 => (any_host, 0_u32..30, any_path)
            .prop_map(|(host, path_length, path)| Precedence::Bloc(BlocRank { host, path_length, path })),
        4 => prop::sample::select(vec![DEFAULT_ROUTER_PRIORITY, -1, 15, 20, 30, 33, 34, 35, 40, 1000]).prop_map(Precedence::Ranked),
    ]
}

fn routers() -> impl Strategy<Value = Router> {
    let entries =
        prop::sample::select(vec![vec!["web"], vec!["web"], vec!["websecure"], vec!["web", "websecure"], vec!["nope"]]);
    let rule = rules().prop_flat_map(|(text, rank)| (Just(text), precedences(rank)));
    (rule, entries, 0..6, 0..12_usize, 0..3_i64, 0..4_usize).prop_map(
        |((text, precedence), entries, form, name, created, to)| {
            let name = format!("i{name}");
            let router = router(&name, &text, precedence);
            let balancer = balancer_key(&format!("b{to}"));
            // By a TLS block, or by an entry point.
            let is_secured = |name: &&&str| form == 1 || (form == 3 && **name == "websecure");
            let secured = entries.iter().filter(is_secured).map(|name| secured(name)).collect();
            Router {
                // Few keys, so that patches replace routers by others that stand elsewhere.
                key: RouterKey::Path { ingress: ingress(&name), rule: "r".into() },
                origin: Origin { created: Created(created), ..router.origin.clone() },
                entry_points: entries.into_iter().map(Arc::from).collect(),
                rule: if form == 0 { RouterRule::Broken(text.as_str().into()) } else { router.rule.clone() },
                tls: (form == 1).then(Arc::default),
                secured,
                action: if form == 2 { Action::Refuse(balancer) } else { Action::Forward(balancer) },
                ..router
            }
        },
    )
}

fn patches() -> impl Strategy<Value = PlanPatch> {
    let router = (routers(), 0..4).prop_map(|(router, fate)| match fate {
        0 => (router.key, None),
        _ => entry_of(router),
    });
    let balancer = (0..4, 0..4_usize).prop_map(|(name, servers)| match servers {
        0 => (balancer_key(&format!("b{name}")), None),
        _ => balancer(&format!("b{name}"), servers),
    });
    (prop::collection::vec(router, 0..12), prop::collection::vec(balancer, 0..4))
        .prop_map(|(routers, balancers)| PlanPatch { generation: 1, routers, balancers, ..PlanPatch::default() })
}

#[derive(Clone, Debug)]
struct Request {
    host: &'static str,
    path: String,
    method: &'static str,
    header: Option<&'static str>,
    entry: (&'static str, EntryPointId),
    kind: ConnectionKind,
}

fn requests() -> impl Strategy<Value = Request> {
    let hosts = prop::sample::select(vec![
        "",
        "a.test",
        "a.test.",
        "b.test",
        "z.test",
        "c.x.test",
        "d.x.test.",
        ".x.test",
        "q.d.x.test",
        ".",
    ]);
    let path = (paths(), prop::sample::select(vec!["", "", "/", "b", "/b/c"])).prop_map(|(path, more)| path + more);
    let entry = prop::sample::select(vec![("web", WEB), ("web", WEB), ("websecure", WEBSECURE)]);
    let kind = prop::sample::select(vec![Plain, Plain, Plain, Tls]);
    let header = prop::sample::select(vec![None, Some("1")]);
    (hosts, path, prop::sample::select(vec!["GET", "POST"]), header, entry, kind)
        .prop_map(|(host, path, method, header, entry, kind)| Request { host, path, method, header, entry, kind })
}

/// That `table` gives `request` what `model` does.
fn same_route(table: &Table, model: &Model, request: &Request) -> Result<(), TestCaseError> {
    let Request { host, path, method, header, entry: (entry_name, entry), kind } = request;
    let headers: HeaderMap =
        header.map(|value| (HeaderName::from_static("x"), HeaderValue::from_static(value))).into_iter().collect();
    let client_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let view = RequestView { host, method, path, query: None, headers: &headers, client_ip };
    let Some(want) = model.route(entry_name, *kind, &view) else {
        prop_assert!(matches!(table.route(*entry, *kind, &view), Route::NoRouter));
        return Ok(());
    };
    let in_service = match &want.action {
        Action::Forward(key) => model.balancers.get(key),
        Action::Refuse(_) => None,
    };
    match (table.route(*entry, *kind, &view), in_service) {
        (Route::Forward { router, balancer, tls_options: _ }, Some(wanted)) => {
            prop_assert_eq!(router, want);
            prop_assert_eq!(balancer.plan(), wanted);
        }
        (Route::Refused(router), None) => prop_assert_eq!(router, want),
        (other, _) => prop_assert!(false, "want {:?}, got {:?}", want, other),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn routing_is_what_its_definition_says_after_any_patches(
        patches in prop::collection::vec(patches(), 1..6),
        requests in prop::collection::vec(requests(), 1..40),
    ) {
        let empty = Table::new(&entry_points());
        let mut versions = vec![(empty.clone(), Model::default())];
        for patch in &patches {
            let (table, model) = versions.last().expect("the empty one at least");
            let (table, mut model) = (table.apply(patch), model.clone());
            model.apply(patch);
            versions.push((table, model));
        }
        // Every version still says what it said when it was new.
        for (table, model) in &versions[1..] {
            let scratch = empty.apply(&model.whole());
            for request in &requests {
                same_route(table, model, request)?;
                same_route(&scratch, model, request)?;
            }
            prop_assert_eq!(table.index.size(), scratch.index.size());
            prop_assert_eq!(table.routers().count(), model.routers.len());
            prop_assert_eq!(table.balancers().count(), model.balancers.len());
        }
        let (table, model) = versions.last().expect("the last one");
        let bare = table.apply(&model.nothing());
        prop_assert_eq!(bare.index.size(), (0, 0));
        prop_assert_eq!((bare.slots.len(), bare.routers().count(), bare.balancers().count()), (0, 0, 0));
    }

    #[test]
    fn a_list_stays_in_order_under_any_changes(changes in prop::collection::vec((any::<bool>(), 0_i64..150), 0..600)) {
        let entry = |number: i64| {
            let router = ranked(&format!("r{number}"), "Host(`a.test`)", number / 2);
            let slot = Slots::default().claim(&BalancerKey::Default);
            Template::of(&Arc::new(router), slot, &entry_points()).next().expect("it listens").entry(0, None)
        };
        let mut list = EntryList::default();
        let mut model: BTreeMap<_, Arc<Entry>> = BTreeMap::new();
        let mut versions = Vec::new();
        for (keep, number) in changes {
            let entry = entry(number);
            let rank = (Reverse(entry.number), entry.router.key.clone());
            match (model.remove(&rank), keep) {
                (Some(present), _) => list.remove(&present),
                (None, true) => {
                    list.insert(entry.clone());
                    model.insert(rank, entry);
                }
                (None, false) => list.remove(&entry),
            }
            versions.push((list.clone(), model.len()));
        }
        prop_assert!(list.ranked.iter().map(|entry| &entry.router).eq(model.values().map(|entry| &entry.router)));
        prop_assert!(versions.iter().all(|(list, length)| list.ranked.iter().count() == *length));
        prop_assert_eq!(list.is_empty(), model.is_empty());
    }
}
