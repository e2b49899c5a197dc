use super::*;

fn pod(dir: &Path) -> Surroundings {
    std::fs::write(dir.join("token"), "t0k3n\n").unwrap();
    std::fs::write(dir.join("ca.crt"), "").unwrap();
    Surroundings {
        service_host: "10.0.0.1".into(),
        service_port: "443".into(),
        service_account: dir.into(),
        ..Surroundings::default()
    }
}

#[tokio::test]
async fn the_pods_own_account_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut around = pod(dir.path());
    around.kubeconfig = "/nowhere".into();
    let access = Access { endpoint: "", token: "ignored", cert_auth_file: None };
    let Configured { config, choice, token_file } = configure(access, &around).await.unwrap();
    assert_eq!(choice, Choice::InCluster);
    assert_eq!(config.cluster_url, "https://10.0.0.1:443/");
    assert!(config.auth_info.token.is_none(), "the option is ignored in a pod");
    assert!(token_file.unwrap().ends_with("token"));
    assert!(config.root_cert_file.unwrap().ends_with("ca.crt"));
}

#[tokio::test]
async fn in_a_pod_the_endpoint_replaces_the_host_and_ipv6_gets_brackets() {
    let dir = tempfile::tempdir().unwrap();
    let mut around = pod(dir.path());
    let access = Access { endpoint: "https://api.example:6443", ..Access::default() };
    assert_eq!(configure(access, &around).await.unwrap().config.cluster_url, "https://api.example:6443/");
    around.service_host = "fd00::1".into();
    assert_eq!(configure(Access::default(), &around).await.unwrap().config.cluster_url, "https://[fd00::1]:443/");
}

#[tokio::test]
async fn a_missing_service_account_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let around = pod(dir.path());
    std::fs::remove_file(dir.path().join("token")).unwrap();
    let error = configure(Access::default(), &around).await.err().unwrap();
    assert!(error.to_string().contains("token"), "{error}");
}

#[tokio::test]
async fn kubeconfig_comes_before_the_options() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n\
                clusters: [{name: k, cluster: {server: \"http://127.0.0.1:8001\"}}]\nusers: [{name: u, user: {token: secret}}]\n";
    std::fs::write(&path, text).unwrap();
    let around = Surroundings { kubeconfig: path.to_string_lossy().into_owned(), ..Surroundings::default() };
    let access = Access { endpoint: "http://other:1", ..Access::default() };
    let Configured { config, choice, token_file } = configure(access, &around).await.unwrap();
    assert_eq!(choice, Choice::Kubeconfig(path));
    assert_eq!(config.cluster_url, "http://127.0.0.1:8001/");
    assert!(config.auth_info.token.is_none() && token_file.is_none(), "credentials do not travel in plain text");
}

#[tokio::test]
async fn a_broken_kubeconfig_is_named() {
    let around = Surroundings { kubeconfig: "/nowhere/config".into(), ..Surroundings::default() };
    let error = configure(Access::default(), &around).await.err().unwrap();
    assert!(error.to_string().contains("/nowhere/config"), "{error}");
}

#[tokio::test]
async fn outside_a_cluster_the_endpoint_is_needed_and_must_be_a_url() {
    let around = Surroundings::default();
    assert!(matches!(configure(Access::default(), &around).await, Err(ClientError::NoEndpoint)));
    for endpoint in ["nonsense", "ftp://a", "/x", "https://"] {
        let access = Access { endpoint, ..Access::default() };
        assert!(matches!(configure(access, &around).await, Err(ClientError::Endpoint { .. })), "{endpoint}");
    }
    let access =
        Access { endpoint: "http://127.0.0.1:1", cert_auth_file: Some(Path::new("/nowhere")), ..Access::default() };
    assert!(matches!(build(access, &around).await, Err(ClientError::Ca { .. })));
}

#[tokio::test]
async fn a_token_is_a_file_or_the_token_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t").to_string_lossy().into_owned();
    std::fs::write(&path, "x\n").unwrap();
    let around = Surroundings::default();
    let access = Access { endpoint: "http://127.0.0.1:1", token: &path, ..Access::default() };
    assert_eq!(configure(access, &around).await.unwrap().token_file, Some(path.into()));
    let access = Access { endpoint: "http://127.0.0.1:1", token: "abc", ..Access::default() };
    let Configured { config, token_file, .. } = configure(access, &around).await.unwrap();
    assert!(config.auth_info.token.is_some() && token_file.is_none());
    assert!(!format!("{:?}", config.auth_info.token).contains("abc"), "a token is never printed");
}

#[tokio::test]
async fn an_api_server_that_falls_silent_is_given_up_some_time() {
    let access = Access { endpoint: "https://api.example:6443", ..Access::default() };
    let config = configure(access, &Surroundings::default()).await.unwrap().config;
    assert_eq!(config.read_timeout, Some(LONGEST_SILENCE));
}
