//! HAProxy: one thread, hosts in a map, one backend.
use super::{IDLE_CONNECTIONS, Setup, Task};
use crate::cluster::host;

pub(super) fn setup(task: &Task<'_>) -> anyhow::Result<Setup> {
    let Task { listen, origin, hosts, certificate, folder, .. } = task;
    let map: String = (0..*hosts).map(|number| format!("{} origin\n", host(number))).collect();
    let map_path = folder.join("hosts.map");
    std::fs::write(&map_path, map)?;
    let map_path = map_path.display();
    let (bind, scheme) = match certificate {
        Some(certificate) => {
            (format!("{listen} ssl crt {} alpn h2,http/1.1", certificate.both_file.display()), "https")
        }
        None => (listen.to_string(), "http"),
    };
    let text = format!(
        "global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout tunnel 300s
  option http-keep-alive
  http-reuse always
  option forwardfor
frontend web
  bind {bind}
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto {scheme}
  http-request set-header X-Forwarded-Server %[hostname]
  use_backend %[req.hdr(host),lower,map_str({map_path},none)]
backend none
  http-request return status 404
backend origin
  server one {origin} pool-max-conn {IDLE_CONNECTIONS}
"
    );
    let path = folder.join("haproxy.cfg");
    std::fs::write(&path, text)?;
    Ok(Setup { args: vec!["-db".into(), "-f".into(), path.into_os_string()], ..Setup::default() })
}
