//! Writes the status of one Ingress: reads it, compares, replaces what `status.loadBalancer.ingress` says.
//!
//! Read first, because only a whole object may be put back (a PUT on `status` takes labels and annotations too), because
//! the version that was read makes a write of somebody else in between a conflict, and because get and update are the
//! rights that a cluster with Traefik has given already (spec/ingress.md 15).
use super::failure::within;
use crate::base::clock::Clock;
use crate::model::keys::IngressKey;
use crate::model::status::{Address, AddressPort, Addresses, Protocol};
use crate::model::writing::{Ended, Failure, Wish};
use k8s_openapi::api::networking::v1::{
    Ingress, IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressPortStatus, IngressStatus,
};
use kube::api::PostParams;
use kube::{Api, Client};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest time for each of the two requests of one write (spec/ingress.md 14.4: 5 s for the write). Together they stay
/// below the time that no other leader can have begun: see `lease/state.rs`.
pub const LIMIT: Duration = Duration::from_millis(2_400);

/// Fulfils `wish`, unless `until` has come before the write can begin. Returns what the status says afterwards, as far as
/// it is known.
pub async fn write(
    client: Client,
    ingress: &IngressKey,
    wish: &Wish,
    until: Instant,
    clock: &dyn Clock,
) -> (Ended, Option<Addresses>) {
    let api: Api<Ingress> = Api::namespaced(client, &ingress.namespace);
    let mut object = match within(LIMIT, api.get(&ingress.name)).await {
        Ok(object) => object,
        Err(Failure::NotFound) => return (Ended::NoObject, None),
        Err(failure) => return (Ended::Failed(failure), None),
    };
    let says = addresses(&object);
    let wanted = match wish {
        Wish::Say(wanted) if wanted.are_said_by(&says) => return (Ended::Left, Some(says)),
        Wish::Say(wanted) => (**wanted).clone(),
        Wish::Clear { ours } if says.0.is_empty() || !ours.are_said_by(&says) => return (Ended::Left, Some(says)),
        Wish::Clear { .. } => Addresses::default(),
    };
    if clock.now() >= until {
        return (Ended::TooLate, Some(says));
    }
    object.metadata.managed_fields = None;
    object.status = Some(status(&wanted));
    match within(LIMIT, api.replace_status(&ingress.name, &PostParams::default(), &object)).await {
        Ok(_) => (Ended::Written, Some(wanted)),
        Err(failure) => (Ended::Failed(failure), None),
    }
}

/// What an Ingress says in `status.loadBalancer.ingress`.
pub fn addresses(object: &Ingress) -> Addresses {
    let list = object.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    Addresses(list.into_iter().flatten().map(address).collect())
}

fn address(entry: &IngressLoadBalancerIngress) -> Address {
    let port = |port: &IngressPortStatus| AddressPort {
        number: port.port,
        protocol: Protocol::of(Some(&port.protocol)),
        error: port.error.as_deref().unwrap_or_default().into(),
    };
    Address {
        ip: entry.ip.as_deref().unwrap_or_default().into(),
        hostname: entry.hostname.as_deref().unwrap_or_default().into(),
        ports: entry.ports.iter().flatten().map(port).collect(),
    }
}

fn status(wanted: &Addresses) -> IngressStatus {
    let some = |text: &Arc<str>| (!text.is_empty()).then(|| text.to_string());
    let port = |port: &AddressPort| IngressPortStatus {
        port: port.number,
        protocol: port.protocol.as_str().to_owned(),
        error: some(&port.error),
    };
    let entry = |address: &Address| IngressLoadBalancerIngress {
        ip: some(&address.ip),
        hostname: some(&address.hostname),
        ports: (!address.ports.is_empty()).then(|| address.ports.iter().map(port).collect()),
    };
    let list: Vec<_> = wanted.0.iter().map(entry).collect();
    IngressStatus { load_balancer: Some(IngressLoadBalancerStatus { ingress: (!list.is_empty()).then_some(list) }) }
}
