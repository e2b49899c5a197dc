//! Service: type, ports and the `service.*` annotations (spec/ingress.md 7.3, 10).
use super::annotations::{Root, Settings};
use super::{is_ip, name, namespace};
use crate::base::intern::intern;
use crate::model::facts::{
    Outside, ServiceFact, ServiceOptions, ServicePort, ServiceType, StickyCookie, StickyOptions,
};
use crate::model::finding::{Problem, excerpt};
use crate::model::keys::ServiceKey;
use crate::model::status::{Address, AddressPort, Addresses, Protocol};
use k8s_openapi::api::core::v1 as api;

/// What the Service says.
pub fn parse(object: &api::Service) -> ServiceFact {
    let metadata = &object.metadata;
    let absent = api::ServiceSpec::default();
    let spec = object.spec.as_ref().unwrap_or(&absent);
    let mut settings = Settings::read(metadata.annotations.as_ref(), Root::Service);
    let options = options(&mut settings);
    let (options, mut problems) = settings.finish(options);
    let ports = spec.ports.as_deref().unwrap_or_default();
    for (index, port) in ports.iter().enumerate() {
        check_port(&mut problems, format!("spec.ports[{index}].port"), port.port);
        if let Some(node_port) = port.node_port.filter(|number| *number != 0) {
            check_port(&mut problems, format!("spec.ports[{index}].nodePort"), node_port);
        }
    }
    ServiceFact {
        key: ServiceKey::new(intern(namespace(metadata)), intern(name(metadata))),
        options,
        service_type: service_type(spec.type_.as_deref().unwrap_or_default(), spec.external_name.as_deref()),
        cluster_ip: intern(spec.cluster_ip.as_deref().unwrap_or_default()),
        ports: ports
            .iter()
            .map(|port| ServicePort {
                name: intern(port.name.as_deref().unwrap_or_default()),
                number: port.port,
                node_port: port.node_port.unwrap_or_default(),
                protocol: Protocol::of(port.protocol.as_deref()),
            })
            .collect(),
        outside: outside(spec, object.status.as_ref()),
        problems,
    }
}

/// Where the Service can be reached from outside, if anywhere.
fn outside(spec: &api::ServiceSpec, status: Option<&api::ServiceStatus>) -> Option<Box<Outside>> {
    let external_ips = spec.external_ips.iter().flatten().filter(|address| is_ip(address));
    let entries = status.and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref()).into_iter().flatten();
    let entry = |entry: &api::LoadBalancerIngress| Address {
        ip: intern(entry.ip.as_deref().unwrap_or_default()),
        hostname: intern(entry.hostname.as_deref().unwrap_or_default()),
        ports: entry.ports.iter().flatten().map(port_status).collect(),
    };
    let outside = Outside {
        external_ips: external_ips.map(|address| address.as_str().into()).collect(),
        load_balancer: Addresses(entries.map(entry).collect()),
    };
    (outside != Outside::default()).then(|| Box::new(outside))
}

fn port_status(port: &api::PortStatus) -> AddressPort {
    AddressPort {
        number: port.port,
        protocol: Protocol::of(Some(&port.protocol)),
        error: port.error.as_deref().unwrap_or_default().into(),
    }
}

fn check_port(problems: &mut Vec<Problem>, path: String, number: i32) {
    if !(1..=65535).contains(&number) {
        problems.push(Problem::error(
            path,
            "InvalidPort",
            format!("a port from 1 to 65535 was expected, not {number}"),
        ));
    }
}

fn service_type(text: &str, external_name: Option<&str>) -> ServiceType {
    match text {
        "" | "ClusterIP" => ServiceType::ClusterIp,
        "NodePort" => ServiceType::NodePort,
        "LoadBalancer" => ServiceType::LoadBalancer,
        "ExternalName" => ServiceType::ExternalName(external_name.unwrap_or_default().into()),
        other => ServiceType::Other(other.into()),
    }
}

fn options(settings: &mut Settings<'_>) -> ServiceOptions {
    ServiceOptions {
        servers_scheme: settings.text("service.serversscheme"),
        servers_transport: settings.text("service.serverstransport"),
        pass_host_header: settings.boolean("service.passhostheader"),
        middlewares: settings.list("service.middlewares"),
        sticky: settings.has_block("service.sticky").then(|| StickyOptions { cookie: cookie(settings) }),
        native_lb: settings.boolean("service.nativelb"),
        node_port_lb: settings.boolean("service.nodeportlb").unwrap_or_default(),
    }
}

fn cookie(settings: &mut Settings<'_>) -> Option<StickyCookie> {
    const SAME_SITE: &str = "service.sticky.cookie.samesite";
    if !settings.has_block("service.sticky.cookie") {
        return None;
    }
    let same_site = settings.text(SAME_SITE);
    if !["", "none", "lax", "strict"].iter().any(|known| same_site.eq_ignore_ascii_case(known)) {
        let text = format!("{} has no effect; expected none, lax or strict", excerpt(&same_site));
        settings.remark(SAME_SITE, "InvalidAnnotation", text);
    }
    Some(StickyCookie {
        name: settings.text("service.sticky.cookie.name"),
        secure: settings.boolean("service.sticky.cookie.secure").unwrap_or_default(),
        http_only: settings.boolean("service.sticky.cookie.httponly").unwrap_or_default(),
        same_site,
        max_age: settings.integer("service.sticky.cookie.maxage").unwrap_or_default(),
        path: settings.written("service.sticky.cookie.path").unwrap_or_else(|| "/".into()),
        domain: settings.text("service.sticky.cookie.domain"),
    })
}

#[cfg(test)]
mod tests;
