//! Runs a request that writes: with an end, and its error put into one of the few classes that decide what comes next.
use crate::model::writing::Failure;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Longest `Retry-After` that is honoured: an absurd one must not silence us for ever.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Bytes of an error text that are kept.
const TEXT_LIMIT: usize = 500;

/// Runs a request, for that long at most.
///
/// # Errors
/// [`Failure`], also when there is no answer in time: then it may have been done nevertheless.
pub async fn within<T>(limit: Duration, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(limit, request).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(class(&error)),
        Err(_) => Err(Failure::Passing(format!("no answer within {limit:?}").into())),
    }
}

/// The class of an error of the client.
fn class(error: &kube::Error) -> Failure {
    let kube::Error::Api(status) = error else {
        return Failure::Passing(short(&error.to_string()));
    };
    let wait = status.details.as_ref().map(|details| details.retry_after_seconds).unwrap_or_default();
    let text = || short(&status.message);
    match status.code {
        404 => Failure::NotFound,
        409 => Failure::Conflict,
        401 | 403 => Failure::Forbidden(text()),
        400 | 422 => Failure::Invalid(text()),
        429 | 503 | 504 if wait > 0 => Failure::Throttled(Duration::from_secs(wait.into()).min(LONGEST_PAUSE)),
        429 => Failure::Throttled(Duration::from_secs(1)),
        code => Failure::Passing(format!("{code}: {}", text()).into()),
    }
}

fn short(text: &str) -> Arc<str> {
    let end = (0..=TEXT_LIMIT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].into()
}
