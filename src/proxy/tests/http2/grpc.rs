//! gRPC end to end (spec/http.md 2.14): tonic's client and server, with hyper's HTTP/2 under them, and the proxy between.
use crate::base::io::{LocalExecutor, TokioIo};
use crate::model::plan::{HostHeader, PlanPatch, Scheme};
use crate::model::tls::TlsOptionsKey;
use crate::proxy::tests::rig::*;
use crate::proxy::tests::tls::rig::{client, connect, tls_plan};
use bytes::{Buf, BufMut, Bytes};
use futures_util::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Request, Response, Status, Streaming};

/// Messages are bytes as they are.
#[derive(Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

/// The methods of the server, by their last letters.
async fn method(path: String, request: Request<Streaming<Bytes>>) -> Result<Response<Answers>, Status> {
    let token = request.metadata().get("x-token").cloned();
    let mut messages = request.into_inner();
    let answers: Answers = match path.as_str() {
        // One answer for each message, as it comes.
        "/t.T/Echo" => Box::pin(messages),
        // One answer for all messages.
        "/t.T/Join" => {
            let mut joined = Vec::new();
            while let Some(message) = messages.next().await {
                joined.extend_from_slice(&message?);
            }
            Box::pin(stream::iter([Ok(joined.into())]))
        }
        // Many answers for one message.
        "/t.T/Count" => Box::pin(stream::iter((0..1000).map(|number| Ok(number.to_string().into())))),
        "/t.T/Late" => Box::pin(stream::iter([Ok("one".into()), Err(Status::data_loss("half is gone"))])),
        _ => return Err(Status::failed_precondition("not today")),
    };
    let mut response = Response::new(answers);
    if let Some(token) = token {
        response.metadata_mut().insert("x-seen", token);
    }
    Ok(response)
}

/// A gRPC server without TLS.
async fn grpc_server() -> Origin {
    Origin::scripted(|server, _| async move {
        let service = service_fn(|request: http::Request<Incoming>| async move {
            let path = request.uri().path().to_owned();
            assert_eq!(request.headers().get("te").unwrap(), "trailers");
            let call = tower::service_fn(move |request| method(path.clone(), request));
            Ok::<_, Infallible>(tonic::server::Grpc::new(Plain).streaming(call, request).await)
        });
        let http = hyper::server::conn::http2::Builder::new(LocalExecutor);
        http.serve_connection(TokioIo::new(server.tcp), service).await.ok();
    })
    .await
}

/// A client over `io`, as tonic's own transport would make it.
struct Caller(SendRequest<Body>);

impl Caller {
    async fn over<S: AsyncRead + AsyncWrite + Unpin + 'static>(io: S) -> Self {
        let (sender, connection) =
            hyper::client::conn::http2::handshake(LocalExecutor, TokioIo::new(io)).await.unwrap();
        drop(tokio::task::spawn_local(async move { connection.await.ok() }));
        Self(sender)
    }

    async fn call(
        &self,
        name: &str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Response<Streaming<Bytes>>, Status> {
        let sender = self.0.clone();
        let transport = tower::service_fn(move |request: http::Request<Body>| sender.clone().send_request(request));
        let mut grpc = tonic::client::Grpc::with_origin(transport, "http://grpc.test".parse().unwrap());
        grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let mut request = Request::new(messages);
        request.metadata_mut().insert("x-token", "t".parse().unwrap());
        grpc.streaming(request, name.parse::<PathAndQuery>().unwrap(), Plain).await
    }
}

fn over_http2(mut plan: PlanPatch) -> PlanPatch {
    for (_, balancer) in &mut plan.balancers {
        let balancer = Arc::make_mut(balancer.as_mut().unwrap());
        balancer.servers = balancer
            .servers
            .iter()
            .cloned()
            .map(|server| {
                let url = server.url.replace("http://", "h2c://").into();
                crate::model::plan::Server { scheme: Scheme::H2c, url, ..server }
            })
            .collect();
    }
    plan
}

async fn all(response: Response<Streaming<Bytes>>) -> Vec<String> {
    let mut messages = response.into_inner();
    let mut seen = Vec::new();
    while let Some(message) = messages.message().await.unwrap() {
        seen.push(String::from_utf8(message.to_vec()).unwrap());
    }
    // The status came in trailers, or there would be an error instead of the end.
    seen
}

async fn calls_of_every_kind(caller: &Caller) {
    let unary = caller.call("/t.T/Echo", stream::iter([Bytes::from("hello")])).await.unwrap();
    assert_eq!(unary.metadata().get("x-seen").unwrap(), "t");
    assert_eq!(all(unary).await, ["hello"]);
    let sent = (0..1000).map(|number| Bytes::from(vec![b'a' + (number % 26) as u8; 1000]));
    let joined = all(caller.call("/t.T/Join", stream::iter(sent)).await.unwrap()).await;
    assert_eq!((joined.len(), joined[0].len()), (1, 1_000_000));
    let counted = all(caller.call("/t.T/Count", stream::iter([Bytes::new()])).await.unwrap()).await;
    assert_eq!((counted.len(), counted[999].as_str()), (1000, "999"));
}

async fn both_ways(caller: &Caller) {
    // Each message is sent when the answer to the one before has come.
    let (send, receive) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let messages = stream::unfold(receive, |mut receive| async move { Some((receive.recv().await?, receive)) });
    send.send("0".into()).unwrap();
    let mut answers = caller.call("/t.T/Echo", messages).await.unwrap().into_inner();
    for number in 0..100 {
        assert_eq!(answers.message().await.unwrap().unwrap(), number.to_string());
        send.send((number + 1).to_string().into()).unwrap();
    }
    drop(send);
    assert_eq!(answers.message().await.unwrap().unwrap(), "100");
    assert!(answers.message().await.unwrap().is_none());
}

async fn failures(caller: &Caller) {
    let refused = caller.call("/t.T/No", stream::iter([Bytes::new()])).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::FailedPrecondition, "not today"));
    let mut late = caller.call("/t.T/Late", stream::iter([Bytes::new()])).await.unwrap().into_inner();
    assert_eq!(late.message().await.unwrap().unwrap(), "one");
    let lost = late.message().await.unwrap_err();
    assert_eq!((lost.code(), lost.message()), (Code::DataLoss, "half is gone"));
}

#[test]
fn calls_pass_with_their_messages_metadata_and_statuses_over_tls() {
    run(async {
        let origin = grpc_server().await;
        let rig = Rig::with(&[], over_http2(tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default)));
        let io = connect(rig.address, &Arc::new(client(&["h2"])), "grpc.test").await.unwrap();
        let caller = Caller::over(io).await;
        calls_of_every_kind(&caller).await;
        both_ways(&caller).await;
        failures(&caller).await;
        drop(caller);
        rig.stop().await;
    });
}

#[test]
fn calls_pass_with_prior_knowledge_and_share_one_connection_to_the_server() {
    run(async {
        let origin = grpc_server().await;
        let rig = Rig::with(&[], plan([server(Scheme::H2c, origin.address)], HostHeader::Pass));
        let caller = Caller::over(tokio::net::TcpStream::connect(rig.address).await.unwrap()).await;
        calls_of_every_kind(&caller).await;
        both_ways(&caller).await;
        failures(&caller).await;
        assert_eq!(origin.connections.get(), 1);
        drop(caller);
        rig.stop().await;
    });
}

/// Errors of the proxy are plain HTTP, of which a client of gRPC makes a status; tonic's is this one.
#[test]
fn a_call_to_a_server_that_is_not_there_fails() {
    run(async {
        let rig = Rig::with(&[], plan([server(Scheme::H2c, closed_address())], HostHeader::Pass));
        let caller = Caller::over(tokio::net::TcpStream::connect(rig.address).await.unwrap()).await;
        let mut answer = caller.call("/t.T/Echo", stream::iter([Bytes::new()])).await.unwrap().into_inner();
        let status = answer.message().await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        drop(caller);
        rig.stop().await;
    });
}
