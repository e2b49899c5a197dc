//! `fixtures/demo` with `--standalone.demo`: the first thing a newcomer sees must work.
use crate::support::http::get;
use crate::support::world::{eventually, in_system, start_with};

#[test]
fn the_demo_serves_its_hosts() {
    in_system(async || {
        let manifests = format!("--standalone.manifests={}/fixtures/demo", env!("CARGO_MANIFEST_DIR"));
        let args = [
            &*manifests,
            "--standalone.demo=true",
            "--entrypoints.web.address=127.0.0.1:0",
            "--entrypoints.traefik.address=127.0.0.1:0",
            "--ping=true",
            "--log.level=ERROR",
            "--workers=1",
        ];
        let app = start_with(&args).await;
        let web = app.address("web").unwrap();
        eventually(async || (get(web, "shop.localhost", "/").await.status == 200).then_some(())).await;
        let answer = get(web, "shop.localhost", "/").await;
        assert!(answer.body.contains("Hostname:"), "{}", answer.body);
        // The default backend takes what no rule takes.
        assert_eq!(get(web, "nobody.localhost", "/anything").await.status, 200);
        app.stop().await;
    });
}
