//! Rows for `kubectl get`: the server decides the columns (`meta.k8s.io/v1` Table).
//!
//! NAME and AGE for every kind, and a few more where they help to look at routes. Source of the columns:
//! `pkg/printers/internalversion/printers.go`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::http::metadata_only;
use super::kinds::Kind;

/// How much of each object goes with its row (`includeObject`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RowObject {
    #[default]
    Metadata,
    Whole,
    None,
}

/// The objects as a table.
pub(super) fn table(kind: &Kind, items: &[Arc<Value>], metadata: &Value, rows: RowObject, now: Timestamp) -> Value {
    let columns = columns(kind);
    let row = |object: &Arc<Value>| {
        let mut cells = vec![object["metadata"]["name"].clone()];
        cells.extend(columns.iter().map(|column| Value::from((column.cell)(object))));
        cells.push(Value::from(age(object, now)));
        let shown = match rows {
            RowObject::Metadata => metadata_only(object),
            RowObject::Whole => Value::clone(object),
            RowObject::None => Value::Null,
        };
        json!({"cells": cells, "object": shown})
    };
    let names = std::iter::once(("Name", "name")).chain(columns.iter().map(|it| (it.name, ""))).chain([("Age", "")]);
    let definitions: Vec<Value> = names
        .map(|(name, format)| {
            json!({"name": name, "type": "string", "format": format, "description": "", "priority": 0})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": items.iter().map(row).collect::<Vec<_>>(),
    })
}

struct Column {
    name: &'static str,
    cell: fn(&Value) -> String,
}

fn columns(kind: &Kind) -> &'static [Column] {
    match kind.kind {
        "Ingress" => &[
            Column { name: "Class", cell: |it| text_or(&it["spec"]["ingressClassName"], "<none>") },
            Column { name: "Hosts", cell: hosts },
            Column { name: "Address", cell: addresses },
            Column {
                name: "Ports",
                cell: |it| if it["spec"]["tls"].is_array() { "80, 443".into() } else { "80".into() },
            },
        ],
        "Service" => &[
            Column { name: "Type", cell: |it| text_or(&it["spec"]["type"], "ClusterIP") },
            Column { name: "Cluster-IP", cell: |it| text_or(&it["spec"]["clusterIP"], "<none>") },
            Column { name: "External-IP", cell: external_address },
            Column { name: "Port(s)", cell: ports },
        ],
        "Secret" => &[
            Column { name: "Type", cell: |it| text_or(&it["type"], "Opaque") },
            Column { name: "Data", cell: |it| count(&it["data"]) },
        ],
        "ConfigMap" => &[Column { name: "Data", cell: |it| count(&it["data"]) }],
        "IngressClass" => &[Column { name: "Controller", cell: |it| text_or(&it["spec"]["controller"], "<none>") }],
        "EndpointSlice" => &[
            Column { name: "AddressType", cell: |it| text_or(&it["addressType"], "<none>") },
            Column { name: "Endpoints", cell: endpoints },
        ],
        "Lease" => &[Column { name: "Holder", cell: |it| text_or(&it["spec"]["holderIdentity"], "") }],
        "Namespace" => &[Column { name: "Status", cell: |it| text_or(&it["status"]["phase"], "Active") }],
        "Event" => &[
            Column { name: "Type", cell: |it| text_or(&it["type"], "") },
            Column { name: "Reason", cell: |it| text_or(&it["reason"], "") },
            Column { name: "Object", cell: event_object },
            Column { name: "Message", cell: |it| text_or(&it["message"], &text_or(&it["note"], "")) },
        ],
        _ => &[],
    }
}

fn text_or(value: &Value, default: &str) -> String {
    value.as_str().filter(|text| !text.is_empty()).unwrap_or(default).to_owned()
}

fn count(value: &Value) -> String {
    value.as_object().map_or(0, serde_json::Map::len).to_string()
}

/// Three at most, like kubectl.
fn few(texts: Vec<String>, none: &str) -> String {
    match texts.len() {
        0 => none.to_owned(),
        1..=3 => texts.join(","),
        more => format!("{} + {} more...", texts[..3].join(","), more - 3),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn hosts(ingress: &Value) -> String {
    few(list(&ingress["spec"]["rules"]).map(|rule| text_or(&rule["host"], "*")).collect(), "*")
}

fn addresses(object: &Value) -> String {
    let of_one = |it: &Value| text_or(&it["ip"], &text_or(&it["hostname"], ""));
    few(list(&object["status"]["loadBalancer"]["ingress"]).map(of_one).collect(), "")
}

fn external_address(service: &Value) -> String {
    let external: Vec<String> = list(&service["spec"]["externalIPs"]).map(|it| text_or(it, "")).collect();
    match service["spec"]["type"].as_str() {
        Some("ExternalName") => text_or(&service["spec"]["externalName"], "<none>"),
        Some("LoadBalancer") => Some(addresses(service)).filter(|it| !it.is_empty()).unwrap_or("<pending>".to_owned()),
        _ => few(external, "<none>"),
    }
}

fn ports(service: &Value) -> String {
    let one = |port: &Value| {
        let node = port["nodePort"].as_i64().filter(|it| *it != 0).map(|it| format!(":{it}")).unwrap_or_default();
        format!("{}{node}/{}", port["port"], text_or(&port["protocol"], "TCP"))
    };
    few(list(&service["spec"]["ports"]).map(one).collect(), "<none>")
}

fn endpoints(slice: &Value) -> String {
    few(list(&slice["endpoints"]).flat_map(|it| list(&it["addresses"])).map(|it| text_or(it, "")).collect(), "<unset>")
}

fn event_object(event: &Value) -> String {
    let object = if event["involvedObject"].is_object() { &event["involvedObject"] } else { &event["regarding"] };
    format!("{}/{}", text_or(&object["kind"], "").to_lowercase(), text_or(&object["name"], ""))
}

fn age(object: &Value, now: Timestamp) -> String {
    let created = object["metadata"]["creationTimestamp"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    created
        .map_or("<unknown>".to_owned(), |created| short_duration(now.as_second().saturating_sub(created.as_second())))
}

/// As `k8s.io/apimachinery/pkg/util/duration`, HumanDuration, with one unit less where that gives two.
fn short_duration(seconds: i64) -> String {
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::kinds::{self, KINDS};

    fn cells(kind: &str, object: Value) -> Vec<String> {
        let now = Timestamp::from_second(1_000_000).expect("in range");
        let kind = kinds::by_name(kind).expect("served");
        let table = table(kind, &[Arc::new(object)], &json!({}), RowObject::Metadata, now);
        let cells = table["rows"][0]["cells"].as_array().expect("a row");
        assert_eq!(table["columnDefinitions"].as_array().map(Vec::len), Some(cells.len()));
        cells.iter().map(|cell| cell.as_str().unwrap_or("?").to_owned()).collect()
    }

    #[test]
    fn an_ingress_shows_its_hosts_and_addresses() {
        let got = cells(
            "Ingress",
            json!({
                "metadata": {"name": "web", "creationTimestamp": "1970-01-12T13:40:00Z"},
                "spec": {"ingressClassName": "traefik", "tls": [],
                    "rules": [{"host": "a"}, {}, {"host": "c"}, {"host": "d"}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "lb"}]}},
            }),
        );
        assert_eq!(got, ["web", "traefik", "a,*,c + 1 more...", "1.2.3.4,lb", "80, 443", "6m"]);
    }

    #[test]
    fn every_kind_prints_absurd_objects() {
        for kind in KINDS {
            for absurd in
                [json!(null), json!([1]), json!({"metadata": 4, "spec": [], "data": 1, "status": {"loadBalancer": 1}})]
            {
                let rows = table(kind, &[Arc::new(absurd)], &json!({}), RowObject::Whole, Timestamp::MAX);
                assert_eq!(rows["rows"].as_array().map(Vec::len), Some(1), "{}", kind.kind);
            }
        }
    }
}
