//! Reading request bodies: bounded in size and time, JSON or YAML, and the media types of patches.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::CONTENT_TYPE;
use serde_json::Value;

use crate::apiserver::kinds::Kind;
use crate::apiserver::patch::{Applied, Patch};
use crate::apiserver::status::ApiError;
use crate::apiserver::yaml::{self, Aliases};

/// As much as Kubernetes takes in one request.
pub(super) const MAX_BODY: usize = 3 * 1024 * 1024;

const MAX_WAIT: Duration = Duration::from_secs(30);

/// The whole body, or why not.
pub(super) async fn read<B>(body: B) -> Result<Bytes, ApiError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let reading = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(MAX_WAIT, reading).await {
        Err(_) => Err(ApiError::BadRequest("the body did not arrive in time".to_owned())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge(MAX_BODY)),
        Ok(Err(error)) => Err(ApiError::BadRequest(format!("the body cannot be read: {error}"))),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

/// The media type without its parameters, in lower case; empty if none is given.
fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// An object in the body of a create or update; `Null` for an empty body.
pub(super) fn object(headers: &HeaderMap, body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    match media_type(headers).as_str() {
        "" | "application/json" => json(body),
        "application/yaml" => yaml(body),
        _ => Err(ApiError::UnsupportedMediaType("application/json, application/yaml")),
    }
}

fn json(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::BadRequest(format!("the body is not JSON: {error}")))
}

fn yaml(body: &[u8]) -> Result<Value, ApiError> {
    let text =
        std::str::from_utf8(body).map_err(|error| ApiError::BadRequest(format!("the body is not UTF-8: {error}")))?;
    yaml::document(text, Aliases::Refused)
        .map_err(|error| ApiError::BadRequest(format!("the body is not YAML: {error}")))
}

/// The media types of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatchType {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchType {
    /// 415 for everything else; custom resources know no strategic merge.
    pub(super) fn of(kind: &Kind, headers: &HeaderMap) -> Result<Self, ApiError> {
        match media_type(headers).as_str() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            "application/strategic-merge-patch+json" if kind.is_typed() => Ok(Self::Strategic),
            _ if kind.is_typed() => Err(ApiError::UnsupportedMediaType(
                "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, \
                 application/apply-patch+yaml",
            )),
            _ => Err(ApiError::UnsupportedMediaType(
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            )),
        }
    }

    /// Reads a patch of this type; `applied` is what is known about an apply beside its body.
    pub(super) fn read(
        self,
        body: &[u8],
        applied: impl FnOnce(Value) -> Result<Applied, ApiError>,
    ) -> Result<Patch, ApiError> {
        match self {
            Self::Json => {
                let patch = serde_json::from_slice(body);
                patch.map(Patch::Json).map_err(|error| ApiError::BadRequest(format!("not a JSON patch: {error}")))
            }
            Self::Merge => Ok(Patch::Merge(json(body)?)),
            Self::Strategic => Ok(Patch::Strategic(json(body)?)),
            // Most clients send JSON under this type, and serde_json is faster.
            Self::Apply if body.starts_with(b"{") => applied(json(body)?).map(Patch::Apply),
            Self::Apply => applied(yaml(body)?).map(Patch::Apply),
        }
    }
}
