//! Chooses and builds the Kubernetes client: in-cluster, then KUBECONFIG, then endpoint + token + CA (spec/ingress.md 2.1).
//!
//! Everything that the choice looks at comes in as [`Surroundings`], so that a test can set it.
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Folder with `token` and `ca.crt`.
    pub service_account: PathBuf,
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
        }
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

/// Builds the client. Must be called on a tokio runtime.
///
/// # Errors
/// [`ClientError`], which names the file or option at fault.
pub async fn build(access: Access<'_>, surroundings: &Surroundings) -> Result<(kube::Client, Choice), ClientError> {
    let (config, choice) = configure(access, surroundings).await?;
    let client = kube::Client::try_from(config).map_err(|error| ClientError::Client(Box::new(error)))?;
    Ok((client, choice))
}

/// The first that applies, as in the reference.
async fn configure(access: Access<'_>, around: &Surroundings) -> Result<(kube::Config, Choice), ClientError> {
    let (mut config, choice) = if !around.service_host.is_empty() && !around.service_port.is_empty() {
        (in_cluster(access.endpoint, around)?, Choice::InCluster)
    } else if !around.kubeconfig.is_empty() {
        let path = PathBuf::from(&around.kubeconfig);
        (from_file(&path).await?, Choice::Kubeconfig(path))
    } else {
        (external(&access)?, Choice::External)
    };
    config.read_timeout = Some(LONGEST_SILENCE);
    // Counted from the request on, not from when its connection became idle.
    config.reset_reader_on_write = true;
    let agent = format!(
        "pilotage/{} ({}/{}) kubernetes/ingress",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    if let Ok(agent) = http::HeaderValue::from_str(&agent) {
        config.headers.push((http::header::USER_AGENT, agent));
    }
    Ok((config, choice))
}

fn in_cluster(endpoint: &str, around: &Surroundings) -> Result<kube::Config, ClientError> {
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
    // Both files are read again by the client while it runs: tokens expire, CAs are rotated.
    config.auth_info = AuthInfo { token_file: Some(token.to_string_lossy().into_owned()), ..AuthInfo::default() };
    config.root_cert_file = Some(ca);
    Ok(config)
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

fn external(access: &Access<'_>) -> Result<kube::Config, ClientError> {
    if access.endpoint.is_empty() {
        return Err(ClientError::NoEndpoint);
    }
    let mut config = kube::Config::new(parse_url(access.endpoint)?);
    if let Some(path) = access.cert_auth_file {
        std::fs::File::open(path).map_err(|source| ClientError::Ca { path: path.to_path_buf(), source })?;
        config.root_cert_file = Some(path.to_path_buf());
    }
    if !access.token.is_empty() {
        // A path is read again while we run, and trimmed (spec/ingress.md 20), unlike in the reference.
        if Path::new(access.token).is_file() {
            config.auth_info.token_file = Some(access.token.to_owned());
        } else {
            config.auth_info.token = Some(access.token.trim().to_owned().into());
        }
    }
    Ok(config)
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
