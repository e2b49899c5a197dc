//! Tests of single steps; whole requests are in `proxy/tests.rs`.
use super::target::Target;
use crate::proxy::entrypoint::EntryPoint;
use crate::proxy::entrypoint::choices::Choices;
use crate::proxy::entrypoint::options::{Paths, Semicolons, Start, Timeouts, Trust};
use crate::proxy::entrypoint::room::Room;
use crate::proxy::entrypoint::sockets::Sharing;
use crate::proxy::table::EntryPointId;
use ::http::{HeaderValue, Uri};

fn entry(paths: Paths, semicolons: Semicolons) -> EntryPoint {
    EntryPoint {
        id: EntryPointId(0),
        name: "web".into(),
        paths,
        semicolons,
        trust: Trust::Everybody,
        max_head: 8192,
        timeouts: Timeouts::default(),
        room: Room::new(1),
        start: Start::AtOnce,
        sharing: Sharing::Workers,
        server_name: HeaderValue::from_static("here"),
        choices: Choices::default(),
    }
}

fn forwarded(target: &str, entry: &EntryPoint) -> String {
    let uri: Uri = target.parse().unwrap();
    let target = Target::clean(&uri, entry).unwrap();
    target.rebuilt(&uri).unwrap().map_or(uri.clone(), Uri::from).to_string()
}

#[test]
fn targets_are_cleaned_and_brought_into_origin_form() {
    let entry = entry(Paths::Sanitized, Semicolons::Separate);
    let cases = [
        ("/a/b?x=1", "/a/b?x=1"),
        ("/q?", "/q?"),
        ("//api//x", "/api/x"),
        ("/a/%2e%2E/b?x=%zz", "/b?x=%zz"),
        ("/a%2fb", "/a%2Fb"),
        ("/q?a=1;b=2", "/q?a=1&b=2"),
        ("/semi;colon?a", "/semi;colon?a"),
        ("http://a.test:81/x/../y?z", "/y?z"),
        ("http://a.test", "/"),
        ("http://a.test?x=1", "/?x=1"),
        ("http://a.test/x", "/x"),
    ];
    for (given, want) in cases {
        assert_eq!(forwarded(given, &entry), want, "{given}");
    }
}

#[test]
fn raw_paths_stay_but_never_begin_with_two_slashes() {
    let entry = entry(Paths::Raw, Semicolons::Encoded);
    let cases = [
        ("/api/../x", "/api/../x"),
        ("//api//y", "/api//y"),
        ("/api/%2e%2E/%61", "/api/../a"),
        ("/x;y?a=%3B&;", "/x;y?a=%3B&%3B"),
    ];
    for (given, want) in cases {
        assert_eq!(forwarded(given, &entry), want, "{given}");
    }
}

/// The future of a request is moved into place for each request, whole: what is only needed on rare paths (connecting, TLS,
/// HTTP/2) must not be in it.
#[test]
fn the_future_of_a_request_stays_small() {
    fn size<A, B, F: Future>(_: fn(A, B) -> F) -> usize {
        size_of::<F>()
    }
    let bytes = size(super::serve);
    assert!(bytes <= 1920, "{bytes} bytes");
}
