//! The layers of the Kubernetes client: kube's own for paths, headers and credentials, around hyper's pooled client.
//!
//! kube would build all of it from its configuration; put together here because of what lies below: connections that can be
//! cut ([`super::connector`]), trust that follows its file ([`super::ca`]), a token that is read again after 401. Left out are
//! kube's retries (up to 15 in silence, with pauses of minutes: our watches retry, and say so) and its tracing (one error
//! line per failed try).
mod pacer;

use super::ca::CaFile;
use super::client::ClientError;
use super::connector::{Connector, Cutter};
use super::token::TokenFile;
use crate::base::clock::{Clock, SystemClock};
use http::StatusCode;
use http::header::AUTHORIZATION;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use pacer::Pacer;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tower::util::option_layer;
use tower::{BoxError, Layer, service_fn};

type Http = HttpClient<TimeoutConnector<HttpsConnector<Connector>>, Body>;

/// Builds the client. `token` is sent with each request; all connections end when `cutter` says so.
///
/// # Errors
/// [`ClientError`], which names the file at fault.
pub fn build(config: &kube::Config, token: Option<TokenFile>, cutter: Cutter) -> Result<kube::Client, ClientError> {
    if let Some(proxy) = &config.proxy_url {
        let proxy = proxy.host().unwrap_or_default().to_owned();
        return Err(ClientError::Proxy { proxy });
    }
    let (client, pacer) = (http(config, cutter)?, Pacer::default());
    let wrap = |error| ClientError::Client(Box::new(error));
    let service = service_fn(move |request| send(client.clone(), token.clone(), pacer.clone(), request));
    let service = config.extra_headers_layer().map_err(wrap)?.layer(service);
    let service = option_layer(config.auth_layer().map_err(wrap)?).layer(service);
    let service = config.base_uri_layer().layer(service);
    Ok(kube::Client::new(service, config.default_namespace.clone()))
}

fn http(config: &kube::Config, cutter: Cutter) -> Result<Http, ClientError> {
    let wrap = |error| ClientError::Client(Box::new(error));
    let mut tls = config.rustls_client_config().map_err(|error| match &config.root_cert_file {
        // Read once more for a text that names the file and what is wrong with it.
        Some(path) => match CaFile::open(path) {
            Err(source) => ClientError::Ca { path: path.clone(), source },
            Ok(_) => wrap(error),
        },
        None => wrap(error),
    })?;
    if let Some(path) = &config.root_cert_file
        && !config.accept_invalid_certs
    {
        let trust = CaFile::open(path).map_err(|source| ClientError::Ca { path: path.clone(), source })?;
        tls.dangerous().set_certificate_verifier(Arc::new(trust));
    }
    let mut https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone())
            .map_err(|_| ClientError::Endpoint { endpoint: format!("https://{name}") })?;
        https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut connector =
        TimeoutConnector::new(https.enable_http1().wrap_connector(Connector::new(cutter, config.read_timeout)));
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_write_timeout(config.write_timeout);
    Ok(HttpClient::builder(TokioExecutor::new()).build(connector))
}

async fn send(
    client: Http,
    token: Option<TokenFile>,
    pacer: Pacer,
    mut request: http::Request<Body>,
) -> Result<http::Response<hyper::body::Incoming>, BoxError> {
    // A sleep of no length is one of a millisecond, and a wake-up of the process.
    let wait = pacer.wait_for(request.uri(), SystemClock.now());
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    if let Some(header) = token.as_ref().and_then(TokenFile::header) {
        request.headers_mut().insert(AUTHORIZATION, header);
    }
    let response = client.request(request).await?;
    if let Some(token) = token
        && response.status() == StatusCode::UNAUTHORIZED
    {
        token.refused();
    }
    Ok(response)
}
