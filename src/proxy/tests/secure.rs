//! Servers behind TLS and HTTP/2.
use super::rig::*;
use crate::base::io::{TokioExecutor, TokioIo};
use crate::model::plan::{HostHeader, Scheme};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::convert::Infallible;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Tells version, host and body.
pub async fn tell(request: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).or(head.uri.host()).unwrap_or_default();
    let text = format!("{:?} {host} {} {}", head.version, head.uri.path(), String::from_utf8_lossy(&body));
    Ok(http::Response::new(Full::new(text.into())))
}

pub async fn serve_http2<S>(stream: S)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    connection.serve_connection(TokioIo::new(stream), service_fn(tell)).await.ok();
}

/// An https server with a certificate of its own making, and that certificate.
async fn https(protocols: &[&str]) -> (Origin, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let origin = Origin::scripted(move |client, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(client.tcp).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                serve_http2(stream).await;
            } else {
                let connection = hyper::server::conn::http1::Builder::new();
                connection.serve_connection(TokioIo::new(stream), service_fn(tell)).await.ok();
            }
        }
    })
    .await;
    (origin, made.cert.pem())
}

#[test]
fn https_servers_are_verified_and_spoken_to_in_the_best_protocol() {
    run(async {
        for (protocols, want) in
            [(vec!["h2", "http/1.1"], "HTTP/2.0"), (vec!["http/1.1"], "HTTP/1.1"), (vec![], "HTTP/1.1")]
        {
            let (origin, pem) = https(&protocols).await;
            let plan = plan([server(Scheme::Https, origin.address)], HostHeader::Pass);
            let rig = Rig::with(&[&format!("--serverstransport.rootcas={pem}")], plan);
            for _ in 0..3 {
                let answer = rig.ask("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi").await;
                assert_eq!(answer.text(), format!("{want} a.test /x hi"));
            }
            assert_eq!(origin.connections.get(), 1, "{protocols:?}");
            rig.stop().await;
        }
    });
}

#[test]
fn an_unknown_certificate_is_500_unless_nobody_cares() {
    run(async {
        let (origin, _) = https(&["http/1.1"]).await;
        let to = || plan([server(Scheme::Https, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&[], to());
        let answer = rig.ask(GET).await;
        assert_eq!((answer.status(), answer.text()), (500, "Internal Server Error"));
        rig.stop().await;
        let rig = Rig::with(&["--serverstransport.insecureskipverify=true"], to());
        assert_eq!(rig.ask(GET).await.text(), "HTTP/1.1 a.test / ");
        rig.stop().await;
    });
}

#[test]
fn https_to_a_plain_server_is_500() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            client.send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            client.rest().await;
        })
        .await;
        let rig = Rig::with(&[], plan([server(Scheme::Https, origin.address)], HostHeader::Pass));
        assert_eq!(rig.ask(GET).await.status(), 500);
        rig.stop().await;
    });
}

#[test]
fn h2c_servers_serve_all_requests_over_one_connection() {
    run(async {
        let origin = Origin::scripted(|client, _| serve_http2(client.tcp)).await;
        let rig = Rig::with(&[], plan([server(Scheme::H2c, origin.address)], HostHeader::Pass));
        let address = rig.address;
        let clients: Vec<_> = (0..8)
            .map(|_| {
                tokio::task::spawn_local(async move {
                    let mut client = Client::connect(address).await;
                    client
                        .send("POST /x HTTP/1.1\r\nHost: a.test:81\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
                        .await;
                    client.answer().await.text().to_owned()
                })
            })
            .collect();
        for client in clients {
            assert_eq!(client.await.unwrap(), "HTTP/2.0 a.test /x hi");
        }
        assert_eq!(origin.connections.get(), 1);
        rig.stop().await;
    });
}

#[test]
fn an_h2c_server_that_is_gone_is_502_for_all_who_wait() {
    run(async {
        let rig = Rig::with(&[], plan([server(Scheme::H2c, closed_address())], HostHeader::Pass));
        for _ in 0..3 {
            assert_eq!(rig.ask(GET).await.status(), 502);
        }
        rig.stop().await;
    });
}

#[test]
fn an_h2c_server_that_allows_few_requests_at_a_time_refuses_none() {
    run(async {
        let origin = Origin::scripted(|client, _| async move {
            let mut connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            connection.max_concurrent_streams(2);
            connection.serve_connection(TokioIo::new(client.tcp), service_fn(tell)).await.ok();
        })
        .await;
        let rig = Rig::with(&[], plan([server(Scheme::H2c, origin.address)], HostHeader::Pass));
        let address = rig.address;
        let clients: Vec<_> = (0..32)
            .map(|_| {
                tokio::task::spawn_local(async move {
                    let mut client = Client::connect(address).await;
                    client.send(GET).await;
                    client.answer().await.status()
                })
            })
            .collect();
        for client in clients {
            assert_eq!(client.await.unwrap(), 200);
        }
        rig.stop().await;
    });
}
