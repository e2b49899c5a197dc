//! Chooses and builds the Kubernetes client: in-cluster, then KUBECONFIG, then endpoint + token + CA (spec/ingress.md 2.1).
//!
//! Everything that the choice looks at comes in as [`Surroundings`], so that a test can set it.
use super::token::TokenFile;
use crate::base::clock::{Clock, SystemClock};
use kube::client::{Body, ClientBuilder};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tower::util::MapRequestLayer;

/// Longest silence of the API server. Above the 295 s after which a quiet watch is ended anyway: this is for lists, and
/// for the heads of answers, which would otherwise be awaited for ever from a machine that is gone.
const LONGEST_SILENCE: Duration = Duration::from_secs(310);

/// Where a pod finds its service account.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What the choice of the client depends on.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `KUBERNETES_SERVICE_HOST`.
    pub service_host: String,
    /// `KUBERNETES_SERVICE_PORT`.
    pub service_port: String,
    /// `KUBECONFIG`.
    pub kubeconfig: String,
    /// Folder with `token`, `ca.crt` and `namespace`.
    pub service_account: PathBuf,
    /// `POD_NAME`, else `HOSTNAME`: what this replica is called.
    pub pod_name: String,
}

impl Surroundings {
    /// Reads the process environment.
    pub fn from_env() -> Self {
        let var = |name| std::env::var(name).unwrap_or_default();
        Self {
            service_host: var("KUBERNETES_SERVICE_HOST"),
            service_port: var("KUBERNETES_SERVICE_PORT"),
            kubeconfig: var("KUBECONFIG"),
            service_account: SERVICE_ACCOUNT.into(),
            pod_name: Some(var("POD_NAME")).filter(|name| !name.is_empty()).unwrap_or_else(|| var("HOSTNAME")),
        }
    }

    /// The namespace of the pod that this process runs in; `None` outside of a cluster.
    pub fn own_namespace(&self) -> Option<Arc<str>> {
        let text = std::fs::read_to_string(self.service_account.join("namespace")).ok()?;
        Some(text.trim()).filter(|text| !text.is_empty()).map(Arc::from)
    }
}

/// The options that name an API server.
#[derive(Clone, Debug, Default)]
pub struct Access<'a> {
    /// `endpoint`.
    pub endpoint: &'a str,
    /// `token`: a path if a file of that name exists, else the token itself.
    pub token: &'a str,
    /// `certAuthFilePath`.
    pub cert_auth_file: Option<&'a Path>,
}

/// Which client was chosen, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The pod's own service account.
    InCluster,
    /// The file that `KUBECONFIG` names.
    Kubeconfig(PathBuf),
    /// Endpoint, token and CA from the options.
    External,
}

/// Why no client can be built. The process goes on without the provider (spec/ingress.md 2.2).
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service account is not mounted.
    #[error("in-cluster configuration could not be built: cannot read {path}")]
    ServiceAccount {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file that `KUBECONFIG` names is missing or broken.
    #[error("cannot use the file that KUBECONFIG names, {path}")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// Outside a cluster, without KUBECONFIG, and no endpoint.
    #[error(
        "endpoint is missing for an external cluster client: set providers.kubernetesIngress.endpoint, or KUBECONFIG"
    )]
    NoEndpoint,
    /// The endpoint is not a URL.
    #[error("endpoint {endpoint:?} is not a URL such as https://10.0.0.1:6443")]
    Endpoint {
        /// As written.
        endpoint: String,
    },
    /// The CA bundle cannot be read.
    #[error("cannot read the CA bundle {path}")]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The client itself refused its configuration.
    #[error("cannot build the Kubernetes client")]
    Client(#[source] Box<kube::Error>),
}

/// Builds the clients. Must be called on a tokio runtime.
///
/// # Errors
/// [`ClientError`], which names the file or option at fault.
pub async fn build(access: Access<'_>, surroundings: &Surroundings) -> Result<Clients, ClientError> {
    let (reader, choice) = build_one(access.clone(), surroundings, Retries::ByClient).await?;
    let (writer, _) = build_one(access, surroundings, Retries::ByCaller).await?;
    Ok(Clients { reader, writer, choice })
}

/// What comes of [`build`].
pub struct Clients {
    /// For watches: repeats by itself what the API server asks to repeat.
    pub reader: kube::Client,
    /// For writes: repeats nothing, because whether a write is still wanted and still allowed must be asked before.
    pub writer: kube::Client,
    /// How the API server was found.
    pub choice: Choice,
}

/// Who repeats a request that the API server asks to repeat (429, 503, 504).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retries {
    ByClient,
    ByCaller,
}

async fn build_one(
    access: Access<'_>,
    surroundings: &Surroundings,
    retries: Retries,
) -> Result<(kube::Client, Choice), ClientError> {
    let Configured { mut config, token_file, choice } = configure(access, surroundings).await?;
    config.default_retry = retries == Retries::ByClient;
    let builder = ClientBuilder::try_from(config).map_err(|error| ClientError::Client(Box::new(error)))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let token = token_file.map(|path| TokenFile::new(path, clock));
    let authorize = move |mut request: http::Request<Body>| {
        if let Some(header) = token.as_ref().and_then(TokenFile::header) {
            request.headers_mut().insert(http::header::AUTHORIZATION, header);
        }
        request
    };
    Ok((builder.with_layer(&MapRequestLayer::new(authorize)).build(), choice))
}

/// A client that is still to be built.
struct Configured {
    config: kube::Config,
    /// Where the token comes from, if it follows a file.
    token_file: Option<PathBuf>,
    choice: Choice,
}

/// The first that applies, as in the reference.
async fn configure(access: Access<'_>, around: &Surroundings) -> Result<Configured, ClientError> {
    let mut configured = if !around.service_host.is_empty() && !around.service_port.is_empty() {
        in_cluster(access.endpoint, around)?
    } else if !around.kubeconfig.is_empty() {
        let path = PathBuf::from(&around.kubeconfig);
        Configured { config: from_file(&path).await?, token_file: None, choice: Choice::Kubeconfig(path) }
    } else {
        external(&access)?
    };
    configured.config.read_timeout = Some(LONGEST_SILENCE);
    // Counted from the request on, not from when its connection became idle.
    configured.config.reset_reader_on_write = true;
    let agent = format!(
        "pilotage/{} ({}/{}) kubernetes/ingress",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    if let Ok(agent) = http::HeaderValue::from_str(&agent) {
        configured.config.headers.push((http::header::USER_AGENT, agent));
    }
    Ok(configured)
}

fn in_cluster(endpoint: &str, around: &Surroundings) -> Result<Configured, ClientError> {
    let text = if endpoint.is_empty() {
        let host = match around.service_host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => around.service_host.clone(),
        };
        format!("https://{host}:{}", around.service_port)
    } else {
        endpoint.to_owned()
    };
    let mut config = kube::Config::new(parse_url(&text)?);
    let token = around.service_account.join("token");
    let ca = around.service_account.join("ca.crt");
    for path in [&token, &ca] {
        std::fs::metadata(path).map_err(|source| ClientError::ServiceAccount { path: path.clone(), source })?;
    }
    // Both files are read again while the client runs: tokens expire, CAs are rotated.
    config.root_cert_file = Some(ca);
    Ok(Configured { config, token_file: Some(token), choice: Choice::InCluster })
}

async fn from_file(path: &Path) -> Result<kube::Config, ClientError> {
    let wrap = |source| ClientError::Kubeconfig { path: path.to_path_buf(), source: Box::new(source) };
    let file = Kubeconfig::read_from(path).map_err(wrap)?;
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(wrap)?;
    if config.cluster_url.scheme_str() != Some("https") {
        // As the reference: credentials of a kubeconfig user never travel in plain text.
        config.auth_info = AuthInfo::default();
    }
    Ok(config)
}

fn external(access: &Access<'_>) -> Result<Configured, ClientError> {
    if access.endpoint.is_empty() {
        return Err(ClientError::NoEndpoint);
    }
    let mut config = kube::Config::new(parse_url(access.endpoint)?);
    if let Some(path) = access.cert_auth_file {
        std::fs::File::open(path).map_err(|source| ClientError::Ca { path: path.to_path_buf(), source })?;
        config.root_cert_file = Some(path.to_path_buf());
    }
    let token = access.token.trim();
    let token_file = Path::new(access.token).is_file().then(|| PathBuf::from(access.token));
    if token_file.is_none() && !token.is_empty() {
        config.auth_info.token = Some(token.to_owned().into());
    }
    Ok(Configured { config, token_file, choice: Choice::External })
}

fn parse_url(text: &str) -> Result<http::Uri, ClientError> {
    let wrong = || ClientError::Endpoint { endpoint: text.to_owned() };
    let url: http::Uri = text.parse().map_err(|_| wrong())?;
    match (url.scheme_str(), url.authority()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
