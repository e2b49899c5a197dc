//! EndpointSlice: the addresses behind a Service, as far as they serve (spec/ingress.md 10.4).
use super::{created, is_server_host, name, namespace};
use crate::base::intern::intern;
use crate::model::facts::{Endpoint, EndpointsFact, ServerState, SliceFact, SlicePort};
use crate::model::finding::{Problem, excerpt};
use crate::model::keys::{ServiceKey, SliceKey};
use k8s_openapi::api::discovery::v1 as api;
use std::sync::Arc;

/// The label that names the Service of a slice; slices without it belong to nobody.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What the slice says.
pub fn parse(object: &api::EndpointSlice) -> SliceFact {
    let metadata = &object.metadata;
    let service = metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME));
    let mut problems = Vec::new();
    let endpoints = object.endpoints.iter().flatten().enumerate();
    let endpoints = endpoints.filter_map(|(index, endpoint)| parse_endpoint(index, endpoint, &mut problems)).collect();
    let ports = object.ports.iter().flatten().enumerate();
    let ports = ports.map(|(index, port)| parse_port(index, port, &mut problems)).collect();
    SliceFact {
        key: SliceKey::new(intern(namespace(metadata)), name(metadata)),
        service: service.map(|service| ServiceKey::new(intern(namespace(metadata)), intern(service))),
        created: created(metadata),
        ports,
        endpoints,
        problems,
    }
}

/// The slices of one Service as one fact: oldest first, then by name.
pub fn join(service: ServiceKey, mut slices: Vec<Arc<SliceFact>>) -> EndpointsFact {
    slices.sort_by(|left, right| (left.created, &left.key).cmp(&(right.created, &right.key)));
    EndpointsFact { service, slices }
}

fn parse_port(index: usize, port: &api::EndpointPort, problems: &mut Vec<Problem>) -> SlicePort {
    if let Some(number) = port.port.filter(|number| !(1..=65535).contains(number)) {
        let text = format!("a port from 1 to 65535 was expected, not {number}; its servers are left out");
        problems.push(Problem::error(format!("ports[{index}].port"), "InvalidPort", text));
    }
    SlicePort { name: port.name.as_deref().map(intern), number: port.port.unwrap_or_default() }
}

/// `None` for an endpoint that does not serve: `serving` is false. `ready` is not looked at.
fn parse_endpoint(index: usize, endpoint: &api::Endpoint, problems: &mut Vec<Problem>) -> Option<Endpoint> {
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    if conditions.serving == Some(false) {
        return None;
    }
    let mut addresses = Vec::with_capacity(endpoint.addresses.len());
    for (position, address) in endpoint.addresses.iter().enumerate() {
        if is_server_host(address) {
            addresses.push(intern(address));
        } else {
            let text = format!("an IP address or a host name was expected, not {}", excerpt(address));
            let path = format!("endpoints[{index}].addresses[{position}]");
            problems.push(Problem::error(path, "InvalidAddress", text));
        }
    }
    let state = if conditions.terminating == Some(true) { ServerState::Draining } else { ServerState::Active };
    (!addresses.is_empty()).then_some(Endpoint { addresses, state })
}

#[cfg(test)]
mod tests;
