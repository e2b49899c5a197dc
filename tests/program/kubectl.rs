//! Real kubectl against `--standalone.listen`: what it changes is served.
use crate::support::http::get;
use crate::support::origin::Origin;
use crate::support::world::{eventually, in_system, start_with};
use std::net::SocketAddr;
use tokio::process::Command;

async fn kubectl(server: SocketAddr, home: &std::path::Path, args: &[&str]) -> String {
    let output = Command::new("kubectl")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .arg(format!("--server=http://{server}"))
        .args(args)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {args:?}: {text}");
    text
}

#[test]
fn kubectl_applies_shows_and_deletes_what_is_served() {
    if std::process::Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        println!("skipped: there is no kubectl on this machine");
        return;
    }
    in_system(async || {
        let origin = Origin::start("o").await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("site.yaml");
        let port = origin.address.port();
        let text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n---\n\
             apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: s-1, labels: {{kubernetes.io/service-name: s}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: {port}}}]\nendpoints: [{{addresses: [127.0.0.1]}}]\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: site}}\n\
             spec: {{rules: [{{host: k.test, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: s, port: {{number: 80}}}}}}}}]}}}}]}}\n"
        );
        std::fs::write(&file, &text).unwrap();
        let file = file.to_str().unwrap();
        let args = [
            "--entrypoints.web.address=127.0.0.1:0",
            "--providers.providersthrottleduration=0s",
            "--workers=1",
            "--log.level=ERROR",
            "--standalone.listen=127.0.0.1:0",
            "--providers.kubernetesingress.ingressendpoint.ip=192.0.2.1",
        ];
        let app = start_with(&args).await;
        let (web, server) = (app.address("web").unwrap(), app.api_server().unwrap());
        kubectl(server, dir.path(), &["apply", "-f", file]).await;
        eventually(async || (get(web, "k.test", "/").await.status == 200).then_some(())).await;
        let shown = kubectl(server, dir.path(), &["get", "ingress", "site"]).await;
        assert!(shown.contains("site"), "{shown}");
        let described = kubectl(server, dir.path(), &["describe", "ingress", "site"]).await;
        assert!(described.contains("k.test"), "{described}");
        let describe = async |name: &str, wanted: &[&str]| {
            eventually(async || {
                let text = kubectl(server, dir.path(), &["describe", "ingress", name]).await;
                wanted.iter().all(|part| text.contains(part)).then_some(())
            })
            .await;
        };
        describe("site", &["Normal", "Programmed", "pilotage", "its routes are in force", "192.0.2.1"]).await;
        let bad =
            text.rsplit("---\n").next().unwrap().replace("name: site", "name: bad").replace("name: s,", "name: ghost,");
        std::fs::write(dir.path().join("bad.yaml"), bad).unwrap();
        kubectl(server, dir.path(), &["apply", "-f", dir.path().join("bad.yaml").to_str().unwrap()]).await;
        describe("bad", &["Warning", "ServiceNotFound", "spec.rules[0].http.paths[0].backend", "create"]).await;
        std::fs::write(file, text.replace("k.test", "l.test")).unwrap();
        kubectl(server, dir.path(), &["apply", "-f", file]).await;
        eventually(async || (get(web, "l.test", "/").await.status == 200).then_some(())).await;
        assert_eq!(get(web, "k.test", "/").await.status, 404);
        kubectl(server, dir.path(), &["delete", "ingress", "site"]).await;
        eventually(async || (get(web, "l.test", "/").await.status == 404).then_some(())).await;
        app.stop().await;
    });
}
