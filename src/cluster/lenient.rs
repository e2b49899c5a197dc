//! An object that may not be of its kind: a text where a list belongs does not stop the watch of all the others.
//!
//! The real API server validates, but it is not the only writer of what we read (old storage versions, webhooks, a foreign
//! server), and one typed error would otherwise fail a whole list for ever. Managed fields are dropped before anything is kept.
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Bytes of an error text that are kept.
const TEXT_LIMIT: usize = 300;

/// Metadata that the watch needs, and the object or what is wrong with its form.
#[derive(Clone, Debug)]
pub struct Lenient<K> {
    /// Namespace, name and resource version; nothing else.
    pub metadata: ObjectMeta,
    /// The object, or the field at fault and what it should be. Values are left out of the text: it may be a Secret.
    pub object: Result<Box<K>, Arc<str>>,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Lenient<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = deserializer.deserialize_map(WithoutManagedFields { at: Level::Object })?;
        let Some(metadata) = object.get("metadata").and_then(Value::as_object) else {
            return Err(D::Error::custom("object without metadata"));
        };
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        let kept = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        let object = serde_path_to_error::deserialize::<_, K>(Value::Object(object))
            .map(Box::new)
            .map_err(|error| describe(&error));
        Ok(Self { metadata: kept, object })
    }
}

/// Reads a map whole, but for `metadata.managedFields`: often the larger half of an object, and read over without making
/// anything of it.
#[derive(Clone, Copy)]
struct WithoutManagedFields {
    at: Level,
}

/// Where a map stands.
#[derive(Clone, Copy)]
enum Level {
    Object,
    Metadata,
}

impl<'de> Visitor<'de> for WithoutManagedFields {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.at {
            Level::Object => "an object",
            Level::Metadata => "metadata",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = match (self.at, key.as_str()) {
                (Level::Object, "metadata") => {
                    Value::Object(access.next_value_seed(WithoutManagedFields { at: Level::Metadata })?)
                }
                (Level::Metadata, "managedFields") => {
                    access.next_value::<IgnoredAny>()?;
                    continue;
                }
                _ => access.next_value()?,
            };
            map.insert(key, value);
        }
        Ok(map)
    }
}

impl<'de> DeserializeSeed<'de> for WithoutManagedFields {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// `spec.rules[0].http: expected a map`, without the value.
fn describe(error: &serde_path_to_error::Error<serde_json::Error>) -> Arc<str> {
    let cause = error.inner().to_string();
    // serde says «invalid type: string "…", expected a map»; the part before «expected» quotes the value.
    let what = match cause.rfind("expected ") {
        Some(at) => cause[at..].to_owned(),
        None if cause.starts_with("missing field") => cause,
        None => "cannot be read".to_owned(),
    };
    let mut text = format!("field {}: {what}", error.path());
    if text.len() > TEXT_LIMIT {
        let end = (0..=TEXT_LIMIT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text.into()
}

impl<K: Resource<DynamicType = ()>> Resource for Lenient<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind(dt: &()) -> Cow<'_, str> {
        K::kind(dt)
    }
    fn group(dt: &()) -> Cow<'_, str> {
        K::group(dt)
    }
    fn version(dt: &()) -> Cow<'_, str> {
        K::version(dt)
    }
    fn plural(dt: &()) -> Cow<'_, str> {
        K::plural(dt)
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Secret, Service};
    use k8s_openapi::api::networking::v1::Ingress;

    #[test]
    fn a_good_object_is_read_without_its_managed_fields() {
        let text = r#"{"metadata":{"name":"a","namespace":"b","resourceVersion":"7","managedFields":[{"manager":"x"}]},"spec":{"type":"ClusterIP"}}"#;
        let read: Lenient<Service> = serde_json::from_str(text).unwrap();
        assert_eq!(read.metadata.name.as_deref(), Some("a"));
        assert_eq!(read.metadata.resource_version.as_deref(), Some("7"));
        let object = read.object.unwrap();
        assert!(object.metadata.managed_fields.is_none());
        assert_eq!(object.spec.unwrap().type_.as_deref(), Some("ClusterIP"));
    }

    #[test]
    fn the_order_of_a_watch_event_does_not_matter() {
        for text in [
            r#"{"type":"ADDED","object":{"metadata":{"name":"a","managedFields":7},"spec":{}}}"#,
            r#"{"object":{"spec":{},"metadata":{"managedFields":null,"name":"a"}},"type":"ADDED"}"#,
        ] {
            let event: kube::core::WatchEvent<Lenient<Service>> = serde_json::from_str(text).unwrap();
            let kube::core::WatchEvent::Added(read) = event else { panic!("{text}") };
            assert_eq!(read.metadata.name.as_deref(), Some("a"));
            assert!(read.object.is_ok());
        }
        for text in ["{}", r#"{"metadata":null}"#, r#"{"metadata":[]}"#, "[]"] {
            assert!(serde_json::from_str::<Lenient<Service>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_absurd_object_keeps_its_name_and_says_which_field_is_wrong() {
        let text = r#"{"metadata":{"name":"a"},"spec":{"rules":[{"host":"h","http":{"paths":"none"}}]}}"#;
        let read: Lenient<Ingress> = serde_json::from_str(text).unwrap();
        let problem = read.object.unwrap_err();
        assert!(problem.contains("spec.rules[0].http.paths"), "{problem}");
        assert!(problem.contains("expected"), "{problem}");
        assert_eq!(read.metadata.name.as_deref(), Some("a"));
    }

    #[test]
    fn the_value_of_a_wrong_field_is_never_told() {
        let text = r#"{"metadata":{"name":"a"},"data":"hunter2"}"#;
        let read: Lenient<Secret> = serde_json::from_str(text).unwrap();
        let problem = read.object.unwrap_err();
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}
