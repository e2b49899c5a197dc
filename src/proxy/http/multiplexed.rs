//! Requests over HTTP/2 connections, which others use at the same time (`pool/shared.rs`).
//!
//! A server that takes no more requests says so in two ways: it refuses one (`REFUSED_STREAM`), or it announces the end of
//! the connection and up to which request it will still answer (`GOAWAY`). In both cases it has not looked at the request
//! (RFC 9113 8.7), so any request without a body goes out again on another connection, whatever its method. One with a body
//! cannot: what was read of the body is gone. It fails with 502.
use super::answer::ForwardError;
use super::body::AnswerBody;
use super::forward::{self, Exchanged, Origin, STALE_TRIES, Slot};
use crate::proxy::entrypoint::Conn;
use crate::proxy::pool::Peer;
use crate::proxy::pool::shared::{self, Claim, Look, Place, Seasoned};
use crate::proxy::upstream::ConnectError;
use crate::proxy::upstream::connect::{Spoken, Wanted, connect};
use crate::proxy::upstream::h1::Connection;
use crate::proxy::upstream::h2::{self, Http2};
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

/// Over a shared connection of a server that may speak HTTP/2; if it turns out that it does not, over one of its own.
pub(super) async fn over_shared(conn: &Rc<Conn>, peer: &Rc<Peer>, slot: &mut Slot) -> Exchanged {
    let mut tries = 0;
    while tries < STALE_TRIES {
        let place = match shared::look(peer) {
            Look::Use(place) => {
                conn.worker.stats.upstream_reuses.count();
                place
            }
            Look::Http1 => return forward::over_own(conn, peer, slot, Wanted::Any).await,
            Look::Wait(waiting) => match (waiting.ended().await, shared::queue(peer)) {
                (Ok(()), _) => continue,
                (Err(_), Some(place)) => place,
                (Err(error), None) => return Err(ForwardError::Connect(error)),
            },
            Look::Connect(claim) => match establish(conn, peer, claim).await {
                Ok(Established::Shared(place)) => place,
                Ok(Established::Own(connection)) => {
                    return match forward::send(conn, peer, connection, slot, Origin::New).await {
                        Err(error) if forward::is_stale(&error, slot) => {
                            forward::over_own(conn, peer, slot, Wanted::Any).await
                        }
                        done => done,
                    };
                }
                Err(error) => match shared::queue(peer) {
                    Some(place) => place,
                    None => return Err(ForwardError::Connect(error)),
                },
            },
        };
        tries += 1;
        match send_shared(conn, peer, place, slot).await {
            Err(error) if forward::is_stale(&error, slot) => conn.worker.stats.retries.count(),
            done => return done,
        }
    }
    Err(ForwardError::Closed)
}

/// What a new connection turned out to speak.
enum Spoke {
    Http1(Box<Connection>),
    Http2(Http2),
}

/// What a new connection is good for.
enum Established {
    /// HTTP/2, and the place on it.
    Shared(Place),
    /// HTTP/1.1.
    Own(Box<Connection>),
}

async fn establish(conn: &Rc<Conn>, peer: &Rc<Peer>, claim: Claim) -> Result<Established, Rc<ConnectError>> {
    conn.worker.stats.upstream_connects.count();
    let timeouts = peer.key().transport().timeouts();
    let connected = async {
        let (stream, spoken) = connect(peer.key(), conn.time_to_connect(timeouts.dial), Wanted::Any).await?;
        Ok::<_, ConnectError>(match spoken {
            Spoken::Http1 => Spoke::Http1(Box::new(Connection::new(stream, conn.worker.buffers.clone()))),
            Spoken::Http2 => Spoke::Http2(h2::start(stream, timeouts).await?),
        })
    };
    match connected.await {
        Ok(Spoke::Http2(http2)) => Ok(Established::Shared(claim.succeed(http2))),
        Ok(Spoke::Http1(connection)) => {
            claim.own_ways();
            Ok(Established::Own(connection))
        }
        Err(error) => {
            let error = Rc::new(error);
            claim.fail(error.clone());
            Err(error)
        }
    }
}

/// One HTTP/2 exchange.
pub(super) async fn send_shared(conn: &Rc<Conn>, peer: &Rc<Peer>, place: Place, slot: &mut Slot) -> Exchanged {
    let Some(mut request) = slot.take() else { return Err(ForwardError::Closed) };
    forward::origin_form(&mut request);
    let noted = forward::is_bodyless(&request);
    let repeatable = place.seasoned == Seasoned::Yes && forward::is_repeatable(&request);
    if noted {
        conn.spare.borrow_mut().note(&request, conn);
    }
    forward::absolute_form(&mut request, peer).map_err(|_| ForwardError::Malformed)?;
    let mut sender = place.sender();
    let mut sent = pin!(sender.try_send_request(request));
    match forward::answered(conn, peer, |cx| sent.as_mut().poll(cx)).await {
        Some(Ok(response)) => Ok(response.map(|incoming| AnswerBody::shared(incoming, place, conn))),
        None => Err(ForwardError::AnswerLate),
        Some(Err(mut failed)) => {
            *slot = failed.take_message();
            if slot.is_some() {
                return Err(ForwardError::Stale);
            }
            let unseen = is_unseen(failed.error());
            let error = if unseen { ForwardError::Closed } else { forward::classify(conn, failed.error()) };
            if unseen {
                place.refused();
            }
            if noted && (unseen || repeatable && matches!(error, ForwardError::Closed)) {
                *slot = conn.spare.borrow_mut().rebuild(conn);
            }
            Err(if slot.is_some() { ForwardError::Stale } else { error })
        }
    }
}

/// Whether the server has said that it did not look at the request. `GOAWAY` reaches only requests beyond the last one that
/// the server names in it.
fn is_unseen(error: &hyper::Error) -> bool {
    let Some(cause) = error.source().and_then(|cause| cause.downcast_ref::<::h2::Error>()) else { return false };
    let refused = cause.is_reset() && cause.reason() == Some(::h2::Reason::REFUSED_STREAM);
    cause.is_remote() && (refused || cause.is_go_away())
}
