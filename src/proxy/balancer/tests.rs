//! Tests of whole balancers.
use super::*;
use crate::model::facts::StickyCookie;
use crate::model::keys::{BalancerKey, TransportKey};
use crate::model::plan::{BalancerOptions, BalancerOrigin, HostHeader, Scheme};
use ServerState::{Active, Draining};
use http::header::COOKIE;
use proptest::prelude::*;

fn server(number: usize, state: ServerState) -> Server {
    let host: Arc<str> = format!("10.0.0.{number}").into();
    Server { url: format!("http://{host}:80").into(), scheme: Scheme::Http, host, port: 80, state }
}

fn servers(states: &[ServerState]) -> Vec<Server> {
    states.iter().enumerate().map(|(number, state)| server(number, *state)).collect()
}

fn plan(servers: Vec<Server>, sticky: Option<Sticky>) -> Arc<Balancer> {
    let options = BalancerOptions {
        host_header: HostHeader::Pass,
        sticky,
        transport: "".into(),
        transport_key: TransportKey::Default,
        middlewares: Vec::new(),
    };
    Arc::new(Balancer {
        key: BalancerKey::Default,
        name: "b".into(),
        origin: BalancerOrigin { namespace: "n".into(), service: "s".into(), port: "80".into() },
        options: Arc::new(options),
        servers: servers.into(),
    })
}

fn build(plan: Arc<Balancer>, previous: Option<&LiveBalancer>) -> LiveBalancer {
    LiveBalancer::build(plan, Some(&Arc::default()), previous)
}

fn plain(states: &[ServerState]) -> LiveBalancer {
    build(plan(servers(states), None), None)
}

fn sticky(states: &[ServerState]) -> LiveBalancer {
    let cookie = StickyCookie {
        name: "lane".into(),
        secure: false,
        http_only: false,
        same_site: "".into(),
        max_age: 0,
        path: "/".into(),
        domain: "".into(),
    };
    build(plan(servers(states), Some(Sticky::Cookie(cookie))), None)
}

fn tried(indexes: &[usize]) -> Tried {
    let mut tried = Tried::new();
    indexes.iter().for_each(|index| tried.insert(*index));
    tried
}

fn picks(balancer: &LiveBalancer, count: usize) -> Vec<usize> {
    (0..count).map(|_| balancer.pick(&HeaderMap::new(), &Tried::new()).expect("a server").index).collect()
}

/// What a client sends back after `picked`.
fn reply(picked: &Picked<'_>) -> HeaderMap {
    let line = picked.set_cookie.as_ref().expect("a cookie").to_str().expect("ascii");
    let pair = line.split(';').next().expect("name and value");
    [(COOKIE, HeaderValue::try_from(pair).expect("a header value"))].into_iter().collect()
}

#[test]
fn servers_take_turns() {
    assert_eq!(picks(&plain(&[Active, Active, Active]), 7), [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn a_balancer_without_servers_picks_none() {
    assert!(plain(&[]).pick(&HeaderMap::new(), &Tried::new()).is_none());
    assert!(sticky(&[]).pick(&HeaderMap::new(), &Tried::new()).is_none());
}

#[test]
fn draining_servers_wait_until_no_active_one_is_left() {
    let balancer = plain(&[Draining, Active, Draining]);
    assert_eq!(picks(&balancer, 3), [1, 1, 1]);
    let next = |indexes: &[usize]| balancer.pick(&HeaderMap::new(), &tried(indexes)).map(|picked| picked.index);
    let after_active = next(&[1]).expect("a draining one");
    assert_ne!(after_active, 1);
    assert_eq!(next(&[0, 1]), Some(2));
    assert_eq!(next(&[0, 1, 2]), None);
    let mut alone = picks(&plain(&[Draining, Draining]), 4);
    alone.sort();
    assert_eq!(alone, [0, 0, 1, 1]);
}

#[test]
fn a_request_is_not_tried_without_end() {
    let balancer = plain(&[Active; 40]);
    let mut tried = Tried::new();
    let mut tries = 0;
    while let Some(picked) = balancer.pick(&HeaderMap::new(), &tried) {
        assert!(!tried.contains(picked.index));
        tried.insert(picked.index);
        tries += 1;
    }
    assert_eq!(tries, Tried::ROOM);
}

#[test]
fn new_endpoints_do_not_reset_the_turn() {
    let before = plain(&[Active, Active, Active]);
    assert_eq!(picks(&before, 2), [0, 1]);
    let after = build(plan(servers(&[Active, Active, Active, Active]), None), Some(&before));
    assert_eq!(picks(&after, 3), [2, 3, 0]);
    assert_eq!(picks(&before, 1), [2], "requests that still hold the old version count on");
    assert_eq!(picks(&after, 1), [2]);
}

#[test]
fn peers_that_stay_keep_their_identity() {
    let before = plain(&[Active, Active]);
    let after = build(plan(vec![server(1, Draining), server(7, Active)], None), Some(&before));
    let old: Vec<_> = before.servers().iter().map(|live| live.peer.clone()).collect();
    assert!(Arc::ptr_eq(&after.servers()[0].peer, &old[1]), "the state of a server is not part of its connections");
    assert_eq!(**after.servers()[1].peer.host(), *"10.0.0.7");
    assert_eq!(after.servers()[0].server.state, Draining);
}

#[test]
fn servers_know_their_host_header_and_address() {
    for (host, header, address) in [
        ("10.0.0.1", "10.0.0.1:80", Some("10.0.0.1:80")),
        ("fd00::1", "[fd00::1]:80", Some("[fd00::1]:80")),
        ("name.test", "name.test:80", None),
        ("bad\nname", "", None),
    ] {
        let server = Server { host: host.into(), ..server(0, Active) };
        let balancer = build(plan(vec![server], None), None);
        let live = &balancer.servers()[0];
        assert_eq!(live.host_header, header, "{host}");
        assert_eq!(live.address.map(|address| address.to_string()).as_deref(), address, "{host}");
    }
}

#[test]
fn a_client_without_a_cookie_gets_one_and_stays() {
    let balancer = sticky(&[Active, Active, Active]);
    let first = balancer.pick(&HeaderMap::new(), &Tried::new()).expect("a server");
    let headers = reply(&first);
    for _ in 0..5 {
        let again = balancer.pick(&headers, &Tried::new()).expect("a server");
        assert_eq!(again.index, first.index);
        assert_eq!(again.set_cookie, None);
    }
}

#[test]
fn a_sticky_client_stays_on_a_draining_server() {
    let before = sticky(&[Active, Active]);
    let picked = before.pick(&HeaderMap::new(), &Tried::new()).expect("a server");
    let mut changed = Balancer::clone(before.plan());
    changed.servers = servers(&[Draining, Active]).into();
    let after = build(Arc::new(changed), Some(&before));
    let again = after.pick(&reply(&picked), &Tried::new()).expect("a server");
    assert_eq!((again.index, again.set_cookie), (0, None));
    assert_eq!(after.pick(&HeaderMap::new(), &Tried::new()).expect("a server").index, 1);
}

#[test]
fn a_sticky_client_whose_server_fails_is_bound_to_the_next_one() {
    let balancer = sticky(&[Active, Active]);
    let first = balancer.pick(&HeaderMap::new(), &Tried::new()).expect("a server");
    let second = balancer.pick(&reply(&first), &tried(&[first.index])).expect("the other one");
    assert_ne!(second.index, first.index);
    let back = balancer.pick(&reply(&second), &Tried::new()).expect("a server");
    assert_eq!((back.index, back.set_cookie), (second.index, None));
}

#[test]
fn an_unknown_value_is_replaced() {
    let balancer = sticky(&[Active, Active]);
    let headers: HeaderMap = [(COOKIE, HeaderValue::from_static("lane=0000000000000000"))].into_iter().collect();
    let picked: Vec<_> = (0..2).map(|_| balancer.pick(&headers, &Tried::new()).expect("a server")).collect();
    assert_ne!(picked[0].index, picked[1].index);
    assert_ne!(picked[0].set_cookie, picked[1].set_cookie);
}

#[test]
fn threads_share_the_rounds_exactly() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 250;
    let balancer = plain(&[Active; 5]);
    let counts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| picks(&balancer, 5 * ROUNDS))).collect();
        let picks = threads.into_iter().flat_map(|thread| thread.join().expect("no panic"));
        picks.fold(vec![0; 5], |mut counts, index| {
            counts[index] += 1;
            counts
        })
    });
    assert_eq!(counts, [THREADS * ROUNDS; 5]);
}

fn states() -> impl Strategy<Value = Vec<ServerState>> {
    prop::collection::vec(prop_oneof![Just(Active), Just(Draining)], 0..12)
}

proptest! {
    #[test]
    fn only_the_best_servers_that_were_not_tried_are_picked(
        states in states(),
        already in prop::collection::vec(0_usize..12, 0..10),
        cookies in any::<bool>(),
    ) {
        let balancer = if cookies { sticky(&states) } else { plain(&states) };
        let tried = tried(&already);
        let left = |state| (0..states.len()).filter(|index| states[*index] == state && !tried.contains(*index)).count();
        for _ in 0..states.len() {
            match balancer.pick(&HeaderMap::new(), &tried) {
                Some(picked) => {
                    prop_assert!(!tried.contains(picked.index));
                    prop_assert_eq!(&picked.server.server, &balancer.plan().servers[picked.index]);
                    prop_assert!(states[picked.index] == Active || left(Active) == 0);
                    prop_assert_eq!(picked.set_cookie.is_some(), cookies);
                }
                None => prop_assert_eq!(left(Active) + left(Draining), 0),
            }
        }
    }

    #[test]
    fn rebuilding_changes_no_turn(states in states(), pauses in prop::collection::vec(0_usize..5, 0..6)) {
        let constant = plain(&states);
        let mut rebuilt = plain(&states);
        for pause in pauses {
            for _ in 0..pause {
                let pick = |balancer: &LiveBalancer| balancer.pick(&HeaderMap::new(), &Tried::new()).map(|picked| picked.index);
                prop_assert_eq!(pick(&constant), pick(&rebuilt));
            }
            rebuilt = build(rebuilt.plan().clone(), Some(&rebuilt));
        }
    }
}
