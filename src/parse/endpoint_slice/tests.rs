use super::*;
use crate::parse::testing::slice;
use serde_json::json;

#[test]
fn conditions_decide_whether_and_how_an_endpoint_serves() {
    let cases = [
        (json!({}), Some(ServerState::Active)),
        (json!({"ready": true, "serving": true, "terminating": false}), Some(ServerState::Active)),
        (json!({"ready": false, "serving": true, "terminating": true}), Some(ServerState::Draining)),
        (json!({"ready": false, "serving": false, "terminating": true}), None),
        (json!({"ready": false}), Some(ServerState::Active)),
    ];
    for (conditions, want) in cases {
        let fact = parse(&slice("n", "a", "s").conditions(&["10.0.0.1"], conditions.clone()).typed());
        assert_eq!(fact.endpoints.first().map(|endpoint| endpoint.state), want, "{conditions}");
    }
}

#[test]
fn absent_conditions_and_their_defaults_are_the_same_fact() {
    let bare = slice("n", "a", "s").endpoint(&["10.0.0.1"]);
    let full = slice("n", "a", "s")
        .conditions(&["10.0.0.1"], json!({"ready": true, "serving": true, "terminating": false}))
        .set("/metadata/resourceVersion", "9");
    assert_eq!(parse(&bare.typed()), parse(&full.typed()));
}

#[test]
fn a_slice_without_the_label_belongs_to_nobody() {
    let fact = parse(&slice("n", "a", "s").set("/metadata/labels", json!({"x": "y"})).typed());
    assert_eq!(fact.service, None);
    assert_eq!(parse(&slice("n", "a", "s").typed()).service, Some(ServiceKey::new("n", "s")));
}

#[test]
fn nonsense_is_left_out_and_reported() {
    let object = slice("n", "a", "s")
        .slice_port("", 70000)
        .slice_port("", 0)
        .push("/ports", json!({"name": "x"}))
        .push("/ports", json!({"port": 80}))
        .endpoint(&["", "10.0.0.1", "a b", "fe80::1", "host.name", "1.2.3.4/x", "[::1]"])
        .endpoint(&[]);
    let fact = parse(&object.typed());
    let addresses: Vec<&str> = fact.endpoints[0].addresses.iter().map(|address| &**address).collect();
    assert_eq!(addresses, ["10.0.0.1", "fe80::1", "host.name"]);
    assert_eq!(fact.endpoints.len(), 1);
    let ports: Vec<_> = fact.ports.iter().map(|port| (port.name.as_deref(), port.number)).collect();
    assert_eq!(ports, [(Some(""), 70000), (Some(""), 0), (Some("x"), 0), (None, 80)]);
    assert_eq!(fact.problems.len(), 6, "{:?}", fact.problems);
}

#[test]
fn slices_are_joined_by_age_then_name() {
    let fact = |name: &str, second| Arc::new(parse(&slice("n", name, "s").created(second).typed()));
    let joined = join(ServiceKey::new("n", "s"), vec![fact("c", 2), fact("b", 1), fact("a", 2)]);
    let names: Vec<&str> = joined.slices.iter().map(|slice| &*slice.key.name).collect();
    assert_eq!(names, ["b", "a", "c"]);
}
