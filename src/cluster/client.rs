//! Chooses and builds the Kubernetes client: in-cluster, then KUBECONFIG, then endpoint + token + CA (spec/ingress.md 2.1).
//!
//! Everything that the choice looks at comes in as [`Surroundings`], so that a test can set it.
use super::ca::CaError;
use super::connector::Cutter;
use super::link::{Knocker, Link};
use super::stack;
use super::token::TokenFile;
use crate::base::clock::{Clock, SystemClock};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longest silence of the API server within one answer. Above the time after which a quiet watch is ended anyway
/// (`watch::LONGEST_WATCH`): this is for lists, and for the heads of answers, which would otherwise be awaited for ever.
const LONGEST_SILENCE: Duration = Duration::from_secs(75);
/// Longest wait for a connection, TLS included. kube's default is 30 s, the longest pause between two tries.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

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
        source: CaError,
    },
    /// `proxy-url` of a kubeconfig, or `HTTPS_PROXY` beside one.
    #[error(
        "the way to the API server leads through a proxy ({proxy}), which is not supported: unset HTTPS_PROXY or proxy-url"
    )]
    Proxy {
        /// Where to, without credentials.
        proxy: String,
    },
    /// The client itself refused its configuration.
    #[error("cannot build the Kubernetes client")]
    Client(#[source] Box<kube::Error>),
}

/// A client, and what keeps an eye on the server behind it.
pub struct Built {
    /// The client.
    pub client: kube::Client,
    /// Which one it is.
    pub choice: Choice,
    /// Whether the server answers, for watches.
    pub link: Link,
    /// The task behind the link; without it watches speak for themselves.
    pub knocker: Knocker,
}

/// Builds the client. Must be called on a tokio runtime.
///
/// # Errors
/// [`ClientError`], which names the file or option at fault.
pub async fn build(access: Access<'_>, surroundings: &Surroundings) -> Result<Built, ClientError> {
    let Configured { config, token_file, choice } = configure(access, surroundings).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let token = token_file.map(|path| TokenFile::new(path, clock));
    let cutter = Cutter::new();
    let client = stack::build(&config, token, cutter.clone())?;
    let (link, knocker) = Link::new(cutter);
    Ok(Built { client, choice, link, knocker })
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
    configured.config.connect_timeout = Some(LONGEST_CONNECT);
    configured.config.read_timeout = Some(LONGEST_SILENCE);
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
    config.root_cert_file = access.cert_auth_file.map(Path::to_path_buf);
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
