//! `/ping` (Traefik's liveness, spec/http.md 4.9) and `/ready` (ours: may traffic be sent here?).
use super::options::Ping;
use super::reply;
use super::source::PlanSource;
use bytes::Bytes;
use http::{Response, StatusCode};

/// 200 `OK` while the process shall live; the terminating status with its text once it was told to stop.
pub fn ping(options: Option<&Ping>, plan: &dyn PlanSource) -> Response<Bytes> {
    match options {
        Some(ping) if plan.is_draining() => {
            reply::bare(ping.terminating, ping.terminating.canonical_reason().unwrap_or_default())
        }
        _ => reply::bare(StatusCode::OK, "OK"),
    }
}

/// 200 `ready` when the first complete table is live and the process was not told to stop; else 503 with the reason.
pub fn ready(plan: &dyn PlanSource) -> Response<Bytes> {
    if plan.is_draining() {
        return reply::bare(StatusCode::SERVICE_UNAVAILABLE, "draining: the process was told to stop");
    }
    if !plan.is_ready() {
        return reply::bare(
            StatusCode::SERVICE_UNAVAILABLE,
            "starting: the first complete routing table is not live yet",
        );
    }
    reply::bare(StatusCode::OK, "ready")
}
