use std::fs;

use jiff::Timestamp;

use super::*;
use crate::apiserver::store::Limits;

fn store() -> Store {
    Store::new(&Limits::default(), Arc::new(Timestamp::now))
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: {value:?}}}\n")
}

fn fast() -> Options {
    Options { poll_every: Duration::from_millis(5), ..Options::default() }
}

/// Waits until the condition holds after some look at the directory.
async fn until(loader: &ManifestLoader, what: &str, condition: impl Fn() -> bool) {
    let mut passes = loader.passes();
    let reached = async {
        while !condition() {
            passes.changed().await.expect("the loader runs");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_directory_is_followed_while_it_changes() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("sub")).expect("made");
    fs::write(path("a.yaml"), config_map("a", "1") + "---\n" + &config_map("b", "1")).expect("written");
    fs::write(path("sub/c.yml"), config_map("c", "1")).expect("written");
    fs::write(path("sub/readme.txt"), "not: [a manifest").expect("written");
    let store = store();
    store
        .apply(serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}))
        .expect("applied");
    let loader = ManifestLoader::start(store.clone(), directory.path(), fast()).await;
    let value = |name: &str| store.get("ConfigMap", "default", name).map(|it| it["data"]["v"].clone());
    assert_eq!(value("a"), Some("1".into()), "loaded when start returns");
    assert_eq!(value("c"), Some("1".into()));
    assert!(loader.errors().is_empty());

    fs::write(path("a.yaml"), config_map("a", "22")).expect("written");
    until(&loader, "a changes and b goes", || value("a") == Some("22".into()) && value("b").is_none()).await;

    fs::write(path("a.yaml"), "apiVersion: v1\nkind: [").expect("written");
    until(&loader, "the mistake is reported", || !loader.errors().is_empty()).await;
    let errors = loader.errors();
    assert!(
        matches!(&errors[0], ManifestError::Syntax { path: at, line: 2.., .. } if *at == path("a.yaml")),
        "{errors:?}"
    );
    assert_eq!(value("a"), Some("22".into()), "the last good objects stay");

    fs::write(path("a.yaml"), config_map("a", "333")).expect("written");
    until(&loader, "the mistake is mended", || loader.errors().is_empty() && value("a") == Some("333".into())).await;

    fs::remove_file(path("sub/c.yml")).expect("removed");
    until(&loader, "c goes", || value("c").is_none()).await;
    assert!(value("mine").is_some(), "what came from no file stays");
}

#[cfg(unix)]
#[tokio::test]
async fn mounts_of_config_maps_and_loops_of_links_are_no_trouble() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    for (version, value) in [("..2024_1", "1"), ("..2024_2", "22")] {
        fs::create_dir(path(version)).expect("made");
        fs::write(path(version).join("a.yaml"), config_map("a", value)).expect("written");
    }
    symlink("..2024_1", path("..data")).expect("linked");
    symlink("..data/a.yaml", path("a.yaml")).expect("linked");
    symlink(".", path("loop")).expect("linked");
    symlink("self.yaml", path("self.yaml")).expect("linked");
    symlink("nowhere", path("gone.yaml")).expect("linked");
    let store = store();
    let loader = ManifestLoader::start(store.clone(), directory.path(), fast()).await;
    let value = || store.get("ConfigMap", "default", "a").map(|it| it["data"]["v"].clone());
    assert_eq!(value(), Some("1".into()));
    assert_eq!(store.list("ConfigMap").len(), 1);

    symlink("..2024_2", path("..tmp")).expect("linked");
    fs::rename(path("..tmp"), path("..data")).expect("swapped as the kubelet does");
    until(&loader, "the new version is read", || value() == Some("22".into())).await;
}

#[tokio::test]
async fn a_refused_object_is_reported_with_its_field() {
    let directory = tempfile::tempdir().expect("a directory");
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: {rules: [{http: {paths: [{path: /}]}}]}\n";
    fs::write(directory.path().join("web.yaml"), ingress).expect("written");
    let store = store();
    let loader = ManifestLoader::start(store.clone(), directory.path(), fast()).await;
    let errors = loader.errors();
    assert_eq!(errors.len(), 1);
    let text = errors[0].to_string();
    assert!(
        text.contains("web.yaml: Ingress default/web: ") && text.contains("paths[0].pathType: Required value"),
        "{text}"
    );
    assert!(store.get("Ingress", "default", "web").is_none());
}

#[tokio::test]
async fn a_status_survives_a_reload() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("a.yaml");
    let service = |port: u16| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {{ports: [{{port: {port}}}]}}\n")
    };
    fs::write(&file, service(80)).expect("written");
    let store = store();
    let loader = ManifestLoader::start(store.clone(), directory.path(), fast()).await;
    let mut object = serde_json::Value::clone(&store.get("Service", "default", "a").expect("loaded"));
    object["status"] = serde_json::json!({"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}});
    store.apply(object).expect("applied");
    fs::write(&file, service(8080)).expect("written");
    let now = || store.get("Service", "default", "a").expect("there");
    until(&loader, "the port changes", || now()["spec"]["ports"][0]["port"] == 8080).await;
    assert_eq!(now()["status"]["loadBalancer"]["ingress"][0]["ip"], "1.1.1.1");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_reported() {
    let directory = tempfile::tempdir().expect("a directory");
    let loader = ManifestLoader::start(store(), &directory.path().join("missing"), fast()).await;
    assert!(matches!(loader.errors()[..], [ManifestError::Unreadable { .. }]));
}
