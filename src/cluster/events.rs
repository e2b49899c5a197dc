//! Writes one Event about one object, as `kubectl describe` shows it.
//!
//! Core `v1` Events: both API groups show the same, and only these may be changed afterwards, so that what happens again
//! is counted on the Event that is there (`x3 over 5m`) instead of a new one. The name is made of what the Event says, so
//! that a fresh process or another replica finds it: it needs the rights to create and patch, not to list.
use super::failure::within;
use crate::base::clock::Clock;
use crate::model::keys::{Kind, ObjectRef};
use crate::model::writing::{Ended, Failure, News, Saying};
use aws_lc_rs::digest::{SHA256, digest};
use k8s_openapi::api::core::v1::{Event, EventSource, Node, ObjectReference, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time for each of the up to four requests of one Event. All together may outlast a lease by a moment: an Event
/// that two replicas write is one Event, because both give it the same name.
pub const LIMIT: Duration = Duration::from_millis(2_400);
/// Who says it.
pub const COMPONENT: &str = "pilotage";
/// Reason of the Event about an Ingress that is served.
pub const PROGRAMMED: &str = "Programmed";
/// Names of objects may be 253 bytes long, and 17 are added.
const MAX_NAME: usize = 230;

/// Who writes: the client, the name of this replica, and time.
#[derive(Clone)]
pub struct Recorder {
    /// The client.
    pub client: Client,
    /// `reportingInstance`.
    pub instance: Arc<str>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Recorder {
    /// Says it, unless `until` has come before the first write can begin.
    pub async fn record(&self, object: &ObjectRef, saying: &Saying, news: News, until: Instant) -> Ended {
        match self.try_record(object, saying, news, until).await {
            Ok(outcome) => outcome,
            Err(failure) => Ended::Failed(failure),
        }
    }

    async fn try_record(
        &self,
        object: &ObjectRef,
        saying: &Saying,
        news: News,
        until: Instant,
    ) -> Result<Ended, Failure> {
        let (uid, version) = match self.identify(object).await {
            Ok(found) => found,
            Err(Failure::NotFound) => return Ok(Ended::NoObject),
            // `kubectl describe` then shows it only for kinds that it looks up by name.
            Err(Failure::Forbidden(_)) => (None, None),
            Err(failure) => return Err(failure),
        };
        if self.clock.now() >= until {
            return Ok(Ended::TooLate);
        }
        let namespace = object.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or("default");
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let event = self.event(object, namespace, uid, version, saying);
        match within(LIMIT, api.create(&PostParams::default(), &event)).await {
            Ok(_) => Ok(Ended::Written),
            Err(Failure::Conflict) if news == News::Known => Ok(Ended::Left),
            Err(Failure::Conflict) => self.repeat(&api, &event).await,
            // The namespace is going, and with it the object.
            Err(Failure::NotFound) => Ok(Ended::NoObject),
            Err(Failure::Forbidden(text)) if text.contains("being terminated") => Ok(Ended::NoObject),
            Err(failure) => Err(failure),
        }
    }

    /// Two patches, because the first one tells the count and no right to read is asked for.
    async fn repeat(&self, api: &Api<Event>, event: &Event) -> Result<Ended, Failure> {
        let name = event.metadata.name.as_deref().unwrap_or_default();
        let change = json!({ "message": event.message, "lastTimestamp": event.last_timestamp });
        let before = within(LIMIT, api.patch(name, &PatchParams::default(), &Patch::Merge(&change))).await?;
        let change = json!({ "count": before.count.unwrap_or(1).saturating_add(1) });
        within(LIMIT, api.patch(name, &PatchParams::default(), &Patch::Merge(&change))).await?;
        Ok(Ended::Written)
    }

    /// uid and version of the object: an Event without the uid is not found by `kubectl describe`.
    async fn identify(&self, object: &ObjectRef) -> Result<(Option<String>, Option<String>), Failure> {
        let resource = resource(object.kind);
        let api: Api<DynamicObject> = match &object.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        // Metadata only: it may be a Secret.
        let found = within(LIMIT, api.get_metadata(&object.name)).await?;
        Ok((found.metadata.uid, found.metadata.resource_version))
    }

    fn event(
        &self,
        object: &ObjectRef,
        namespace: &str,
        uid: Option<String>,
        version: Option<String>,
        saying: &Saying,
    ) -> Event {
        let (type_, reason, message) = match saying {
            Saying::Warning(notice) => ("Warning", notice.reason, &*notice.note),
            Saying::Programmed => ("Normal", PROGRAMMED, "its routes are in force"),
        };
        let now = Timestamp::try_from(self.clock.wall()).ok().map(Time);
        let resource = resource(object.kind);
        Event {
            metadata: ObjectMeta {
                name: Some(name(object, uid.as_deref().unwrap_or_default(), saying)),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(resource.api_version),
                kind: Some(resource.kind),
                namespace: object.namespace.as_deref().map(str::to_owned),
                name: Some(object.name.to_string()),
                uid,
                resource_version: version,
                ..ObjectReference::default()
            },
            type_: Some(type_.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            count: Some(1),
            first_timestamp: now.clone(),
            last_timestamp: now,
            source: Some(EventSource { component: Some(COMPONENT.to_owned()), ..EventSource::default() }),
            reporting_component: Some(COMPONENT.to_owned()),
            reporting_instance: Some(self.instance.to_string()),
            ..Event::default()
        }
    }
}

/// One name for one thing said of one object; another object of that name has another uid.
fn name(object: &ObjectRef, uid: &str, saying: &Saying) -> String {
    let said = match saying {
        Saying::Warning(notice) => ["Warning", notice.reason, &*notice.field],
        Saying::Programmed => ["Normal", PROGRAMMED, ""],
    };
    let text = format!("{}\0{uid}\0{}", object.kind, said.join("\0"));
    let hash = digest(&SHA256, text.as_bytes());
    let end = (0..=MAX_NAME.min(object.name.len())).rev().find(|at| object.name.is_char_boundary(*at)).unwrap_or(0);
    let mut name = format!("{}.", object.name[..end].trim_end_matches(['.', '-']));
    for byte in hash.as_ref().iter().take(8) {
        name += &format!("{byte:02x}");
    }
    name
}

fn resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::Ingress => ApiResource::erase::<Ingress>(&()),
        Kind::IngressClass => ApiResource::erase::<IngressClass>(&()),
        Kind::Service => ApiResource::erase::<Service>(&()),
        Kind::EndpointSlice => ApiResource::erase::<EndpointSlice>(&()),
        Kind::Secret => ApiResource::erase::<Secret>(&()),
        Kind::Node => ApiResource::erase::<Node>(&()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::keys::IngressKey;
    use crate::model::status::Notice;

    #[test]
    fn the_name_of_an_event_depends_on_what_it_says_of_which_object_and_fits() {
        let object = ObjectRef::from(&IngressKey::new("n", "i"));
        let warning = |reason, field: &str, note: &str| {
            Saying::Warning(Arc::new(Notice { reason, field: field.into(), note: note.into() }))
        };
        let first = name(&object, "uid", &warning("A", "f", "x"));
        assert_eq!(first, name(&object, "uid", &warning("A", "f", "another wording")));
        for other in [
            name(&object, "uid2", &warning("A", "f", "x")),
            name(&object, "uid", &warning("B", "f", "x")),
            name(&object, "uid", &warning("A", "g", "x")),
            name(&object, "uid", &Saying::Programmed),
        ] {
            assert_ne!(first, other);
        }
        let long = ObjectRef { name: "x".repeat(253).into(), ..object };
        assert!(name(&long, "uid", &Saying::Programmed).len() <= 253);
    }
}
