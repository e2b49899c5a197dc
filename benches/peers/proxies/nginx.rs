//! nginx: one worker process, a server block per host, one upstream.
//!
//! It works without a master: the loop is the same, and a worker cannot outlive whoever started it.
use super::{IDLE_CONNECTIONS, Setup, Task};
use crate::cluster::host;
use std::fmt::Write;

pub(super) fn setup(task: &Task<'_>) -> anyhow::Result<Setup> {
    let Task { listen, origin, hosts, certificate, folder, .. } = task;
    let folder = folder.display();
    let mut text = format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server_names_hash_max_size 262144;
  server_names_hash_bucket_size 128;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream origin {{
    server {origin};
    keepalive {IDLE_CONNECTIONS};
    keepalive_requests 1000000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Server $hostname;
"
    );
    let mut listen = listen.to_string();
    if let Some(certificate) = certificate {
        let (chain, key) = (certificate.chain_file.display(), certificate.key_file.display());
        listen.push_str(" ssl http2");
        // Before 1.23.4 it has no TLS 1.3 unless told.
        writeln!(text, "  ssl_certificate {chain};\n  ssl_certificate_key {key};\n  ssl_protocols TLSv1.2 TLSv1.3;")?;
    }
    for number in 0..*hosts {
        let name = host(number);
        writeln!(
            text,
            "  server {{ listen {listen}; server_name {name}; location / {{ proxy_pass http://origin; }} }}"
        )?;
    }
    text.push_str("}\n");
    let path = task.folder.join("nginx.conf");
    std::fs::write(&path, text)?;
    let args = vec!["-c".into(), path.into_os_string(), "-e".into(), "stderr".into()];
    Ok(Setup { args, ..Setup::default() })
}
