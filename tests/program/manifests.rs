//! `--standalone.manifests`: a folder of YAML instead of a cluster.
use crate::support::http::get;
use crate::support::origin::Origin;
use crate::support::world::{eventually, in_system, start_with};
use std::fs;
use std::path::Path;

fn write(dir: &Path, file: &str, host: &str, port: u16) {
    let name = file.trim_end_matches(".yaml");
    let text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}-1, labels: {{kubernetes.io/service-name: {name}}}}}\n\
         addressType: IPv4\nports: [{{name: http, port: {port}}}]\nendpoints: [{{addresses: [127.0.0.1]}}]\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}}}\n\
         spec: {{rules: [{{host: {host}, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: {name}, port: {{number: 80}}}}}}}}]}}}}]}}\n"
    );
    fs::write(dir.join(file), text).unwrap();
}

#[test]
fn a_folder_is_served_followed_and_a_broken_file_harms_no_other() {
    in_system(async || {
        let dir = tempfile::tempdir().unwrap();
        let origin = Origin::start("o").await;
        let port = origin.address.port();
        write(dir.path(), "one.yaml", "one.test", port);
        write(dir.path(), "two.yaml", "two.test", port);
        let manifests = format!("--standalone.manifests={}", dir.path().display());
        let args = [
            "--entrypoints.web.address=127.0.0.1:0",
            "--providers.providersthrottleduration=0s",
            "--workers=1",
            "--log.level=ERROR",
            &manifests,
        ];
        let app = start_with(&args).await;
        let web = app.address("web").unwrap();
        let until = async |host: &str, status: u16| {
            eventually(async || (get(web, host, "/").await.status == status).then_some(())).await;
        };
        until("one.test", 200).await;
        until("two.test", 200).await;
        // Changed, added, removed.
        write(dir.path(), "one.yaml", "moved.test", port);
        write(dir.path(), "three.yaml", "three.test", port);
        fs::remove_file(dir.path().join("two.yaml")).unwrap();
        until("moved.test", 200).await;
        until("one.test", 404).await;
        until("three.test", 200).await;
        until("two.test", 404).await;
        // Broken: what it held stays, the others go on changing.
        fs::write(dir.path().join("one.yaml"), "a: [1,\nb: }").unwrap();
        write(dir.path(), "three.yaml", "third.test", port);
        until("third.test", 200).await;
        until("moved.test", 200).await;
        app.stop().await;
    });
}
