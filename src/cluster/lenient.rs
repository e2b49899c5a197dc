//! An object that may not be of its kind: a text where a list belongs does not stop the watch of all the others.
//!
//! The real API server validates, but it is not the only writer of what we read (old storage versions, webhooks, a foreign
//! server), and one typed error would otherwise fail a whole list for ever. What nothing reads (managed fields, most of a
//! Node's status) is passed over in the text, before anything is made of it.
mod tape;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use std::borrow::Cow;
use std::sync::Arc;
use tape::{Reader, Tape};

pub use tape::Unread;

/// Bytes of an error text that are kept.
const TEXT_LIMIT: usize = 300;

/// An object of which only a part is read.
pub trait Sparse: DeserializeOwned {
    /// What nothing looks at. It must be optional in the type, and may hold whatever it likes.
    const UNREAD: &'static [Unread];
}

/// Metadata of no kind that we watch is needed for more than its names, its version, its age, its labels and annotations.
/// Managed fields are often the larger half of an object, and the annotation is the object once more.
pub const UNREAD_METADATA: &[Unread] = &[
    Unread::Field("managedFields"),
    Unread::Field("ownerReferences"),
    Unread::Within("annotations", &[Unread::Field("kubectl.kubernetes.io/last-applied-configuration")]),
];

/// Metadata that the watch needs, and the object or what is wrong with its form.
#[derive(Clone, Debug)]
pub struct Lenient<K> {
    /// Namespace, name and resource version; nothing else.
    pub metadata: ObjectMeta,
    /// The object, or the field at fault and what it should be. Values are left out of the text: it may be a Secret.
    pub object: Result<Box<K>, Arc<str>>,
}

impl<'de, K: Sparse> Deserialize<'de> for Lenient<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tape = Tape::read(deserializer, K::UNREAD)?;
        let Some(metadata) = tape.value().field("metadata").filter(|metadata| metadata.map().is_some()) else {
            return Err(D::Error::custom("object without metadata"));
        };
        let text = |key: &str| metadata.field(key).and_then(Reader::text).map(str::to_owned);
        let kept = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        // To know where an error is costs an allocation per field, so it is asked once there is one.
        let object = K::deserialize(tape.value()).map(Box::new).map_err(|_| {
            let located = serde_path_to_error::deserialize::<_, K>(tape.value());
            located.err().map_or_else(|| "cannot be read".into(), |error| describe(&error))
        });
        Ok(Self { metadata: kept, object })
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
