//! Traefik: a router per host from a file, one service, one processor for Go.
use super::{IDLE_CONNECTIONS, Setup, Task};
use crate::cluster::host;
use serde_json::{Map, Value, json};

pub(super) fn setup(task: &Task<'_>) -> anyhow::Result<Setup> {
    let router = |number: usize| {
        let rule = format!("Host(`{}`) && PathPrefix(`/`)", host(number));
        let mut router = json!({"rule": rule, "service": "origin", "entryPoints": ["web"]});
        if task.certificate.is_some() {
            router["tls"] = json!({});
        }
        (format!("host-{number}"), router)
    };
    let routers: Map<String, Value> = (0..task.hosts).map(router).collect();
    let servers = json!([{"url": format!("http://{}", task.origin)}]);
    let mut dynamic = json!({
        "http": {"routers": routers, "services": {"origin": {"loadBalancer": {"servers": servers}}}}
    });
    if let Some(certificate) = task.certificate {
        let files = json!({"certFile": certificate.chain_file, "keyFile": certificate.key_file});
        dynamic["tls"] = json!({"certificates": [files]});
    }
    let path = task.folder.join("dynamic.yaml");
    // JSON is YAML.
    std::fs::write(&path, dynamic.to_string())?;
    let args = [
        format!("--entrypoints.web.address={}", task.listen),
        format!("--providers.file.filename={}", path.display()),
        "--providers.file.watch=false".to_owned(),
        format!("--serverstransport.maxidleconnsperhost={IDLE_CONNECTIONS}"),
        "--global.checknewversion=false".to_owned(),
        "--global.sendanonymoususage=false".to_owned(),
        "--log.level=ERROR".to_owned(),
    ];
    Ok(Setup { args: args.map(Into::into).into(), variables: vec![("GOMAXPROCS", "1".into())] })
}
