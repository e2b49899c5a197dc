//! From Kubernetes objects to facts, one kind per file: `parse(&object)` gives the fact with everything that is wrong with
//! the object. Nothing here fails or panics, whatever the object holds, and nothing is looked up: joining is `compile/`.
//!
//! Read next: [`annotations`] (the one table of all annotations), [`ingress`].
use crate::model::facts::Created;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::net::IpAddr;

pub mod annotations;
pub mod endpoint_slice;
pub mod ingress;
pub mod ingress_class;
pub mod node;
pub mod secret;
pub mod service;
#[cfg(test)]
pub(crate) mod testing;

/// `metadata.namespace`, empty when absent.
fn namespace(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or_default()
}

/// `metadata.name`, empty when absent.
fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// `metadata.creationTimestamp`, the epoch when absent.
fn created(metadata: &ObjectMeta) -> Created {
    metadata.creation_timestamp.as_ref().map(|time| Created(time.0.as_second())).unwrap_or_default()
}

/// Whether `text` is an IP address.
fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Whether `text` can stand as the host of a server: an IP address, or a name of letters, digits, `-`, `_` and dots.
fn is_server_host(text: &str) -> bool {
    let is_name = || {
        !text.is_empty()
            && text.len() <= 253
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    is_ip(text) || is_name()
}
