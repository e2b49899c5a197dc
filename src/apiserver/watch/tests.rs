use serde_json::json;

use super::*;
use crate::apiserver::kinds::{self, ResourceId};
use crate::apiserver::store::{Limits, ObjectKey};

fn object(labels: Option<&str>) -> Option<Arc<Value>> {
    labels.map(|label| Arc::new(json!({"metadata": {"name": "a", "labels": {"app": label}, "resourceVersion": "4"}})))
}

#[test]
fn a_change_is_told_as_this_watch_sees_it() {
    let kind = kinds::by_name("Pod").expect("served");
    let selector = Selector::parse(kind, "app=web", "").expect("good");
    let cases = [
        ("created and selected", None, Some("web"), Some("added")),
        ("created and not selected", None, Some("api"), None),
        ("changed", Some("web"), Some("web"), Some("modified")),
        ("begins to match", Some("api"), Some("web"), Some("added")),
        ("stops to match", Some("web"), Some("api"), Some("deleted")),
        ("never matched", Some("api"), Some("db"), None),
        ("deleted", Some("web"), None, Some("deleted")),
        ("deleted and never seen", Some("api"), None, None),
    ];
    for (name, before, after, want) in cases {
        let key = ObjectKey::new("n", "a");
        let event = Event { version: 9, resource: kind.resource(), key, before: object(before), after: object(after) };
        let told = translate(kind, Some("n"), &selector, &event);
        let word = told.as_ref().map(|told| match told {
            Told::Added(_) => "added",
            Told::Modified(_) => "modified",
            Told::Deleted(_) => "deleted",
        });
        assert_eq!(word, want, "{name}");
        if let Some(Told::Deleted(last)) = told {
            assert_eq!(last["metadata"]["resourceVersion"], "9", "{name}");
            assert_eq!(last["metadata"]["labels"]["app"], "web", "the last state that the client knew");
        }
        assert_eq!(translate(kind, Some("other"), &selector, &event), None, "{name}");
        let elsewhere = Event { resource: ResourceId { group: "", plural: "services" }, ..event };
        assert_eq!(translate(kind, None, &selector, &elsewhere), None, "{name}");
    }
}

fn watch_of(store: &Store, start: Start, bookmarks: Bookmarks) -> Watch {
    let kind = kinds::by_name("ConfigMap").expect("served");
    let request = Request {
        kind,
        namespace: None,
        selector: Selector::default(),
        start,
        bookmarks,
        view: View::Whole,
        timeout: Duration::from_millis(200),
        bookmark_every: Duration::from_millis(5),
    };
    let shutdown = watch::Sender::new(false);
    // The sender lives as long as the watch: nobody else ends it.
    let receiver = shutdown.subscribe();
    Box::leak(Box::new(shutdown));
    Watch::start(request, store.clone(), Faults::new(store.clone()), receiver)
}

fn store(history: usize) -> Store {
    Store::new(&Limits { history, ..Limits::default() }, Arc::new(jiff::Timestamp::now))
}

fn put(store: &Store, name: &str, value: usize) {
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": value.to_string()}});
    store.apply(object).expect("applied");
}

async fn lines(watch: &mut Watch) -> Vec<Value> {
    let frame = watch.next_frame().await.expect("not at its end").expect("not broken");
    let text = String::from_utf8(frame.to_vec()).expect("text");
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("json")).collect()
}

#[tokio::test]
async fn a_watcher_that_falls_behind_the_history_is_told_and_cut() {
    let store = store(10);
    let mut watch = watch_of(&store, Start::After(store.version()), Bookmarks::Unwanted);
    for value in 0..5 {
        put(&store, "a", value);
    }
    assert_eq!(lines(&mut watch).await.len(), 5);
    for value in 5..30 {
        put(&store, "a", value);
    }
    let last = lines(&mut watch).await;
    assert_eq!((last.len(), &last[0]["type"], &last[0]["object"]["code"]), (1, &json!("ERROR"), &json!(410)));
    assert!(watch.next_frame().await.is_none());
}

#[tokio::test]
async fn the_end_of_the_present_is_marked_if_asked_for() {
    let store = store(10);
    put(&store, "a", 1);
    put(&store, "b", 1);
    let mut watch = watch_of(&store, Start::PresentThenBookmark, Bookmarks::Wanted);
    put(&store, "c", 1);
    let told = lines(&mut watch).await;
    let words: Vec<&str> = told.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(words, ["ADDED", "ADDED", "BOOKMARK", "ADDED"]);
    assert_eq!(told[2]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(told[2]["object"]["metadata"]["resourceVersion"], "3");
}

#[tokio::test]
async fn bookmarks_come_only_when_they_say_something_new() {
    let store = store(10);
    let mut watch = watch_of(&store, Start::Present, Bookmarks::Wanted);
    store.apply(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})).expect("applied");
    let told = lines(&mut watch).await;
    assert_eq!(
        (&told[0]["type"], &told[0]["object"]["metadata"]["resourceVersion"]),
        (&json!("BOOKMARK"), &json!("2"))
    );
    assert!(watch.next_frame().await.is_none(), "nothing more until the timeout");
}

#[tokio::test]
async fn a_start_outside_the_history_is_told_in_the_first_event() {
    let store = store(2);
    for value in 0..5 {
        put(&store, "a", value);
    }
    for out_of_reach in [1, 99] {
        let mut watch = watch_of(&store, Start::After(out_of_reach), Bookmarks::Unwanted);
        let told = lines(&mut watch).await;
        assert_eq!(
            (&told[0]["type"], &told[0]["object"]["reason"]),
            (&json!("ERROR"), &json!("Expired")),
            "{out_of_reach}"
        );
        assert!(watch.next_frame().await.is_none());
    }
}

#[tokio::test]
async fn a_large_present_is_sent_in_bounded_frames() {
    let store = store(10);
    for number in 0..40 {
        let text = "x".repeat(10_000);
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("a{number}")}, "data": {"v": text}});
        store.apply(object).expect("applied");
    }
    let mut watch = watch_of(&store, Start::Present, Bookmarks::Unwanted);
    let mut seen = 0;
    while seen < 40 {
        let frame = watch.next_frame().await.expect("more").expect("not broken");
        assert!(frame.len() < FRAME_BYTES + 20_000);
        seen += frame.iter().filter(|byte| **byte == b'\n').count();
    }
    assert_eq!(seen, 40);
}
