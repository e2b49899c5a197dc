//! TLS from the objects to the wire: entry points that have it, certificates that change, and ones that cannot be used.
use super::events::events;
use crate::support::http::get;
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::tls::{Authority, with_secret};
use crate::support::world::{World, eventually, with_program};
use serde_json::{Value, json};
use std::net::SocketAddr;

const SECURE: &str = "--entrypoints.websecure.address=127.0.0.1:0";

fn secure(world: &World) -> SocketAddr {
    world.app.address("websecure").unwrap()
}

/// Service `n/s`, served by `origin`.
fn backend(origin: &Origin) -> [Value; 2] {
    [service("n", "s"), slice("n", "s", &[origin.address])]
}

#[test]
fn an_entry_point_with_tls_serves_over_tls_alone_what_has_no_block_of_its_own() {
    let args = [SECURE, "--entrypoints.websecure.http.tls=true"];
    with_program(&args, &[], async |world: &World| {
        let (origin, authority) = (Origin::start("a").await, Authority::new());
        let leaf = authority.issue("a.test");
        world.apply(backend(&origin));
        world.apply([leaf.secret("n", "c"), with_secret(ingress("n", "i", "a.test", "/", "s"), "c")]);
        world.until_status("a.test", "/", 200).await;
        let mut client = authority.connect(secure(world), "a.test").await.unwrap();
        assert_eq!(client.shown, leaf.der);
        assert_eq!(client.connection.get("a.test", "/").await.unwrap().status, 200);
        assert_eq!(get(secure(world), "a.test", "/").await.status, 404, "in plain text there is no router");
        let shown = world.api("/api/http/routers/websecure-n-i-a-test@kubernetes").await;
        assert_eq!((&shown["tls"], &shown["entryPoints"]), (&json!({"options": "default"}), &json!(["websecure"])));
    });
}

#[test]
fn unknown_options_of_an_entry_point_close_it_and_leave_the_others_open() {
    let args = [SECURE, "--entrypoints.websecure.http.tls.options=ghost@file"];
    with_program(&args, &[], async |world: &World| {
        let (origin, authority) = (Origin::start("a").await, Authority::new());
        world.apply(backend(&origin));
        world.apply([authority.issue("a.test").secret("n", "c"), with_secret(ingress("n", "i", "", "/", "s"), "c")]);
        world.until_status("a.test", "/", 200).await;
        let mut client = authority.connect(secure(world), "a.test").await.unwrap();
        assert_eq!(client.connection.get("a.test", "/").await.unwrap().status, 503);
        assert_eq!(world.until_finding("i").await["path"], "entryPoints.websecure.http.tls.options");
        // Without a host, options with a name are also in conflict with themselves (spec/http.md 5.6).
        let shown = world.api("/api/http/routers/websecure-conflicted-websecure-n-i@kubernetes").await;
        assert_eq!(shown["status"], "disabled", "{shown}");
        assert_eq!(shown["error"][0], "building router handler: unknown TLS options: ghost@file");
    });
}

#[test]
fn a_changed_secret_is_shown_in_the_next_handshake_and_open_connections_stay() {
    let args = [SECURE, "--entrypoints.websecure.http.tls=true"];
    with_program(&args, &[], async |world: &World| {
        let (origin, authority) = (Origin::start("a").await, Authority::new());
        let (old, new) = (authority.issue("a.test"), authority.issue("a.test"));
        world.apply(backend(&origin));
        world.apply([old.secret("n", "c"), with_secret(ingress("n", "i", "a.test", "/", "s"), "c")]);
        let mut open = eventually(async || authority.connect(secure(world), "a.test").await.ok()).await;
        assert_eq!(open.shown, old.der);
        assert_eq!(open.connection.get("a.test", "/").await.unwrap().status, 200);
        world.apply([new.secret("n", "c")]);
        eventually(async || {
            let client = authority.connect(secure(world), "a.test").await.unwrap();
            assert!([&old.der, &new.der].contains(&&client.shown), "between the two is nothing");
            (client.shown == new.der).then_some(())
        })
        .await;
        assert_eq!(open.connection.get("a.test", "/").await.unwrap().status, 200, "on the connection from before");
    });
}

#[test]
fn a_key_that_does_not_fit_is_told_of_each_ingress_that_uses_it_and_harms_no_neighbour() {
    let args = [SECURE, "--entrypoints.websecure.http.tls=true"];
    with_program(&args, &[], async |world: &World| {
        let (origin, authority) = (Origin::start("a").await, Authority::new());
        let good = authority.issue("good.test");
        world.apply(backend(&origin));
        world.apply([
            authority.issue("a.test").secret_with_key_of(&good, "n", "bad"),
            good.secret("n", "good"),
            with_secret(ingress("n", "one", "a.test", "/one", "s"), "bad"),
            with_secret(ingress("n", "two", "a.test", "/two", "s"), "bad"),
            with_secret(ingress("n", "good", "good.test", "/", "s"), "good"),
        ]);
        for name in ["one", "two"] {
            let finding = world.until_finding(name).await;
            assert_eq!((&finding["reason"], &finding["path"]), (&json!("InvalidCertificate"), &json!("spec.tls")));
            assert!(finding["text"].as_str().unwrap().contains("does not belong"), "{finding}");
            let said = eventually(async || events(&world.cluster, name).into_iter().next()).await;
            assert_eq!((&*said.0, &*said.1), ("Warning", "InvalidCertificate"), "{said:?}");
            world.until_status("a.test", &format!("/{name}"), 200).await;
        }
        let mut client = eventually(async || authority.connect(secure(world), "good.test").await.ok()).await;
        assert_eq!(client.connection.get("good.test", "/").await.unwrap().status, 200);
        assert!(authority.connect(secure(world), "a.test").await.is_err(), "the default certificate is shown");
        assert!(world.findings().await.iter().all(|finding| finding["object"]["name"] != "good"));
    });
}
