use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use serde_json::json;

use super::*;
use crate::apiserver::store::Limits;

fn server(validation: Validation) -> Server {
    let store = Store::new(&Limits { seed: Some(7), ..Limits::default() }, Arc::new(|| jiff::Timestamp::UNIX_EPOCH));
    let faults = Faults::new(store.clone());
    let (_, shutdown) = watch::channel(false);
    Server { store, faults, validation, bookmark_every: Duration::from_secs(10), shutdown, reach: Reach::Loopback }
}

/// Status, headers and document of an answer.
async fn send(server: &Server, request: &str, headers: &[(&str, &str)], body: &str) -> (u16, HeaderMap, Value) {
    let (method, uri) = request.split_once(' ').expect("method and target");
    let mut builder = Request::builder().method(method).uri(uri).header(HOST, "localhost:1");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let request = builder.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
    let response = match handle(server, request).await {
        Ok(reply) => reply.into_response(),
        Err(error) => Reply::error(&error).into_response(),
    };
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("not broken").to_bytes();
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn get(server: &Server, uri: &str) -> (u16, Value) {
    let (code, _, document) = send(server, &format!("GET {uri}"), &[], "").await;
    (code, document)
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/n/configmaps";

async fn post(server: &Server, name: &str) {
    let body = json!({"metadata": {"name": name, "labels": {"n": name}}}).to_string();
    let (code, _, _) = send(server, &format!("POST {CONFIG_MAPS}"), &[], &body).await;
    assert_eq!(code, 201);
}

#[tokio::test]
async fn web_pages_and_foreign_hosts_are_kept_out() {
    let server = server(Validation::Strict);
    for (name, value) in [("origin", "http://localhost"), ("host", "evil.example")] {
        let request =
            Request::builder().uri("/version").header(name, value).body(Full::new(Bytes::new())).expect("good");
        assert_eq!(handle(&server, request).await.err().map(|error| error.code()), Some(403), "{name}");
    }
    for host in ["127.0.0.1:80", "localhost", "LOCALHOST:1", "[::1]:8001", "[::1]", "127.1.2.3"] {
        let request =
            Request::builder().uri("/version").header("host", host).body(Full::new(Bytes::new())).expect("good");
        assert!(handle(&server, request).await.is_ok(), "{host}");
    }
}

#[tokio::test]
async fn a_list_is_continued_as_it_was_when_it_began() {
    let server = server(Validation::Strict);
    for name in ["a", "b", "c", "d"] {
        post(&server, name).await;
    }
    let (_, first) = get(&server, &format!("{CONFIG_MAPS}?limit=2")).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let token = first["metadata"]["continue"].as_str().expect("more").to_owned();
    post(&server, "bb").await;
    post(&server, "cc").await;
    server.store.delete("ConfigMap", "n", "c").expect("deleted");
    let (_, second) = get(&server, &format!("{CONFIG_MAPS}?limit=2&continue={token}")).await;
    let names: Vec<&Value> =
        second["items"].as_array().expect("items").iter().map(|it| &it["metadata"]["name"]).collect();
    assert_eq!(names, ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(second["metadata"].get("continue"), None);

    server.store.compact();
    let (code, expired) = get(&server, &format!("{CONFIG_MAPS}?limit=2&continue={token}")).await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let (code, _) = get(&server, &format!("{CONFIG_MAPS}?continue=nonsense")).await;
    assert_eq!(code, 400);
}

#[tokio::test]
async fn lists_are_selected_by_labels_and_fields() {
    let server = server(Validation::Strict);
    for name in ["a", "b", "c"] {
        post(&server, name).await;
    }
    let cases = [
        ("labelSelector=n+in+(a,b)", 2),
        ("labelSelector=n%21%3Da", 2),
        ("fieldSelector=metadata.name%3Dc", 1),
        ("fieldSelector=metadata.name%3Dc&labelSelector=n%3Da", 0),
        ("", 3),
    ];
    for (query, want) in cases {
        let (_, list) = get(&server, &format!("{CONFIG_MAPS}?{query}")).await;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(want), "{query}");
    }
    for query in
        ["labelSelector=a+b", "fieldSelector=spec.x%3Dy", "limit=x", "resourceVersion=x", "resourceVersionMatch=Exact"]
    {
        assert_eq!(get(&server, &format!("{CONFIG_MAPS}?{query}")).await.0, 400, "{query}");
    }
    assert_eq!(get(&server, &format!("{CONFIG_MAPS}?resourceVersion=9999")).await.0, 504);
}

#[tokio::test]
async fn bodies_may_be_yaml_but_not_protobuf_and_not_huge() {
    let server = server(Validation::Strict);
    let yaml = "metadata:\n  name: a\ndata: {k: v}\n";
    let post = format!("POST {CONFIG_MAPS}");
    let (code, _, created) = send(&server, &post, &[("content-type", "application/yaml")], yaml).await;
    assert_eq!((code, &created["data"]["k"]), (201, &json!("v")));
    for media_type in ["application/vnd.kubernetes.protobuf", "text/plain", "application/x-www-form-urlencoded"] {
        assert_eq!(send(&server, &post, &[("content-type", media_type)], "{}").await.0, 415, "{media_type}");
    }
    let (code, _, status) = send(&server, &post, &[], &" ".repeat(body::MAX_BODY + 1)).await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")));
    assert_eq!(send(&server, &post, &[], "{").await.0, 400);
    assert_eq!(send(&server, &post, &[], "").await.0, 400);
    assert_eq!(send(&server, &post, &[], &"[".repeat(100_000)).await.0, 400);
}

#[tokio::test]
async fn unknown_fields_are_refused_or_warned_of_as_asked() {
    let server = server(Validation::Strict);
    let body = |name: &str| json!({"metadata": {"name": name}, "dota": {"a": "b"}}).to_string();
    let (code, _, status) = send(&server, &format!("POST {CONFIG_MAPS}?fieldValidation=Strict"), &[], &body("a")).await;
    assert_eq!(code, 400);
    assert!(status["message"].as_str().is_some_and(|it| it.contains("unknown field \"dota\"")), "{status}");
    let (code, headers, _) = send(&server, &format!("POST {CONFIG_MAPS}"), &[], &body("a")).await;
    assert_eq!(code, 201);
    assert_eq!(headers["warning"], "299 - \"unknown field \\\"dota\\\"\"");
    let (code, headers, _) =
        send(&server, &format!("POST {CONFIG_MAPS}?fieldValidation=Ignore"), &[], &body("b")).await;
    assert_eq!((code, headers.get("warning")), (201, None));
}

#[tokio::test]
async fn every_patch_type_is_taken_by_its_media_type() {
    let server = server(Validation::Strict);
    post(&server, "a").await;
    let cases = [
        ("application/json-patch+json", r#"[{"op":"add","path":"/data","value":{"one":"1"}}]"#),
        ("application/merge-patch+json", r#"{"data":{"two":"2"}}"#),
        ("application/strategic-merge-patch+json; charset=utf-8", r#"{"data":{"three":"3"}}"#),
        ("application/apply-patch+yaml", "data:\n  four: '4'\n"),
    ];
    let uri = format!("PATCH {CONFIG_MAPS}/a?fieldManager=tester");
    for (media_type, body) in cases {
        let (code, _, document) = send(&server, &uri, &[("content-type", media_type)], body).await;
        assert_eq!(code, 200, "{media_type} {document}");
    }
    let (_, object) = get(&server, &format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(object["data"], json!({"one": "1", "two": "2", "three": "3", "four": "4"}));

    let refused = [
        ("application/json", "{}", 415),
        ("application/merge-patch+json", "{", 400),
        ("application/json-patch+json", "{}", 400),
    ];
    for (media_type, body, want) in refused {
        assert_eq!(send(&server, &uri, &[("content-type", media_type)], body).await.0, want, "{media_type}");
    }
    let apply = [("content-type", "application/apply-patch+yaml")];
    assert_eq!(send(&server, &format!("PATCH {CONFIG_MAPS}/a"), &apply, "{}").await.0, 400, "no field manager");
    let (code, _, created) = send(&server, &format!("PATCH {CONFIG_MAPS}/new?fieldManager=t"), &apply, "{}").await;
    assert_eq!((code, &created["metadata"]["name"]), (201, &json!("new")));
    let middleware = "PATCH /apis/traefik.io/v1alpha1/namespaces/n/middlewares/a";
    let strategic = [("content-type", "application/strategic-merge-patch+json")];
    assert_eq!(send(&server, middleware, &strategic, "{}").await.0, 415, "custom resources know no strategic merge");
    let merge = [("content-type", "application/merge-patch+json")];
    assert_eq!(send(&server, middleware, &merge, "{}").await.0, 404);
}

#[tokio::test]
async fn a_table_or_metadata_is_given_to_who_asks() {
    let server = server(Validation::Strict);
    post(&server, "a").await;
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let (_, _, list) = send(&server, &format!("GET {CONFIG_MAPS}"), &table, "").await;
    assert_eq!((&list["kind"], &list["rows"][0]["cells"][0]), (&json!("Table"), &json!("a")));
    assert_eq!(list["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let metadata = [("accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")];
    let (_, _, list) = send(&server, &format!("GET {CONFIG_MAPS}"), &metadata, "").await;
    assert_eq!(list["items"][0]["metadata"]["name"], "a");
    assert_eq!(list["items"][0].get("data"), None);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let server = server(Validation::Strict);
    for name in ["a", "b", "c"] {
        post(&server, name).await;
    }
    let (code, _, list) = send(&server, &format!("DELETE {CONFIG_MAPS}?labelSelector=n%21%3Db"), &[], "").await;
    assert_eq!((code, list["items"].as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!(server.store.list("ConfigMap").len(), 1);
    let (code, _, status) =
        send(&server, &format!("DELETE {CONFIG_MAPS}/b"), &[], r#"{"preconditions":{"uid":"x"}}"#).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    let (code, _, status) = send(&server, &format!("DELETE {CONFIG_MAPS}/b"), &[], "{}").await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
}

#[tokio::test]
async fn documents_are_served_and_nothing_else() {
    let server = server(Validation::Strict);
    for path in [
        "/version",
        "/api",
        "/apis",
        "/api/v1",
        "/apis/traefik.io",
        "/apis/traefik.io/v1alpha1",
        "/openapi/v2",
        "/openapi/v3",
    ] {
        let (code, document) = get(&server, path).await;
        assert!(code == 200 && document.is_object(), "{path}");
    }
    for path in ["/healthz", "/livez", "/readyz/ping", "/openapi/v3/api/v1", "/openapi/v3/apis/networking.k8s.io/v1"] {
        assert_eq!(get(&server, path).await.0, 200, "{path}");
    }
    for path in
        ["/", "/apis/no.such", "/apis/no.such/v1", "/openapi/v3/apis/no.such/v1", "/metrics", "/api/v1/toasters"]
    {
        assert_eq!(get(&server, path).await.0, 404, "{path}");
    }
    assert_eq!(send(&server, "POST /version", &[], "").await.0, 405);
    let aggregated = [("accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")];
    let (_, headers, document) = send(&server, "GET /apis", &aggregated, "").await;
    assert_eq!(headers["content-type"], discovery::AGGREGATED_TYPE);
    assert_eq!(document["kind"], "APIGroupDiscoveryList");
}

#[tokio::test]
async fn faults_answer_before_anything_is_done() {
    use crate::apiserver::faults::{Answer, Calls};
    let server = server(Validation::Strict);
    server.faults.answer_next(
        1,
        Calls::of(Verb::Create, "configmaps"),
        Answer::TooManyRequests(Duration::from_secs(3)),
    );
    let body = json!({"metadata": {"name": "a"}}).to_string();
    let (code, headers, status) = send(&server, &format!("POST {CONFIG_MAPS}"), &[], &body).await;
    assert_eq!(
        (code, headers["retry-after"].to_str().ok(), &status["reason"]),
        (429, Some("3"), &json!("TooManyRequests"))
    );
    assert_eq!(send(&server, &format!("POST {CONFIG_MAPS}"), &[], &body).await.0, 201);
    let calls = server.faults.calls();
    assert_eq!(calls.values().sum::<u64>(), 2);
    assert!(
        calls.keys().all(|call| call.verb == Verb::Create && call.namespace == "n" && call.resource == "configmaps")
    );
}
