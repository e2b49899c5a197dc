//! The servers of one Service port (spec/ingress.md 10.3 and 10.4): of nodes, of an external name, of the cluster IP, or
//! of the EndpointSlices. The first that applies.
use super::external_name::{self, Target};
use super::model::Model;
use super::options::Options;
use super::services::ServiceError;
use crate::model::facts::{ServerState, ServiceFact, ServiceOptions, ServicePort, ServiceType};
use crate::model::keys::{PortRef, ServiceKey};
use crate::model::plan::{Scheme, Server};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What the servers were read from, besides the Service itself: when it changes, they are read anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// The Service behind an external name.
    pub target: Option<ServiceKey>,
    /// Whether all Nodes.
    pub nodes: ReadsNodes,
}

/// Whether the servers are those of the Nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ReadsNodes {
    /// They are.
    Yes,
    /// They are not.
    #[default]
    No,
}

/// One port of a Service, with all that decides about its servers.
pub(super) struct Source<'a> {
    pub model: &'a Model,
    pub options: &'a Options,
    pub service: &'a ServiceFact,
    pub annotations: &'a ServiceOptions,
    pub port: &'a ServicePort,
}

impl Source<'_> {
    /// The servers, in order; empty if the slices have none.
    pub(super) fn servers(&self, reads: &mut Reads) -> Result<Vec<Server>, ServiceError> {
        let native = self.annotations.native_lb.unwrap_or(self.options.native_lb_by_default);
        match &self.service.service_type {
            ServiceType::NodePort if self.annotations.node_port_lb => self.of_nodes(reads),
            ServiceType::ExternalName(name) => self.of_external_name(name, reads),
            _ if native => self.of_cluster_ip(),
            _ => Ok(self.of_slices(&self.service.key, &self.port.name)),
        }
    }

    fn of_nodes(&self, reads: &mut Reads) -> Result<Vec<Server>, ServiceError> {
        if self.options.disable_cluster_scope {
            return Err(ServiceError::NodesUnknown);
        }
        reads.nodes = ReadsNodes::Yes;
        let port = port(self.port.node_port).ok_or(ServiceError::NoNodePort)?;
        let mut servers = Servers::new(self.scheme());
        for address in self.model.nodes().flat_map(|node| &node.internal_ips) {
            servers.push(address, port, ServerState::Active);
        }
        if servers.list.is_empty() { Err(ServiceError::NoNodeAddress) } else { Ok(servers.list) }
    }

    fn of_external_name(&self, name: &Arc<str>, reads: &mut Reads) -> Result<Vec<Server>, ServiceError> {
        if let Target::Service(target) = external_name::target(name, self.options) {
            reads.target = Some(target.clone());
            return self.of_target(&target);
        }
        if !self.options.allow_external_name_services {
            return Err(ServiceError::ExternalNameNotAllowed);
        }
        if !is_host(name) {
            return Err(ServiceError::BadExternalName);
        }
        self.single(name)
    }

    /// The endpoints of a Service of the cluster, under the port that the ExternalName Service declares.
    fn of_target(&self, target: &ServiceKey) -> Result<Vec<Server>, ServiceError> {
        let Some(fact) = self.model.service(target) else {
            return Err(ServiceError::TargetNotFound { target: target.clone() });
        };
        if matches!(fact.service_type, ServiceType::ExternalName(_)) {
            return Err(ServiceError::TargetIsExternal { target: target.clone() });
        }
        let wanted = match &*self.port.name {
            "" => PortRef::Number(self.port.number),
            name => PortRef::Either(name.into(), self.port.number),
        };
        let Some(port) = find_port(fact, &wanted) else {
            return Err(ServiceError::TargetPortNotFound { target: target.clone(), number: self.port.number });
        };
        Ok(self.of_slices(target, &port.name))
    }

    fn of_cluster_ip(&self) -> Result<Vec<Server>, ServiceError> {
        match &*self.service.cluster_ip {
            "" => Err(ServiceError::NoClusterIp),
            "None" => Err(ServiceError::Headless),
            address if address.parse::<IpAddr>().is_err() => Err(ServiceError::NoClusterIp),
            _ => self.single(&self.service.cluster_ip),
        }
    }

    fn single(&self, host: &Arc<str>) -> Result<Vec<Server>, ServiceError> {
        let port = port(self.port.number).ok_or(ServiceError::PortOutOfRange { number: self.port.number })?;
        let mut servers = Servers::new(self.scheme());
        servers.push(host, port, ServerState::Active);
        Ok(servers.list)
    }

    /// A slice port without a name matches nothing; one with an empty name matches an unnamed Service port. A port out of
    /// range contributes nothing; the slice itself carries the finding.
    fn of_slices(&self, service: &ServiceKey, port_name: &str) -> Vec<Server> {
        let mut servers = Servers::new(self.scheme());
        for slice in self.model.endpoints(service).into_iter().flat_map(|fact| &fact.slices) {
            let named = slice.ports.iter().find(|port| port.name.as_deref() == Some(port_name));
            let Some(port) = named.and_then(|named| port(named.number)) else { continue };
            for endpoint in &slice.endpoints {
                for address in &endpoint.addresses {
                    servers.push(address, port, endpoint.state);
                }
            }
        }
        servers.list
    }

    /// The annotation, else by the port of the Service: neither the Ingress nor the endpoint decides.
    fn scheme(&self) -> &str {
        match &*self.annotations.servers_scheme {
            "" if self.port.number == 443 || self.port.name.starts_with("https") => "https",
            "" => "http",
            annotated => annotated,
        }
    }
}

/// The first port of `service` that has the number or the name (spec/ingress.md 10.1).
pub(super) fn find_port<'a>(service: &'a ServiceFact, wanted: &PortRef) -> Option<&'a ServicePort> {
    service.ports.iter().find(|port| match wanted {
        PortRef::Number(number) => port.number == *number,
        PortRef::Name(name) => port.name == *name && !name.is_empty(),
        PortRef::Either(name, number) => port.number == *number || (port.name == *name && !name.is_empty()),
    })
}

fn port(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|port| *port != 0)
}

fn is_host(text: &str) -> bool {
    let is_name = || text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    !text.is_empty() && text.len() <= 255 && (text.parse::<IpAddr>().is_ok() || is_name())
}

/// Servers in order of arrival, each address once: the first wins, even if the second has another port.
struct Servers<'s> {
    /// As written: URLs show it so.
    scheme_text: &'s str,
    scheme: Scheme,
    list: Vec<Server>,
    addresses: HashSet<Arc<str>>,
}

impl<'s> Servers<'s> {
    fn new(scheme: &'s str) -> Self {
        Self { scheme_text: scheme, scheme: Scheme::parse(scheme), list: Vec::new(), addresses: HashSet::new() }
    }

    fn push(&mut self, host: &Arc<str>, port: u16, state: ServerState) {
        if !self.addresses.insert(host.clone()) {
            return;
        }
        let scheme = self.scheme_text;
        let url = match host.contains(':') {
            true => format!("{scheme}://[{host}]:{port}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        self.list.push(Server { url: url.into(), scheme: self.scheme.clone(), host: host.clone(), port, state });
    }
}
