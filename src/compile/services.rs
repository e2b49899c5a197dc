//! One load balancer from a Service, one of its ports and what stands behind it (spec/ingress.md 10).
use super::model::Model;
use super::names;
use super::options::Options;
use super::refusals;
use super::servers::{Reads, Source, find_port};
use crate::model::facts::{ServiceFact, ServiceOptions, StickyCookie};
use crate::model::finding::Finding;
use crate::model::keys::{BalancerKey, PortRef, ServiceKey, TransportKey};
use crate::model::plan::{Balancer, BalancerOptions, BalancerOrigin, HostHeader, Sticky};
use std::sync::Arc;

/// A load balancer that some Ingress asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Wanted {
    /// The Service.
    pub service: ServiceKey,
    /// Its port, as the Ingress spells it.
    pub port: PortRef,
    /// What for.
    pub role: Role,
}

/// What a load balancer is for; it decides its key and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// For paths.
    Path,
    /// For the default router.
    Default,
}

impl Wanted {
    /// The key in the plan.
    pub(super) fn key(&self) -> BalancerKey {
        match self.role {
            Role::Path => BalancerKey::Port { service: self.service.clone(), port: self.port.clone() },
            Role::Default => BalancerKey::Default,
        }
    }

    fn name(&self) -> Arc<str> {
        match self.role {
            Role::Path => names::service(&self.service, &self.port),
            Role::Default => names::DEFAULT_BACKEND.into(),
        }
    }
}

/// Why there is no load balancer. The text says what is wrong; [`ServiceError::remedy`] what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ServiceError {
    #[error("service not found")]
    NotFound,
    #[error("service port not found")]
    PortNotFound,
    #[error("its annotations cannot be read: {first}")]
    Annotations { first: Arc<str> },
    #[error("services of type ExternalName are not allowed")]
    ExternalNameNotAllowed,
    #[error("its external name is neither a host name nor an IP address")]
    BadExternalName,
    #[error("the Service {target} that its external name means does not exist")]
    TargetNotFound { target: ServiceKey },
    #[error("the Service {target} that its external name means is an ExternalName itself")]
    TargetIsExternal { target: ServiceKey },
    #[error("the Service {target} that its external name means has no port {number}")]
    TargetPortNotFound { target: ServiceKey, number: i32 },
    #[error("it has no cluster IP")]
    NoClusterIp,
    #[error("it is headless and has no cluster IP")]
    Headless,
    #[error("nodes are not known because disableClusterScopeResources is on")]
    NodesUnknown,
    #[error("the port has no node port")]
    NoNodePort,
    #[error("no node has an internal address")]
    NoNodeAddress,
    #[error("its port {number} is not between 1 and 65535")]
    PortOutOfRange { number: i32 },
}

impl ServiceError {
    /// What its author can do.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::NotFound => "create the Service or correct the name",
            Self::PortNotFound => "use a number or name from spec.ports of the Service",
            Self::Annotations { .. } => "correct the annotations of the Service",
            Self::ExternalNameNotAllowed => "set allowExternalNameServices or use another type",
            Self::BadExternalName => "correct spec.externalName",
            Self::TargetNotFound { .. } => "create that Service or correct spec.externalName",
            Self::TargetIsExternal { .. } => "name the Service that has the endpoints",
            Self::TargetPortNotFound { .. } => "give the Service a port that its target has",
            Self::NoClusterIp | Self::Headless => "set the annotation service.nativelb to false",
            Self::NodesUnknown | Self::NoNodePort | Self::NoNodeAddress => {
                "set the annotation service.nodeportlb to false"
            }
            Self::PortOutOfRange { .. } => "correct spec.ports",
        }
    }

    /// For findings.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "ServiceNotFound",
            Self::PortNotFound => "ServicePortNotFound",
            Self::Annotations { .. } => "InvalidService",
            Self::ExternalNameNotAllowed => "ExternalNameNotAllowed",
            Self::BadExternalName | Self::PortOutOfRange { .. } => "InvalidService",
            Self::TargetNotFound { .. } | Self::TargetIsExternal { .. } | Self::TargetPortNotFound { .. } => {
                "ExternalNameTargetNotFound"
            }
            Self::NoClusterIp | Self::Headless => "NoClusterIp",
            Self::NodesUnknown | Self::NoNodePort | Self::NoNodeAddress => "NoNodeAddress",
        }
    }
}

/// What became of a wanted load balancer.
#[derive(Clone, Debug)]
pub(super) struct Built {
    /// The load balancer, or why there is none.
    pub balancer: Result<Arc<Balancer>, ServiceError>,
    /// Why routers to it answer 503.
    pub refused: Arc<[Arc<str>]>,
    /// What was looked at besides the Service and its endpoints.
    pub reads: Reads,
    /// What is wrong with the Service, now that it is used.
    pub findings: Vec<Finding>,
}

impl Built {
    fn without(error: ServiceError) -> Self {
        Self { balancer: Err(error), refused: Arc::default(), reads: Reads::default(), findings: Vec::new() }
    }
}

/// Builds what is wanted from the facts that hold now.
pub(super) fn build(wanted: &Wanted, model: &Model, options: &Options) -> Built {
    let Some(service) = model.service(&wanted.service) else { return Built::without(ServiceError::NotFound) };
    // The order of the checks is that of the reference: what is reported is what it would log.
    let external = matches!(service.service_type, crate::model::facts::ServiceType::ExternalName(_));
    if external && !options.allow_external_name_services && !options.allow_cross_namespace {
        return Built::without(ServiceError::ExternalNameNotAllowed);
    }
    let Some(port) = find_port(service, &wanted.port) else { return Built::without(ServiceError::PortNotFound) };
    let annotations = match &service.options {
        Ok(annotations) => annotations,
        Err(problems) => {
            let first = problems.first().map_or_else(|| Arc::from(""), |problem| problem.text.clone());
            return Built::without(ServiceError::Annotations { first });
        }
    };
    let mut reads = Reads::default();
    let source = Source { model, options, service, annotations, port };
    let servers = source.servers(&mut reads);
    let refusals = refusals::of_service(annotations, &wanted.service.namespace, options);
    let balancer = servers.map(|servers| {
        let name = wanted.name();
        Arc::new(Balancer {
            key: wanted.key(),
            options: Arc::new(balancer_options(annotations, &name, options)),
            name,
            origin: origin(wanted, service),
            servers: servers.into(),
        })
    });
    let findings = refusals.problems.into_iter().map(|problem| problem.about((&wanted.service).into())).collect();
    Built { balancer, refused: refusals.errors.into(), reads, findings }
}

fn origin(wanted: &Wanted, service: &ServiceFact) -> BalancerOrigin {
    BalancerOrigin {
        namespace: service.key.namespace.clone(),
        service: service.key.name.clone(),
        port: wanted.port.to_string().into(),
    }
}

fn balancer_options(annotations: &ServiceOptions, name: &str, options: &Options) -> BalancerOptions {
    let pass = annotations.pass_host_header.unwrap_or(!options.disable_pass_host_headers);
    let sticky = annotations.sticky.as_ref().map(|sticky| match &sticky.cookie {
        None => Sticky::Empty,
        Some(cookie) => Sticky::Cookie(StickyCookie { name: cookie_name(cookie, name), ..cookie.clone() }),
    });
    BalancerOptions {
        host_header: if pass { HostHeader::Pass } else { HostHeader::OfServer },
        sticky,
        transport: annotations.servers_transport.clone(),
        // The only transport there is yet. Any other name refuses the routers as well (`refusals.rs`).
        transport_key: match &*annotations.servers_transport {
            "" | "default@internal" => TransportKey::Default,
            _ => TransportKey::Unknown,
        },
        middlewares: annotations.middlewares.clone(),
    }
}

fn cookie_name(cookie: &StickyCookie, service_name: &str) -> Arc<str> {
    if cookie.name.is_empty() { names::cookie(service_name) } else { names::clean_cookie(&cookie.name) }
}
