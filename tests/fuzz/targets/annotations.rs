//! Annotations: one `key=value` per line, on an Ingress and on a Service. All of it is read or told, in bounded words.
use pilotage::actors::ingress::IngressKind;
use pilotage::actors::kind::Watched;
use pilotage::actors::service::ServiceKind;
use pilotage::parse::annotations::PREFIX;
use serde_json::{Map, Value, json};

/// One input.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let annotations: Map<String, Value> =
        pairs.map(|(key, value)| (format!("{PREFIX}{key}"), Value::from(value))).collect();
    let count = annotations.len();
    let metadata = json!({"namespace": "n", "name": "a", "annotations": annotations});
    let ingress = serde_json::from_value(json!({"metadata": metadata})).expect("an Ingress");
    let fact = IngressKind::parse(&ingress);
    assert_eq!(fact, IngressKind::parse(&ingress), "the same object says the same");
    let service = serde_json::from_value(json!({"metadata": metadata})).expect("a Service");
    let service = ServiceKind::parse(&service);
    for problem in fact.problems.iter().chain(&service.problems) {
        assert!(problem.text.len() < 2_000 && problem.path.len() < 2_000, "{} bytes", problem.text.len());
    }
    assert!(fact.problems.len() <= 8 * count + 8, "{} problems with {count} annotations", fact.problems.len());
}
