//! In which shape a client wants objects: whole, as rows of a table, or only their metadata.
//!
//! Chosen by `Accept`
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources>).
//! Nobody gets protobuf; who asks for nothing we have gets JSON.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::apiserver::kinds::Kind;
use crate::apiserver::table::{self, RowObject};

/// A shape, negotiated once per request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apiserver) enum View {
    Whole,
    Table(RowObject, jiff::Timestamp),
    Metadata,
}

/// What `Accept` asks for, ahead of the question what is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Table,
    Metadata,
    /// Discovery of all groups in one document.
    AggregatedDiscovery,
    /// The protobuf form of the OpenAPI document.
    OpenApiProtobuf,
}

/// The first alternative that is spoken here.
pub(super) fn negotiate(accept: &str) -> Wanted {
    accept.split(',').find_map(alternative).unwrap_or(Wanted::Whole)
}

fn alternative(text: &str) -> Option<Wanted> {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or("").to_ascii_lowercase();
    let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let parameter = |name: &str| parameters.iter().find(|(it, _)| *it == name).map_or("", |(_, value)| value);
    let is_meta = parameter("g") == "meta.k8s.io" && parameter("v") == "v1";
    match (media_type.as_str(), parameter("as")) {
        ("application/json", "Table") => is_meta.then_some(Wanted::Table),
        ("application/json", "PartialObjectMetadata" | "PartialObjectMetadataList") => {
            is_meta.then_some(Wanted::Metadata)
        }
        ("application/json", "APIGroupDiscoveryList") => {
            (parameter("g") == "apidiscovery.k8s.io" && parameter("v") == "v2").then_some(Wanted::AggregatedDiscovery)
        }
        ("application/json" | "application/*" | "*/*", "") => Some(Wanted::Whole),
        (proto, "") if proto.starts_with("application/com.github.proto-openapi.spec.v2") => {
            Some(Wanted::OpenApiProtobuf)
        }
        _ => None,
    }
}

impl View {
    /// One object in this shape.
    pub(in crate::apiserver) fn object(&self, kind: &Kind, object: &Arc<Value>) -> Arc<Value> {
        match self {
            Self::Whole => Arc::clone(object),
            Self::Metadata => Arc::new(metadata_only(object)),
            Self::Table(rows, now) => {
                let version = object["metadata"]["resourceVersion"].clone();
                Arc::new(table::table(
                    kind,
                    std::slice::from_ref(object),
                    &json!({"resourceVersion": version}),
                    *rows,
                    *now,
                ))
            }
        }
    }

    /// The JSON text of a list in this shape.
    pub(in crate::apiserver) fn list(&self, kind: &Kind, items: &[Arc<Value>], metadata: &Value) -> Vec<u8> {
        let text = match self {
            Self::Table(rows, now) => serde_json::to_vec(&table::table(kind, items, metadata, *rows, *now)),
            Self::Whole => {
                let (name, api_version) = (format!("{}List", kind.kind), kind.api_version());
                serde_json::to_vec(&List { kind: &name, api_version: &api_version, metadata, items })
            }
            Self::Metadata => {
                let items: Vec<Arc<Value>> = items.iter().map(|item| Arc::new(metadata_only(item))).collect();
                let (kind, api_version) = ("PartialObjectMetadataList", "meta.k8s.io/v1");
                serde_json::to_vec(&List { kind, api_version, metadata, items: &items })
            }
        };
        // Values always have a text.
        text.unwrap_or_default()
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: &'a str,
    api_version: &'a str,
    metadata: &'a Value,
    items: &'a [Arc<Value>],
}

/// `PartialObjectMetadata`.
pub(in crate::apiserver) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_understood_alternative_counts() {
        let kubectl_get = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                           application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        let kubectl_discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let cases = [
            ("", Wanted::Whole),
            ("*/*", Wanted::Whole),
            ("application/json", Wanted::Whole),
            ("application/vnd.kubernetes.protobuf,application/json", Wanted::Whole),
            ("application/vnd.kubernetes.protobuf", Wanted::Whole),
            (kubectl_get, Wanted::Table),
            ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", Wanted::Metadata),
            ("application/json;as=Table;v=v9;g=meta.k8s.io", Wanted::Whole),
            (kubectl_discovery, Wanted::AggregatedDiscovery),
            ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", Wanted::OpenApiProtobuf),
        ];
        for (accept, want) in cases {
            assert_eq!(negotiate(accept), want, "{accept}");
        }
    }
}
