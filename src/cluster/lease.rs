//! The election over the wire: one Lease, read and written through the client, its outcome told to a [`Voter`].
//!
//! [`state`] decides; this file obeys. Every request has an end, and no right to touch the Lease is said once, with its
//! remedy: then nobody writes statuses or Events, and serving goes on.
pub mod state;

use self::state::{Answer, Effect, Elector, REQUEST, Record, Request, Seen};
use super::failure::within;
use crate::base::clock::Clock;
use crate::model::writing::Failure;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// Who is told of the outcome.
pub trait Voter {
    /// This process may write until then.
    fn lead(&mut self, until: Instant);
    /// This process may not write; done when the last write has ended.
    fn follow(&mut self) -> impl Future<Output = ()>;
}

/// One Lease and how to reach it.
pub struct Election {
    /// The Leases of its namespace.
    pub api: Api<Lease>,
    /// Its namespace, for the log.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Election {
    /// Takes part until `stop` says true or its sender is gone; then gives the lease back.
    pub async fn run(self, mut elector: Elector, voter: &mut impl Voter, mut stop: watch::Receiver<bool>) {
        let mut health = Health::Fine;
        let mut leads = false;
        let mut effects: VecDeque<Effect> = elector.on_wake(self.clock.now(), self.clock.wall()).into();
        while !*stop.borrow() {
            let Some(effect) = effects.pop_front() else { break };
            match effect {
                Effect::Ask(request) => {
                    let sent = self.clock.now();
                    let answer = tokio::select! {
                        answer = self.send(request, &mut health) => answer,
                        () = stopped(&mut stop) => break,
                    };
                    effects.extend(elector.on_answer(answer, sent, self.clock.now(), self.clock.wall()));
                }
                Effect::Lead(until) => {
                    if !std::mem::replace(&mut leads, true) {
                        info!(namespace = %self.namespace, name = %self.name, "leading: this replica writes statuses and Events");
                    }
                    voter.lead(until);
                }
                Effect::Follow => {
                    leads = false;
                    warn!(namespace = %self.namespace, name = %self.name, "no longer leading: another replica writes, or none can");
                    voter.follow().await;
                }
                Effect::WakeAt(at) => {
                    let wait = at.saturating_duration_since(self.clock.now());
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = stopped(&mut stop) => break,
                    }
                    effects.extend(elector.on_wake(self.clock.now(), self.clock.wall()));
                }
            }
        }
        voter.follow().await;
        if let Some(release) = elector.on_stop(self.clock.wall()) {
            self.send(release, &mut health).await;
            info!(namespace = %self.namespace, name = %self.name, "lease given back");
        }
    }

    async fn send(&self, request: Request, health: &mut Health) -> Answer {
        let post = PostParams::default();
        let result = match request {
            Request::Read => within(REQUEST, self.api.get(&self.name)).await,
            Request::Create(record) => within(REQUEST, self.api.create(&post, &self.lease(record, None))).await,
            Request::Replace(record, version) => {
                let lease = self.lease(record, Some(version.to_string()));
                within(REQUEST, self.api.replace(&self.name, &post, &lease)).await
            }
        };
        let answer = match result {
            Ok(lease) => Answer::There(seen(&lease)),
            Err(failure) => self.judge(&failure, health),
        };
        if matches!(answer, Answer::There(_)) && std::mem::replace(health, Health::Fine) > Health::Shaken {
            info!(namespace = %self.namespace, name = %self.name, "the lease can be reached again");
        }
        answer
    }

    /// What a failure means here; said once per spell.
    fn judge(&self, failure: &Failure, health: &mut Health) -> Answer {
        let (answer, now, remedy) = match failure {
            Failure::NotFound => return Answer::Missing,
            Failure::Conflict => return Answer::Conflict,
            Failure::Forbidden(_) => (
                Answer::Refused,
                Health::Refused,
                "grant get, create and update on leases in this namespace; until then no status and no Event is written",
            ),
            // One failure is not worth a word: mostly the API server is away, and that is said elsewhere.
            _ if *health == Health::Fine => {
                debug!(namespace = %self.namespace, name = %self.name, error = %failure, "no answer about the lease");
                *health = Health::Shaken;
                return Answer::Failed;
            }
            _ => (Answer::Failed, Health::Unreachable, "it is tried again; serving does not need it"),
        };
        if *health != now {
            *health = now;
            warn!(namespace = %self.namespace, name = %self.name, error = %failure, remedy, "the lease cannot be had");
        }
        answer
    }

    fn lease(&self, record: Record, version: Option<String>) -> Lease {
        Lease {
            metadata: ObjectMeta {
                name: Some(self.name.to_string()),
                resource_version: version,
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(record.holder.to_string()),
                lease_duration_seconds: i32::try_from(record.duration.as_secs()).ok(),
                acquire_time: micro_time(record.acquired),
                renew_time: micro_time(record.renewed),
                lease_transitions: Some(record.transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Fine,
    /// The last answer did not come.
    Shaken,
    Unreachable,
    Refused,
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means the same.
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            return;
        }
    }
}

fn seen(lease: &Lease) -> Seen {
    let absent = LeaseSpec::default();
    let spec = lease.spec.as_ref().unwrap_or(&absent);
    let time = |time: &Option<MicroTime>| time.as_ref().map_or(SystemTime::UNIX_EPOCH, |time| SystemTime::from(time.0));
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default();
    Seen {
        record: Record {
            holder: spec.holder_identity.as_deref().unwrap_or_default().into(),
            duration: Duration::from_secs(seconds),
            acquired: time(&spec.acquire_time),
            renewed: time(&spec.renew_time),
            transitions: spec.lease_transitions.unwrap_or_default(),
        },
        version: lease.metadata.resource_version.as_deref().unwrap_or_default().into(),
    }
}

/// `None` for a time that no calendar has.
fn micro_time(time: SystemTime) -> Option<MicroTime> {
    Timestamp::try_from(time).ok().map(MicroTime)
}
