//! Tests of whole tables: examples here, comparison with the definition in [`property`].
use super::*;
use crate::model::facts::testing::key_pair;
use crate::model::facts::{Created, ServerState};
use crate::model::keys::{IngressKey, PortRef, ServiceKey, TransportKey};
use crate::model::plan::{
    Action, Balancer, BalancerOptions, BalancerOrigin, BlocRank, DEFAULT_ROUTER_PRIORITY, HostHeader, HostRank,
    OptionsStanding, Origin, PathRank, Precedence, Scheme, Secured, Server,
};
use crate::model::rule::Syntax;
use ConnectionKind::{Plain, Tls};
use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};

mod many_certificates;
mod property;

const WEB: EntryPointId = EntryPointId(0);
const WEBSECURE: EntryPointId = EntryPointId(1);

fn entry_points() -> [Arc<str>; 2] {
    ["websecure".into(), "web".into()]
}

fn ingress(name: &str) -> IngressKey {
    IngressKey::new("default", name)
}

fn balancer_key(name: &str) -> BalancerKey {
    BalancerKey::Port { service: ServiceKey::new("default", name), port: PortRef::Number(80) }
}

fn balancer(name: &str, servers: usize) -> (BalancerKey, Option<Arc<Balancer>>) {
    let options = BalancerOptions {
        host_header: HostHeader::Pass,
        sticky: None,
        transport: "".into(),
        transport_key: TransportKey::Default,
        middlewares: Vec::new(),
    };
    let server = |number: usize| {
        let host: Arc<str> = format!("10.0.0.{number}").into();
        let url = format!("http://{host}:80").into();
        Server { url, scheme: Scheme::Http, host, port: 80, state: ServerState::Active }
    };
    let balancer = Balancer {
        key: balancer_key(name),
        name: name.into(),
        origin: BalancerOrigin { namespace: "default".into(), service: name.into(), port: "80".into() },
        options: Arc::new(options),
        servers: (0..servers).map(server).collect(),
    };
    (balancer.key.clone(), Some(Arc::new(balancer)))
}

/// A router called `name` for its own Ingress, that forwards to the balancer of the same name.
fn router(name: &str, rule: &str, precedence: Precedence) -> Router {
    let rule = rule::parse(rule, Syntax::V3).expect("rules in tests parse");
    Router {
        key: RouterKey::Path { ingress: ingress(name), rule: rule.text.clone() },
        name: name.into(),
        origin: Origin { ingress: ingress(name), created: Created(0) },
        entry_points: ["web".into()].into(),
        missing_entry_points: Vec::new(),
        rule: RouterRule::Parsed(Arc::new(rule)),
        shown_syntax: "".into(),
        precedence,
        tls: None,
        secured: Arc::default(),
        middlewares: Vec::new(),
        action: Action::Forward(balancer_key(name)),
        observability: None,
        errors: Vec::new(),
    }
}

fn ranked(name: &str, rule: &str, priority: i64) -> Router {
    router(name, rule, Precedence::Ranked(priority))
}

/// TLS with the default options.
fn secured(entry_point: &str) -> Secured {
    Secured { entry_point: entry_point.into(), options: TlsOptionsKey::Default, standing: OptionsStanding::Usable }
}

/// The router of an Ingress path, with the rank that its host and path give it.
fn path(name: &str, host: &str, path: &str, kind: PathRank) -> Router {
    let matcher = match kind {
        PathRank::Exact => "Path",
        PathRank::Prefix => "PathPrefix",
        PathRank::Regexp => "PathRegexp",
    };
    let of_path = format!("{matcher}(`{path}`)");
    let text = if host.is_empty() { of_path } else { format!("Host(`{host}`) && {of_path}") };
    let host = match host {
        "" => HostRank::None,
        _ if host.starts_with('*') => HostRank::Wildcard,
        _ => HostRank::Exact,
    };
    let path_length = u32::try_from(path.len()).expect("short paths");
    router(name, &text, Precedence::Bloc(BlocRank { host, path_length, path: kind }))
}

fn entry_of(router: Router) -> (RouterKey, Option<Arc<Router>>) {
    (router.key.clone(), Some(Arc::new(router)))
}

/// A table with these routers and a balancer for each.
fn table(routers: impl IntoIterator<Item = Router>) -> Table {
    let routers: Vec<_> = routers.into_iter().map(entry_of).collect();
    let names = routers.iter().filter_map(|(_, router)| router.as_deref().map(|router| router.name.clone()));
    let balancers = names.map(|name| balancer(&name, 1)).collect();
    Table::new(&entry_points()).apply(&PlanPatch { generation: 1, routers, balancers, ..PlanPatch::default() })
}

fn with_request<T>(host: &str, path: &str, look: impl FnOnce(&RequestView<'_>) -> T) -> T {
    let headers = HeaderMap::new();
    let client_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    look(&RequestView { host, method: "GET", path, query: None, headers: &headers, client_ip })
}

/// What a plain request at `web` gets: a router's name, `refused <name>`, `none` or `not ready`.
fn routed(table: &Table, host: &str, path: &str) -> String {
    routed_at(table, WEB, Plain, host, path)
}

fn routed_at(table: &Table, entry: EntryPointId, kind: ConnectionKind, host: &str, path: &str) -> String {
    with_request(host, path, |request| match table.route(entry, kind, request) {
        Route::Rival => panic!("there is no rival"),
        Route::NotReady => "not ready".to_owned(),
        Route::NoRouter => "none".to_owned(),
        Route::Refused(router) => format!("refused {}", router.name),
        Route::Forward { router, balancer, tls_options: _ } => {
            assert_eq!(router.action.balancer(), &balancer.plan().key);
            router.name.to_string()
        }
    })
}

#[test]
fn a_router_is_refused_where_it_cannot_have_the_tls_options_it_wants() {
    let vain = Secured { standing: OptionsStanding::Refused, ..secured("websecure") };
    let entry_points = ["web".into(), "websecure".into()].into();
    let table = table([Router { secured: [vain].into(), entry_points, ..ranked("a", "PathPrefix(`/`)", 1) }]);
    let secure = table.entry_point("websecure").unwrap();
    assert_eq!(routed_at(&table, secure, ConnectionKind::Tls, "a.test", "/"), "refused a");
    assert_eq!(routed(&table, "a.test", "/"), "a");
}

#[test]
fn before_the_first_plan_nothing_is_ready() {
    let empty = Table::new(&entry_points());
    assert_eq!((empty.generation(), empty.is_ready(), routed(&empty, "a.test", "/").as_str()), (0, false, "not ready"));
    let first = empty.apply(&PlanPatch { generation: 7, ..PlanPatch::default() });
    assert_eq!((first.generation(), first.is_ready(), routed(&first, "a.test", "/").as_str()), (7, true, "none"));
    assert!(!empty.is_ready(), "a version never changes");
}

#[test]
fn entry_points_are_numbered_in_the_order_of_their_names() {
    let table = Table::new(&entry_points());
    assert_eq!(table.entry_point("web"), Some(WEB));
    assert_eq!(table.entry_point("websecure"), Some(WEBSECURE));
    assert_eq!(table.entry_point("traefik"), None);
}

#[test]
fn an_exact_host_beats_a_wildcard_and_a_wildcard_beats_none() {
    let table = table([
        path("none", "", "/very/long/path", PathRank::Exact),
        path("wildcard", "*.test", "/very/long", PathRank::Prefix),
        path("exact", "a.test", "/", PathRank::Prefix),
    ]);
    assert_eq!(routed(&table, "a.test", "/very/long/path"), "exact");
    assert_eq!(routed(&table, "b.test", "/very/long/path"), "wildcard");
    assert_eq!(routed(&table, "test", "/very/long/path"), "none");
    assert_eq!(routed(&table, "", "/very/long/path"), "none");
    assert_eq!(routed(&table, "b.test", "/very"), "none");
}

#[test]
fn the_longest_path_wins_and_exact_wins_among_equals() {
    let table = table([
        path("root", "a.test", "/", PathRank::Prefix),
        path("prefix", "a.test", "/x", PathRank::Prefix),
        path("exact", "a.test", "/x", PathRank::Exact),
        path("longer", "a.test", "/xy", PathRank::Prefix),
        path("regexp", "a.test", "^/x[a-z]+/9$", PathRank::Regexp),
    ]);
    let cases =
        [("/", "root"), ("/w", "root"), ("/x", "exact"), ("/x/", "prefix"), ("/xyz", "longer"), ("/xyz/9", "regexp")];
    for (path, want) in cases {
        assert_eq!(routed(&table, "a.test", path), want, "{path}");
    }
}

#[test]
fn hosts_are_found_without_a_trailing_dot() {
    let table = table([
        path("a", "a.test", "/", PathRank::Prefix),
        path("b", "b.test.", "/", PathRank::Prefix),
        path("w", "*.w.test", "/", PathRank::Prefix),
    ]);
    for (host, want) in [
        ("a.test", "a"),
        ("a.test.", "a"),
        ("b.test", "b"),
        ("b.test.", "b"),
        ("x.w.test.", "w"),
        (".w.test", "w"),
        ("w.test", "none"),
        ("a.b.w.test", "none"),
        ("a.test..", "none"),
        (".", "none"),
    ] {
        assert_eq!(routed(&table, host, "/"), want, "{host}");
    }
}

#[test]
fn the_older_ingress_and_then_the_smaller_key_win_a_tie() {
    let aged = |name: &str, created| {
        let router = path(name, "a.test", "/", PathRank::Prefix);
        Router { origin: Origin { created: Created(created), ..router.origin.clone() }, ..router }
    };
    assert_eq!(routed(&table([aged("a", 2), aged("z", 1)]), "a.test", "/"), "z");
    assert_eq!(routed(&table([aged("z", 1), aged("a", 1)]), "a.test", "/"), "a");
}

#[test]
fn a_strict_prefix_ties_with_a_plain_one_although_its_path_is_found_as_exact() {
    let strict = {
        let plain = path("strict", "a.test", "/a", PathRank::Prefix);
        let rule = "Host(`a.test`) && (Path(`/a`) || PathPrefix(`/a/`))";
        Router {
            origin: Origin { created: Created(1), ..plain.origin.clone() },
            ..router("strict", rule, plain.precedence)
        }
    };
    let table = table([strict, path("older", "a.test", "/a", PathRank::Prefix)]);
    for path in ["/a", "/a/", "/a/b"] {
        assert_eq!(routed(&table, "a.test", path), "older", "{path}");
    }
}

#[test]
fn an_explicit_priority_is_weighed_against_the_longest_matching_rule() {
    let table = table([
        path("b0", "a.test", "/", PathRank::Prefix),
        path("b1", "a.test", "/e", PathRank::Exact),
        path("b2", "a.test", "/long/enough/to/win", PathRank::Prefix),
        path("high", "a.test", "/high", PathRank::Prefix),
        ranked("b3", "Host(`a.test`) && PathPrefix(`/e`)", 30),
        ranked("b4", "Host(`a.test`) && PathPrefix(`/long`)", 40),
        ranked("b5", "PathPrefix(`/high`)", 1000),
    ]);
    for (host, path, want) in [
        ("a.test", "/", "b0"),
        ("a.test", "/e", "b1"),
        ("a.test", "/e/x", "b0"),
        ("a.test", "/long", "b4"),
        ("a.test", "/long/enough/to/win", "b2"),
        ("a.test", "/high", "b5"),
        ("a.test", "/higher", "b5"),
        ("b.test", "/high", "b5"),
    ] {
        assert_eq!(routed(&table, host, path), want, "{path}");
    }
}

#[test]
fn a_priority_equal_to_the_longest_rule_wins() {
    let bloc = path("bloc", "a.test", "/", PathRank::Prefix);
    let length = i64::try_from(bloc.rule.text().len()).expect("a short rule");
    let with = |priority| table([bloc.clone(), ranked("ranked", "PathPrefix(`/`)", priority)]);
    assert_eq!(routed(&with(length - 1), "a.test", "/"), "bloc");
    assert_eq!(routed(&with(length), "a.test", "/"), "ranked");
}

#[test]
fn the_bloc_counts_as_its_longest_rule_but_its_best_router_serves() {
    // The exact host wins inside the bloc; the longer rule without a host lifts the whole bloc above the priority.
    let best = path("best", "a.test", "/", PathRank::Prefix);
    let longest = path("longest", "", "/a/path/longer/than/all/the/rest", PathRank::Prefix);
    let table = table([best, longest, ranked("ranked", "PathPrefix(`/a`)", 40)]);
    assert_eq!(routed(&table, "a.test", "/a"), "ranked");
    assert_eq!(routed(&table, "a.test", "/a/path/longer/than/all/the/rest"), "best");
}

#[test]
fn the_default_router_comes_after_everything() {
    let table = table([
        ranked("default", "PathPrefix(`/`)", DEFAULT_ROUTER_PRIORITY),
        path("a", "a.test", "/a", PathRank::Prefix),
    ]);
    assert_eq!(routed(&table, "a.test", "/a"), "a");
    assert_eq!(routed(&table, "a.test", "/b"), "default");
}

#[test]
fn a_long_chain_of_prefixes_is_followed_to_its_end_and_taken_down_again() {
    let longest = paths::MAX_INDEXED;
    let chain: Vec<_> = (1..=longest)
        .map(|length| {
            let router = path(&format!("p{length}"), "a.test", &"/".repeat(length), PathRank::Prefix);
            // Only one of them listens here, so the search has to pass all the longer ones.
            let entry: Arc<str> = if length == 3 { "web".into() } else { "websecure".into() };
            Router { entry_points: [entry].into(), ..router }
        })
        .collect();
    let removal = chain.iter().map(|router| (router.key.clone(), None)).collect();
    let table = table(chain);
    assert_eq!(routed(&table, "a.test", &"/".repeat(longest)), "p3");
    assert_eq!(routed_at(&table, WEBSECURE, Plain, "a.test", &"/".repeat(longest + 20)), format!("p{longest}"));
    assert_eq!(routed(&table, "a.test", "//"), "none");
    let bare = table.apply(&PlanPatch { generation: 2, routers: removal, ..PlanPatch::default() });
    assert_eq!(bare.index.size(), (0, 0));
}

#[test]
fn paths_too_long_for_the_index_are_served_all_the_same() {
    let long = format!("/{}", "l".repeat(5000));
    let table = table([
        path("prefix", "a.test", &long, PathRank::Prefix),
        path("exact", "a.test", &format!("{long}/x"), PathRank::Exact),
        path("root", "a.test", "/", PathRank::Prefix),
    ]);
    assert_eq!(routed(&table, "a.test", &long), "prefix");
    assert_eq!(routed(&table, "a.test", &format!("{long}/x")), "exact");
    assert_eq!(routed(&table, "a.test", &long[..4000]), "root");
}

#[test]
fn entry_points_and_connection_kinds_are_apart() {
    let secure = Router {
        entry_points: ["web".into(), "websecure".into()].into(),
        tls: Some(Arc::default()),
        secured: [secured("web"), secured("websecure")].into(),
        ..path("secure", "a.test", "/", PathRank::Prefix)
    };
    let table = table([secure, path("plain", "a.test", "/", PathRank::Prefix)]);
    assert_eq!(routed_at(&table, WEB, Plain, "a.test", "/"), "plain");
    assert_eq!(routed_at(&table, WEB, Tls, "a.test", "/"), "secure");
    assert_eq!(routed_at(&table, WEBSECURE, Plain, "a.test", "/"), "none");
    assert_eq!(routed_at(&table, WEBSECURE, Tls, "a.test", "/"), "secure");
    for id in [2, 63, 64, 255] {
        assert_eq!(routed_at(&table, EntryPointId(id), Plain, "a.test", "/"), "none", "{id}");
    }
}

#[test]
fn routers_that_cannot_serve_are_listed_and_match_nothing() {
    let broken = Router { rule: RouterRule::Broken("Host(".into()), ..path("broken", "a.test", "/", PathRank::Prefix) };
    let nowhere = Router { entry_points: ["nope".into()].into(), ..path("nowhere", "a.test", "/", PathRank::Prefix) };
    let keys = [broken.key.clone(), nowhere.key.clone()];
    let table = table([broken, nowhere]);
    assert_eq!(routed(&table, "a.test", "/"), "none");
    assert_eq!(table.routers().count(), 2);
    assert!(keys.iter().all(|key| table.router(key).is_some()));
}

#[test]
fn a_refusing_router_does_not_let_its_requests_through_to_others() {
    let refusing =
        Router { action: Action::Refuse(balancer_key("x")), ..path("guarded", "a.test", "/admin", PathRank::Prefix) };
    let table = table([refusing, path("open", "a.test", "/", PathRank::Prefix)]);
    assert_eq!(routed(&table, "a.test", "/admin"), "refused guarded");
    assert_eq!(routed(&table, "a.test", "/"), "open");
}

#[test]
fn a_router_may_come_before_its_balancer_and_outlive_it() {
    let routers = vec![entry_of(path("a", "a.test", "/", PathRank::Prefix))];
    let alone = Table::new(&entry_points()).apply(&PlanPatch { generation: 1, routers, ..PlanPatch::default() });
    assert_eq!(routed(&alone, "a.test", "/"), "refused a");
    let with = |table: &Table, balancer| table.apply(&PlanPatch { balancers: vec![balancer], ..PlanPatch::default() });
    let served = with(&alone, balancer("a", 1));
    assert_eq!(routed(&served, "a.test", "/"), "a");
    let gone = with(&served, (balancer_key("a"), None));
    assert_eq!(routed(&gone, "a.test", "/"), "refused a");
    assert_eq!(routed(&with(&gone, balancer("a", 2)), "a.test", "/"), "a");
    assert_eq!(routed(&served, "a.test", "/"), "a", "a version never changes");
}

#[test]
fn new_endpoints_replace_one_slot_and_keep_the_rest() {
    let before = table([path("a", "a.test", "/", PathRank::Prefix), path("b", "b.test", "/", PathRank::Prefix)]);
    let after = before.apply(&PlanPatch { generation: 2, balancers: vec![balancer("a", 5)], ..PlanPatch::default() });
    let live = |table: &Table, name| table.balancer(&balancer_key(name)).cloned().expect("in service");
    assert_eq!(live(&after, "a").servers().len(), 5);
    assert_eq!(live(&before, "a").servers().len(), 1);
    assert!(Arc::ptr_eq(&live(&before, "b"), &live(&after, "b")));
    assert!(Arc::ptr_eq(&live(&before, "a").servers()[0].peer, &live(&after, "a").servers()[0].peer));
    let same = after.apply(&PlanPatch { generation: 3, balancers: vec![balancer("a", 5)], ..PlanPatch::default() });
    assert!(Arc::ptr_eq(&live(&after, "a"), &live(&same, "a")), "an equal plan is no change");
}

#[test]
fn many_routers_under_one_host_and_path_keep_their_order() {
    let rule = |number: i64| format!("Host(`a.test`) && PathPrefix(`/`) && Header(`X`, `{}`)", number % 3);
    let routers = |count| (0..count).map(move |number| ranked(&format!("r{number:04}"), &rule(number), number));
    let full = table(routers(300));
    let winner = |table: &Table, value: &'static str| {
        let headers: HeaderMap =
            [(http::HeaderName::from_static("x"), http::HeaderValue::from_static(value))].into_iter().collect();
        with_request("a.test", "/", |request| {
            match table.route(WEB, Plain, &RequestView { headers: &headers, ..*request }) {
                Route::Forward { router, .. } => router.name.to_string(),
                other => format!("{other:?}"),
            }
        })
    };
    assert_eq!(winner(&full, "0"), "r0297");
    let removed = routers(300).skip(100).map(|router| (router.key, None)).collect();
    let fewer = full.apply(&PlanPatch { generation: 2, routers: removed, ..PlanPatch::default() });
    assert_eq!(winner(&fewer, "0"), "r0099");
    assert_eq!(winner(&full, "1"), "r0298", "a version never changes");
}

#[test]
fn a_rival_counts_like_a_router_with_its_priority_and_wins_at_a_tie() {
    let short = path("short", "a.test", "/s", PathRank::Prefix);
    let long = path("long", "a.test", "/s/long/enough", PathRank::Prefix);
    let (short_number, long_number) = (short.shown_priority(), long.shown_priority());
    let thirty = ranked("thirty", "Host(`r.test`) && PathPrefix(`/`)", 30);
    let table = table([short, long, thirty]);
    let cases = [
        ("a.test", "/s", short_number - 1, "short"),
        ("a.test", "/s", short_number, "rival"),
        ("a.test", "/s/long/enough", long_number - 1, "long"),
        ("a.test", "/s/long/enough", long_number, "rival"),
        ("r.test", "/", 29, "thirty"),
        ("r.test", "/", 30, "rival"),
        ("r.test", "/", -1, "thirty"),
        ("nobody.test", "/", i64::MIN, "rival"),
    ];
    for (host, path, rival, want) in cases {
        let got = with_request(host, path, |request| match table.route_against(WEB, Plain, request, Some(rival)) {
            Route::Rival => "rival".to_owned(),
            Route::Forward { router, .. } => router.name.to_string(),
            other => format!("{other:?}"),
        });
        assert_eq!(got, want, "{host}{path} against {rival}");
    }
    let waiting = Table::new(&entry_points());
    let early = with_request("a.test", "/", |request| {
        matches!(waiting.route_against(WEB, Plain, request, Some(1)), Route::NotReady)
    });
    assert!(early, "a rival waits for the first table, too");
}

#[test]
fn certificates_come_and_go() {
    let pair = |byte: u8| key_pair(&[], byte);
    let key = |name: &str| SecretKey::new("default", name);
    let patch = |certificates| PlanPatch { generation: 1, certificates, ..PlanPatch::default() };
    let two = Table::new(&[]).apply(&patch(vec![(key("a"), Some(pair(1))), (key("b"), Some(pair(2)))]));
    let one = two.apply(&patch(vec![(key("a"), None), (key("b"), Some(pair(3)))]));
    assert_eq!(two.certificates().count(), 2);
    assert_eq!(one.certificates().collect::<Vec<_>>(), [(&key("b"), &pair(3))]);
}
