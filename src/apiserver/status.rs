//! What the API server refuses, and the `Status` object that tells a client so.
//!
//! Texts, reasons, codes and details follow `k8s.io/apimachinery/pkg/api/errors` so that kubectl and kube-rs treat
//! them as those of a cluster (kube-rs matches `reason`, kubectl prints `message` and `details.causes`).

use std::time::Duration;

use serde_json::{Value, json};

use super::kinds::Kind;

/// One object that an error is about.
#[derive(Clone, Debug)]
pub struct Subject {
    kind: &'static Kind,
    name: String,
}

impl Subject {
    /// Names an object of `kind`; the name may be empty if it is not known.
    pub fn new(kind: &'static Kind, name: &str) -> Self {
        Self { kind, name: name.to_owned() }
    }
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        self.kind.resource_name() == other.kind.resource_name() && self.name == other.name
    }
}

/// One field that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable word such as `FieldValueRequired`.
    pub reason: &'static str,
    /// Path of the field.
    pub field: String,
    /// Text for people, without the path.
    pub message: String,
}

impl Cause {
    /// The field must be set.
    pub fn required(field: impl Into<String>, message: &str) -> Self {
        Self { reason: "FieldValueRequired", field: field.into(), message: format!("Required value: {message}") }
    }

    /// The field has a value that it must not have.
    pub fn invalid(field: impl Into<String>, value: &Value, message: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.into(),
            message: format!("Invalid value: {}: {message}", brief(value)),
        }
    }

    /// The field has a value that is not one of the few it may have.
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list = supported.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        let message = format!("Unsupported value: {}: supported values: {list}", brief(value));
        Self { reason: "FieldValueNotSupported", field: field.into(), message }
    }
}

/// A value short enough for a message.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Everything that the API server answers instead of what was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// 404: no such object.
    #[error("{} {:?} not found", .0.kind.resource_name(), .0.name)]
    NotFound(Subject),
    /// 409: an object of that name is there already.
    #[error("{} {:?} already exists", .0.kind.resource_name(), .0.name)]
    AlreadyExists(Subject),
    /// 409: the object changed since the writer read it, or is not the one that was meant.
    #[error("Operation cannot be fulfilled on {} {:?}: {message}", .subject.kind.resource_name(), .subject.name)]
    Conflict {
        /// The object.
        subject: Subject,
        /// Why not.
        message: String,
    },
    /// 422: fields with wrong values.
    #[error("{} {:?} is invalid: {}", .subject.kind.qualified_kind(), .subject.name, listed(.causes))]
    Invalid {
        /// The object.
        subject: Subject,
        /// All that is wrong, at least one.
        causes: Vec<Cause>,
    },
    /// 400: the request cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// 401: who is asking is unknown; only on purpose ([`super::Faults`]).
    #[error("Unauthorized")]
    Unauthorized,
    /// 403: not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// 404: a path that is not served.
    #[error("the server could not find the requested resource")]
    NoSuchPath,
    /// 405: a served path, but not with that method.
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// 410: older than what the history still holds.
    #[error("too old resource version: {asked} ({oldest})")]
    Expired {
        /// The version that was asked for.
        asked: u64,
        /// The oldest version that can still be served.
        oldest: u64,
    },
    /// 410: a continue token of a list that can no longer be continued.
    #[error("The provided continue parameter is too old to display a consistent list result.")]
    ContinueExpired,
    /// 413: a body over the limit.
    #[error("request body too large: limit is {0} bytes")]
    TooLarge(usize),
    /// 415: a media type that is not spoken here.
    #[error("the body of the request was in an unknown format - accepted media types include: {0}")]
    UnsupportedMediaType(&'static str),
    /// 429: later, please.
    #[error("too many requests, please try again later")]
    TooManyRequests {
        /// When to come back.
        retry_after: Duration,
    },
    /// 500: only on purpose ([`super::Faults`]) and for what should not happen.
    #[error("Internal error occurred: {0}")]
    Internal(String),
    /// An answer that a test ordered ([`super::Faults`]) and that has no object to be about.
    #[error("injected {reason}")]
    Injected {
        /// HTTP status.
        code: u16,
        /// `Status.reason`.
        reason: &'static str,
    },
    /// 504: a version from the future.
    #[error("Too large resource version: {asked}, current: {current}")]
    TooLargeVersion {
        /// The version that was asked for.
        asked: u64,
        /// The newest version there is.
        current: u64,
    },
}

fn listed(causes: &[Cause]) -> String {
    let texts: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) }
}

impl ApiError {
    /// The answer of an update that came too late.
    pub fn modified(kind: &'static Kind, name: &str) -> Self {
        let message =
            "the object has been modified; please apply your changes to the latest version and try again".to_owned();
        Self::Conflict { subject: Subject::new(kind, name), message }
    }

    /// One wrong field.
    pub fn invalid(kind: &'static Kind, name: &str, cause: Cause) -> Self {
        Self::Invalid { subject: Subject::new(kind, name), causes: vec![cause] }
    }

    /// HTTP status.
    pub fn code(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Unauthorized => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) | Self::NoSuchPath => 404,
            Self::MethodNotAllowed => 405,
            Self::AlreadyExists(_) | Self::Conflict { .. } => 409,
            Self::Expired { .. } | Self::ContinueExpired => 410,
            Self::TooLarge(_) => 413,
            Self::UnsupportedMediaType(_) => 415,
            Self::Invalid { .. } => 422,
            Self::TooManyRequests { .. } => 429,
            Self::Internal(_) => 500,
            Self::Injected { code, .. } => *code,
            Self::TooLargeVersion { .. } => 504,
        }
    }

    /// The machine-readable word of `Status.reason`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "BadRequest",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden(_) => "Forbidden",
            Self::NotFound(_) | Self::NoSuchPath => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::AlreadyExists(_) => "AlreadyExists",
            Self::Conflict { .. } => "Conflict",
            Self::Expired { .. } | Self::ContinueExpired => "Expired",
            Self::TooLarge(_) => "RequestEntityTooLarge",
            Self::UnsupportedMediaType(_) => "UnsupportedMediaType",
            Self::Invalid { .. } => "Invalid",
            Self::TooManyRequests { .. } => "TooManyRequests",
            Self::Internal(_) => "InternalError",
            Self::Injected { reason, .. } => reason,
            Self::TooLargeVersion { .. } => "Timeout",
        }
    }

    /// The value for `Retry-After`, for those errors that have one.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after } => Some(*retry_after),
            Self::TooLargeVersion { .. } => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// The `Status` object.
    pub fn to_status(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.to_string(), "reason": self.reason(), "details": self.details(), "code": self.code(),
        })
    }

    fn details(&self) -> Value {
        match self {
            Self::NotFound(it) | Self::AlreadyExists(it) | Self::Conflict { subject: it, .. } => {
                json!({"name": it.name, "group": it.kind.group, "kind": it.kind.plural})
            }
            Self::Invalid { subject: it, causes } => {
                let causes: Vec<Value> = causes
                    .iter()
                    .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
                    .collect();
                json!({"name": it.name, "group": it.kind.group, "kind": it.kind.kind, "causes": causes})
            }
            Self::TooLargeVersion { .. } => json!({
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            }),
            Self::TooManyRequests { retry_after } => json!({"retryAfterSeconds": retry_after.as_secs()}),
            _ => json!({}),
        }
    }
}

/// What a successful delete answers when the object is gone at once.
pub fn deleted(kind: &Kind, object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": metadata["name"], "group": kind.group, "kind": kind.plural, "uid": metadata["uid"]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn a_missing_object_reads_as_in_a_cluster() {
        let kind = kinds::by_name("Ingress").expect("served");
        let status = ApiError::NotFound(Subject::new(kind, "web")).to_status();
        assert_eq!(status["message"], "ingresses.networking.k8s.io \"web\" not found");
        assert_eq!(status["reason"], "NotFound");
        assert_eq!(status["code"], 404);
        assert_eq!(status["details"], json!({"name": "web", "group": "networking.k8s.io", "kind": "ingresses"}));
    }

    #[test]
    fn an_invalid_object_names_each_field() {
        let kind = kinds::by_name("Service").expect("served");
        let causes = vec![Cause::required("spec.ports", "none"), Cause::invalid("spec.type", &json!("X"), "unknown")];
        let status = ApiError::Invalid { subject: Subject::new(kind, "a"), causes }.to_status();
        assert_eq!(
            status["message"],
            "Service \"a\" is invalid: [spec.ports: Required value: none, spec.type: Invalid value: \"X\": unknown]"
        );
        assert_eq!(status["details"]["causes"][1]["field"], "spec.type");
        assert_eq!(status["code"], 422);
    }

    #[test]
    fn a_huge_value_is_cut_in_the_message() {
        let cause = Cause::invalid("a", &Value::from("ü".repeat(100_000)), "too long");
        assert!(cause.message.len() < 400);
    }
}
