//! Real kubectl against the server, with its default flags. Skipped, and says so, where kubectl is not installed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

struct Kubectl {
    server: ApiServer,
    home: tempfile::TempDir,
}

struct Output {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Kubectl {
    /// `None` if there is no kubectl.
    async fn start() -> Option<Self> {
        let found =
            Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            println!("skipped: kubectl is not installed");
            return None;
        }
        Some(Self { server: server().await, home: tempfile::tempdir().expect("a directory") })
    }

    async fn run(&self, args: &[&str], stdin: &str) -> Output {
        self.run_with(args, stdin, "").await
    }

    async fn run_with(&self, args: &[&str], stdin: &str, editor: &str) -> Output {
        let mut command = Command::new("kubectl");
        command
            .arg(format!("--server={}", self.server.url()))
            .arg("--request-timeout=30s")
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            // Neither the user's configuration nor a shared discovery cache.
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("KUBE_EDITOR", editor)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let input = stdin.to_owned();
        let running = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("kubectl starts");
            let mut stdin = child.stdin.take().expect("piped");
            stdin.write_all(input.as_bytes()).expect("kubectl reads");
            drop(stdin);
            child.wait_with_output().expect("kubectl ends")
        });
        let output = running.await.expect("ran");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs and must succeed; gives what it printed.
    async fn ok(&self, args: &[&str], stdin: &str) -> String {
        let Output { code, out, err } = self.run(args, stdin).await;
        assert_eq!(code, Some(0), "kubectl {args:?}\n{out}\n{err}");
        assert!(!err.contains("Warning") && !err.contains("error"), "kubectl {args:?}: {err}");
        out
    }

    /// Runs and must fail; gives the error.
    async fn fails(&self, args: &[&str], stdin: &str) -> String {
        let Output { code, out, err } = self.run(args, stdin).await;
        assert_ne!(code, Some(0), "kubectl {args:?}\n{out}");
        err
    }
}

const MANIFEST: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: metrics, port: 9000}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: traefik
  rules:
  - host: web.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: strip}
spec: {stripPrefix: {prefixes: [/a]}}
---
apiVersion: v1
kind: Secret
metadata: {name: users}
stringData: {users: "joe:secret"}
"#;

#[tokio::test]
async fn kubectl_applies_shows_changes_and_deletes() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let out = kubectl.ok(&["apply", "-f", "-"], MANIFEST).await;
    assert_eq!(out.matches(" created").count(), 4, "{out}");
    let out = kubectl.ok(&["apply", "-f", "-"], MANIFEST).await;
    assert_eq!(out.matches(" unchanged").count(), 3, "all but the secret with its stringData: {out}");
    let changed = MANIFEST
        .replace("port: 9000", "port: 9001")
        .replace("[/a]", "[/b]")
        .replace("web.example.com", "www.example.com");
    let out = kubectl.ok(&["apply", "-f", "-"], &changed).await;
    assert!(out.matches(" configured").count() >= 3, "{out}");
    let service = kubectl.server.store().get("Service", "default", "web").expect("there");
    let ports: Vec<&Value> =
        service["spec"]["ports"].as_array().expect("ports").iter().map(|port| &port["port"]).collect();
    assert_eq!(ports, [80, 9001]);

    let out = kubectl.ok(&["get", "ingress,svc,middleware", "-A"], "").await;
    assert!(out.contains("www.example.com") && out.contains("CLUSTER-IP") && out.contains("strip"), "{out}");
    let out = kubectl.ok(&["get", "ing", "web", "-o", "jsonpath={.spec.rules[0].host}"], "").await;
    assert_eq!(out, "www.example.com");
    assert!(kubectl.ok(&["get", "all"], "").await.contains("service/web"));
    let out = kubectl.ok(&["describe", "ingress", "web"], "").await;
    assert!(out.contains("www.example.com") && out.contains("web:http"), "{out}");
    assert!(kubectl.ok(&["describe", "svc", "web"], "").await.contains("8080/TCP"));
    assert!(kubectl.ok(&["describe", "middleware", "strip"], "").await.contains("Strip Prefix"));
    assert!(kubectl.ok(&["api-resources"], "").await.contains("ingressroutes"));
    assert!(kubectl.ok(&["version"], "").await.contains("Server Version: v1.32.0"));

    kubectl.ok(&["label", "svc", "web", "tier=front"], "").await;
    kubectl.ok(&["annotate", "ing", "web", "example.com/note=x"], "").await;
    kubectl.ok(&["patch", "svc", "web", "-p", r#"{"spec":{"ports":[{"port":80,"targetPort":8081}]}}"#], "").await;
    kubectl
        .ok(
            &["patch", "middleware", "strip", "--type=json", "-p", r#"[{"op":"remove","path":"/spec/stripPrefix"}]"#],
            "",
        )
        .await;
    kubectl
        .ok(
            &[
                "patch",
                "ing",
                "web",
                "--subresource=status",
                "--type=merge",
                "-p",
                r#"{"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}}}"#,
            ],
            "",
        )
        .await;
    assert!(kubectl.ok(&["get", "ing"], "").await.contains("1.2.3.4"));
    let service = kubectl.server.store().get("Service", "default", "web").expect("there");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], 8081);
    assert_eq!(service["spec"]["ports"].as_array().map(Vec::len), Some(2));
    assert!(kubectl.ok(&["get", "svc", "-l", "tier in (front)", "-o", "name"], "").await.contains("service/web"));

    let out = kubectl.ok(&["delete", "-f", "-"], MANIFEST).await;
    assert_eq!(out.matches(" deleted").count(), 4, "{out}");
    assert!(kubectl.fails(&["get", "ing", "web"], "").await.contains("ingresses.networking.k8s.io \"web\" not found"));
    kubectl.server.shutdown().await;
}

#[tokio::test]
async fn kubectl_applies_on_the_server_side() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let out = kubectl.ok(&["apply", "--server-side", "-f", "-"], MANIFEST).await;
    assert_eq!(out.matches(" serverside-applied").count(), 4, "{out}");
    let version = kubectl.server.store().version();
    kubectl.ok(&["apply", "--server-side", "-f", "-"], MANIFEST).await;
    assert_eq!(kubectl.server.store().version(), version, "the second time nothing changes");
    let fewer = MANIFEST.replace(", {name: metrics, port: 9000}", "");
    kubectl.ok(&["apply", "--server-side", "-f", "-"], &fewer).await;
    let service = kubectl.server.store().get("Service", "default", "web").expect("there");
    assert_eq!(service["spec"]["ports"].as_array().map(Vec::len), Some(1));
    let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n";
    kubectl.ok(&["create", "-f", "-"], settings).await;
    kubectl.ok(&["delete", "configmap", "settings", "--wait=true"], "").await;
    kubectl.ok(&["delete", "ns", "kube-system"], "").await;
}

#[tokio::test]
async fn kubectl_learns_what_is_wrong() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let typo = MANIFEST.replace("pathType", "pathTyp");
    let error = kubectl.fails(&["apply", "-f", "-"], &typo).await;
    assert!(error.contains("unknown field \"spec.rules[0].http.paths[0].pathTyp\""), "{error}");
    let wrong = MANIFEST.replace("pathType: Prefix", "pathType: prefix");
    let error = kubectl.fails(&["apply", "-f", "-"], &wrong).await;
    assert!(error.contains("spec.rules[0].http.paths[0].pathType: Unsupported value: \"prefix\""), "{error}");
    let wrong = MANIFEST.replace("port: 80,", "port: http,");
    let error = kubectl.fails(&["apply", "--server-side", "-f", "-"], &wrong).await;
    assert!(error.contains("].port: invalid type: string \"http\""), "{error}");
    let error = kubectl.fails(&["get", "toasters"], "").await;
    assert!(error.contains("doesn't have a resource type"), "{error}");
    let error =
        kubectl.fails(&["create", "-f", "-"], "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n").await;
    assert!(error.contains("already exists"), "{error}");
}

#[tokio::test]
async fn kubectl_edits_and_replaces() {
    let Some(kubectl) = Kubectl::start().await else { return };
    kubectl.ok(&["apply", "-f", "-"], MANIFEST).await;
    let editor = kubectl.home.path().join("editor.sh");
    write_script(&editor, "#!/bin/sh\nsed -i 's/web.example.com/edited.example.com/' \"$1\"\n");
    let output = kubectl.run_with(&["edit", "ingress", "web"], "", &editor.to_string_lossy()).await;
    assert_eq!(output.code, Some(0), "{}", output.err);
    let host = |server: &ApiServer| {
        server.store().get("Ingress", "default", "web").expect("there")["spec"]["rules"][0]["host"].clone()
    };
    assert_eq!(host(&kubectl.server), "edited.example.com");
    kubectl.ok(&["replace", "-f", "-"], &MANIFEST[..MANIFEST.find("---\napiVersion: traefik").expect("in it")]).await;
    assert_eq!(host(&kubectl.server), "web.example.com");
}

fn write_script(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
    }
}
