//! What the status of every Ingress of ours is to say (spec/ingress.md 14.2, 14.6). One list for all of them.
//!
//! `None` means that it is not known, or not to be told: then no status is touched. An empty list is something else: it
//! clears what statuses say.
use super::findings::{Ledger, Source};
use super::model::{Model, Touched};
use super::options::{Options, Publish};
use crate::model::facts::{Outside, ServiceFact, ServicePort, ServiceType};
use crate::model::finding::Problem;
use crate::model::keys::{Kind, ObjectRef, ServiceKey};
use crate::model::status::{Address, AddressPort, Addresses};
use std::sync::Arc;

/// The list, and when it must be made anew.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    now: Option<Arc<Addresses>>,
    stage: Stage,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Untold,
    Told,
}

/// Why there is no list.
enum Unknown {
    /// A load balancer that has no address yet: soon.
    NotYet,
    /// Something that a person must mend.
    Wrong(ObjectRef, Problem),
}

impl Publisher {
    /// Makes the list anew if the change reaches it; returns it if it is another one than before.
    pub(super) fn settle(
        &mut self,
        touched: &Touched,
        model: &Model,
        options: &Options,
        ledger: &mut Ledger,
    ) -> Option<Arc<Addresses>> {
        let first = matches!(self.stage, Stage::Untold);
        let reached = match &options.publish {
            Publish::Nothing => return None,
            Publish::Fixed(_) => first,
            Publish::Service(key) => first || touched.services.contains(key) || !touched.nodes.is_empty(),
            Publish::NodeInternalIps => first || !touched.nodes.is_empty(),
        };
        if !reached {
            return None;
        }
        self.stage = Stage::Told;
        let (found, finding) = match find(model, options) {
            Ok(addresses) => (Some(addresses), None),
            Err(Unknown::NotYet) => (None, None),
            Err(Unknown::Wrong(about, problem)) => (None, Some(problem.about(about))),
        };
        ledger.replace(Source::Published, finding.into_iter().collect());
        // What is unknown for a while does not make statuses wrong: they keep saying what they said last.
        let found = found.filter(|found| self.now.as_deref() != Some(&**found))?;
        self.now = Some(found.clone());
        Some(found)
    }
}

fn find(model: &Model, options: &Options) -> Result<Arc<Addresses>, Unknown> {
    match &options.publish {
        Publish::Nothing => Err(Unknown::NotYet),
        Publish::Fixed(addresses) => Ok(addresses.clone()),
        Publish::Service(key) => of_service(key, model, options).map(Arc::new),
        Publish::NodeInternalIps => {
            let internal: Vec<Address> =
                model.nodes().flat_map(|node| &node.internal_ips).filter_map(internal_address).collect();
            match internal.is_empty() {
                true => Err(no_nodes("reportNodeInternalIPs: no Node with an internal address is known")),
                false => Ok(Arc::new(Addresses(internal))),
            }
        }
    }
}

/// Servers may be reached by name, but a status has to hold an address.
fn internal_address(text: &Arc<str>) -> Option<Address> {
    text.parse::<std::net::IpAddr>().is_ok().then(|| Address::ip(text.clone()))
}

fn no_nodes(what: &str) -> Unknown {
    let about = ObjectRef { kind: Kind::Node, namespace: None, name: "*".into() };
    let text = format!("{what}, so statuses stay as they are; allow list and watch on nodes");
    Unknown::Wrong(about, Problem::warning("status.addresses", "NoNodeAddress", text))
}

fn of_service(key: &ServiceKey, model: &Model, options: &Options) -> Result<Addresses, Unknown> {
    let wrong = |reason, text: String| {
        let text = format!("publishedService {key}: {text}; until then statuses stay as they are");
        Err(Unknown::Wrong(key.into(), Problem::error("", reason, text)))
    };
    let Some(service) = model.service(key) else {
        return wrong(
            "PublishedServiceNotFound",
            "there is no such Service; create it or change the option".to_owned(),
        );
    };
    let outside = service.outside.as_deref();
    match &service.service_type {
        ServiceType::LoadBalancer => load_balancer(outside).ok_or(Unknown::NotYet),
        ServiceType::ClusterIp => Ok(external_ips(service, outside)),
        ServiceType::NodePort if options.disable_cluster_scope => {
            let text = "it is of type NodePort, and disableClusterScopeResources hides the Nodes; use another type";
            wrong("PublishedServiceUnsupported", text.to_owned())
        }
        ServiceType::NodePort if model.nodes().next().is_none() => {
            Err(no_nodes(&format!("publishedService {key} is of type NodePort and no Node is known")))
        }
        ServiceType::NodePort => Ok(of_nodes(service, model)),
        ServiceType::ExternalName(name) if name.is_empty() => {
            wrong("PublishedServiceUnsupported", "it has no externalName; set it".to_owned())
        }
        ServiceType::ExternalName(name) => Ok(Addresses(vec![Address::hostname(name.clone())])),
        ServiceType::Other(_) => {
            wrong("PublishedServiceUnsupported", "its type is not one that Kubernetes has; change it".to_owned())
        }
    }
}

/// A list that is empty counts as absent (spec/ingress.md 14.2, last line).
fn load_balancer(outside: Option<&Outside>) -> Option<Addresses> {
    outside.map(|outside| outside.load_balancer.clone()).filter(|list| !list.0.is_empty())
}

fn external_ips(service: &ServiceFact, outside: Option<&Outside>) -> Addresses {
    let ports = ports(service, |port| port.number);
    let ips = outside.into_iter().flat_map(|outside| &outside.external_ips);
    Addresses(ips.map(|ip| Address { ports: ports.clone(), ..Address::ip(ip.clone()) }).collect())
}

fn of_nodes(service: &ServiceFact, model: &Model) -> Addresses {
    let ports = ports(service, |port| port.node_port);
    let ips = model.nodes().flat_map(|node| &node.external_ips);
    Addresses(ips.map(|ip| Address { ports: ports.clone(), ..Address::ip(ip.clone()) }).collect())
}

fn ports(service: &ServiceFact, number: impl Fn(&ServicePort) -> i32) -> Vec<AddressPort> {
    let entry = |port: &ServicePort| AddressPort { number: number(port), protocol: port.protocol, error: "".into() };
    // A port out of range would have the API server refuse the status; it has a finding of its own.
    service.ports.iter().map(entry).filter(|port| (1..=65535).contains(&port.number)).collect()
}
