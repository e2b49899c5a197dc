//! Caddy: a route per host, one reverse proxy that all of them name, one processor for Go.
use super::{IDLE_CONNECTIONS, Setup, Task};
use crate::cluster::host;
use serde_json::{Value, json};

pub(super) fn setup(task: &Task<'_>) -> anyhow::Result<Setup> {
    let Task { listen, origin, hosts, certificate, folder, .. } = task;
    // One shared handler: a handler of its own for each host would also mean connections of its own.
    let route = |number: usize| {
        json!({
            "match": [{"host": [host(number)]}], "terminal": true, "handle": [{"handler": "invoke", "name": "origin"}]
        })
    };
    let routes: Vec<Value> = (0..*hosts).map(route).collect();
    let keep_alive = json!({"max_idle_conns": 8192, "max_idle_conns_per_host": IDLE_CONNECTIONS});
    let proxy = json!({
        "handler": "reverse_proxy",
        "upstreams": [{"dial": origin.to_string()}],
        "transport": {"protocol": "http", "versions": ["1.1"], "keep_alive": keep_alive},
        "headers": {"request": {"set": {
            "X-Real-Ip": ["{http.request.remote.host}"],
            "X-Forwarded-Port": ["{http.request.local.port}"],
            "X-Forwarded-Server": ["{system.hostname}"],
        }}}
    });
    let mut apps = json!({"http": {"servers": {"web": {
        "listen": [listen.to_string()],
        "protocols": ["h1"],
        "automatic_https": {"disable": true},
        "named_routes": {"origin": {"handle": [proxy]}},
        "routes": routes
    }}}});
    if let Some(certificate) = certificate {
        let files = json!({"certificate": certificate.chain_file, "key": certificate.key_file});
        apps["tls"] = json!({"certificates": {"load_files": [files]}});
        apps["http"]["servers"]["web"]["protocols"] = json!(["h1", "h2"]);
        apps["http"]["servers"]["web"]["tls_connection_policies"] = json!([{}]);
    }
    let config = json!({
        "admin": {"disabled": true, "config": {"persist": false}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "storage": {"module": "file_system", "root": folder.join("storage")},
        "apps": apps
    });
    let path = folder.join("caddy.json");
    std::fs::write(&path, config.to_string())?;
    let args = vec!["run".into(), "--config".into(), path.into_os_string()];
    let home = folder.as_os_str().to_owned();
    let variables = vec![("GOMAXPROCS", "1".into()), ("XDG_DATA_HOME", home.clone()), ("XDG_CONFIG_HOME", home)];
    Ok(Setup { args, variables })
}
