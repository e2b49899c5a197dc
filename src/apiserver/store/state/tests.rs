use proptest::prelude::*;
use serde_json::json;

use super::*;

fn state() -> State {
    State::new(&Limits { history: 100, objects: 50, seed: Some(1) })
}

fn write() -> Write {
    Write {
        now: Timestamp::from_second(1_700_000_000).expect("in range"),
        run: Run::Real,
        validation: Validation::Strict,
    }
}

fn kind(name: &str) -> &'static Kind {
    kinds::by_name(name).expect("served")
}

fn config(name: &str, value: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"key": value}})
}

fn service(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}, "status": {"loadBalancer": {}}})
}

fn create(state: &mut State, kind_name: &str, object: Value) -> Result<Arc<Value>, ApiError> {
    state.create(kind(kind_name), "n", object, Part::Main, &write())
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("n", name)
}

fn reason<T>(result: Result<T, ApiError>) -> Option<&'static str> {
    result.err().map(|error| error.reason())
}

#[test]
fn a_new_object_gets_identity_and_version() {
    let mut state = state();
    let created = create(&mut state, "ConfigMap", config("a", "1")).expect("created");
    let metadata = &created["metadata"];
    assert_eq!(metadata["namespace"], "n");
    assert_eq!(metadata["creationTimestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(metadata["resourceVersion"], "2");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["uid"].as_str().map(str::len), Some(36));
    assert_eq!(created["apiVersion"], "v1");
    assert_eq!(created["kind"], "ConfigMap");
    assert_eq!(state.get(kind("ConfigMap"), &key("a")), Ok(created));
}

#[test]
fn a_name_can_be_generated() {
    let mut state = state();
    let object = json!({"metadata": {"generateName": "web-"}});
    let one = create(&mut state, "ConfigMap", object.clone()).expect("created");
    let two = create(&mut state, "ConfigMap", object).expect("created");
    let name = one["metadata"]["name"].as_str().expect("a name");
    assert!(name.starts_with("web-") && name.len() == 9, "{name}");
    assert_ne!(one["metadata"]["name"], two["metadata"]["name"]);
}

#[test]
fn what_cannot_be_created_is_refused_with_its_reason() {
    let mut state = state();
    create(&mut state, "ConfigMap", config("a", "1")).expect("created");
    let cases = [
        ("exists", config("a", "2"), "AlreadyExists"),
        ("no name", json!({"metadata": {}}), "Invalid"),
        ("no metadata", json!({"metadata": 7}), "BadRequest"),
        ("no object", json!([]), "BadRequest"),
        ("another kind", json!({"kind": "Secret", "metadata": {"name": "b"}}), "BadRequest"),
        ("another version", json!({"apiVersion": "v2", "metadata": {"name": "b"}}), "BadRequest"),
        ("another namespace", json!({"metadata": {"name": "b", "namespace": "m"}}), "BadRequest"),
        ("a name with a slash", json!({"metadata": {"name": "b/c"}}), "Invalid"),
        ("a wrong type", json!({"metadata": {"name": "b"}, "data": {"a": 1}}), "BadRequest"),
    ];
    for (name, object, want) in cases {
        assert_eq!(reason(create(&mut state, "ConfigMap", object)), Some(want), "{name}");
    }
    assert_eq!(state.version(), 2, "a refused write makes no version");
}

#[test]
fn a_stale_version_conflicts_and_a_current_one_does_not() {
    let mut state = state();
    let first = create(&mut state, "ConfigMap", config("a", "1")).expect("created");
    let mut second = Value::clone(&first);
    second["data"]["key"] = json!("2");
    let second = state.update(kind("ConfigMap"), &key("a"), second, Part::Main, &write()).expect("current");
    assert_eq!(second["metadata"]["resourceVersion"], "3");
    let mut stale = Value::clone(&first);
    stale["data"]["key"] = json!("3");
    let error = state.update(kind("ConfigMap"), &key("a"), stale, Part::Main, &write()).expect_err("stale");
    assert_eq!((error.code(), error.reason()), (409, "Conflict"));
    assert!(error.to_string().contains("the object has been modified"), "{error}");
    let blind = state.update(kind("ConfigMap"), &key("a"), config("a", "4"), Part::Main, &write());
    assert_eq!(blind.map(|it| it["data"]["key"].clone()), Ok(json!("4")));
}

#[test]
fn leases_and_custom_resources_need_a_version_to_be_updated() {
    let mut state = state();
    for name in ["Lease", "Middleware"] {
        create(&mut state, name, json!({"metadata": {"name": "a"}})).expect("created");
        let update = state.update(kind(name), &key("a"), json!({"metadata": {"name": "a"}}), Part::Main, &write());
        assert_eq!(reason(update), Some("Invalid"), "{name}");
    }
}

#[test]
fn an_update_cannot_change_identity() {
    let mut state = state();
    let created = create(&mut state, "ConfigMap", config("a", "1")).expect("created");
    let mut object = Value::clone(&created);
    object["metadata"]["creationTimestamp"] = json!("1999-01-01T00:00:00Z");
    object["metadata"]["generation"] = json!(77);
    object["metadata"].as_object_mut().expect("a map").remove("uid");
    let updated = state.update(kind("ConfigMap"), &key("a"), object.clone(), Part::Main, &write()).expect("updated");
    assert_eq!(updated, created, "nothing else changed");
    object["metadata"]["uid"] = json!("somebody-else");
    assert_eq!(reason(state.update(kind("ConfigMap"), &key("a"), object, Part::Main, &write())), Some("Conflict"));
    let other_name = config("b", "1");
    assert_eq!(
        reason(state.update(kind("ConfigMap"), &key("a"), other_name, Part::Main, &write())),
        Some("BadRequest")
    );
    assert_eq!(
        reason(state.update(kind("ConfigMap"), &key("z"), config("z", "1"), Part::Main, &write())),
        Some("NotFound")
    );
}

#[test]
fn a_write_that_changes_nothing_makes_no_version() {
    let mut state = state();
    create(&mut state, "ConfigMap", config("a", "1")).expect("created");
    state.update(kind("ConfigMap"), &key("a"), config("a", "1"), Part::Main, &write()).expect("updated");
    assert_eq!(state.version(), 2);
    let dry = Write { run: Run::Dry, ..write() };
    state.update(kind("ConfigMap"), &key("a"), config("a", "2"), Part::Main, &dry).expect("would work");
    state.create(kind("ConfigMap"), "n", config("b", "2"), Part::Main, &dry).expect("would work");
    state.delete(kind("ConfigMap"), &key("a"), &Preconditions::default(), &dry).expect("would work");
    assert_eq!(state.version(), 2);
    assert!(state.get(kind("ConfigMap"), &key("b")).is_err());
}

#[test]
fn spec_and_status_are_written_apart() {
    let mut state = state();
    let created = create(&mut state, "Service", service("a")).expect("created");
    assert_eq!(created.get("status"), None, "a create cannot bring a status");

    let address = json!({"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}});
    let mut object = service("a");
    object["spec"]["ports"][0]["port"] = json!(81);
    object["status"] = address.clone();
    let updated = state.update(kind("Service"), &key("a"), object.clone(), Part::Main, &write()).expect("updated");
    assert_eq!(updated.get("status"), None);
    assert_eq!(updated["metadata"]["generation"], 2);

    object["spec"]["ports"][0]["port"] = json!(82);
    object["metadata"]["labels"] = json!({"x": "y"});
    let updated = state.update(kind("Service"), &key("a"), object, Part::Status, &write()).expect("updated");
    assert_eq!(updated["status"], address);
    assert_eq!(updated["spec"]["ports"][0]["port"], 81);
    assert_eq!(updated["metadata"].get("labels"), None);
    assert_eq!(updated["metadata"]["generation"], 2, "a status is no new generation");
}

#[test]
fn a_finalizer_holds_a_deleted_object_until_it_is_removed() {
    let mut state = state();
    let mut object = config("a", "1");
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    create(&mut state, "ConfigMap", object).expect("created");
    let deletion = state.delete(kind("ConfigMap"), &key("a"), &Preconditions::default(), &write()).expect("deleted");
    let Deletion::Pending(pending) = deletion else { panic!("gone at once") };
    assert_eq!(pending["metadata"]["deletionTimestamp"], "2023-11-14T22:13:20Z");
    let again = state.delete(kind("ConfigMap"), &key("a"), &Preconditions::default(), &write()).expect("still there");
    assert!(matches!(again, Deletion::Pending(_)));
    assert_eq!(state.version(), 3);

    state.update(kind("ConfigMap"), &key("a"), config("a", "1"), Part::Main, &write()).expect("finalizer removed");
    assert_eq!(reason(state.get(kind("ConfigMap"), &key("a"))), Some("NotFound"));
    let last = state.events_after(3).expect("recent").next().expect("an event");
    assert!(last.after.is_none());
}

#[test]
fn preconditions_protect_a_delete() {
    let mut state = state();
    create(&mut state, "ConfigMap", config("a", "1")).expect("created");
    let other_uid = Preconditions { uid: Some("other".to_owned()), ..Preconditions::default() };
    assert_eq!(reason(state.delete(kind("ConfigMap"), &key("a"), &other_uid, &write())), Some("Conflict"));
    let old = Preconditions { resource_version: Some("1".to_owned()), ..Preconditions::default() };
    assert_eq!(reason(state.delete(kind("ConfigMap"), &key("a"), &old, &write())), Some("Conflict"));
    let current = Preconditions { resource_version: Some("2".to_owned()), ..Preconditions::default() };
    assert!(matches!(state.delete(kind("ConfigMap"), &key("a"), &current, &write()), Ok(Deletion::Gone(_))));
}

#[test]
fn string_data_of_a_secret_is_folded_into_data() {
    let mut state = state();
    let secret = json!({"metadata": {"name": "a"}, "stringData": {"user": "joe", "b": ""}, "data": {"user": "eA==", "c": "eA=="}});
    let created = create(&mut state, "Secret", secret).expect("created");
    assert_eq!(created["data"], json!({"user": "am9l", "b": "", "c": "eA=="}));
    assert_eq!(created.get("stringData"), None);
    assert_eq!(created["type"], "Opaque");
}

#[test]
fn with_a_namespace_goes_what_is_in_it() {
    let mut state = state();
    for namespace in ["n", "m"] {
        state
            .create(kind("Namespace"), "", json!({"metadata": {"name": namespace}}), Part::Main, &write())
            .expect("created");
        state.create(kind("ConfigMap"), namespace, config("a", "1"), Part::Main, &write()).expect("created");
        state.create(kind("Middleware"), namespace, config("a", "1"), Part::Main, &write()).expect("created");
    }
    state.delete(kind("Namespace"), &ObjectKey::new("", "n"), &Preconditions::default(), &write()).expect("deleted");
    assert_eq!(state.list(kind("ConfigMap"), None, Window::ALL).items.len(), 1);
    assert_eq!(state.list(kind("Middleware"), Some("n"), Window::ALL).items.len(), 0);
}

#[test]
fn both_event_apis_show_the_same_events() {
    let mut state = state();
    let event = json!({"metadata": {"name": "e"}, "regarding": {"kind": "Ingress", "name": "web"}, "note": "hello",
        "eventTime": null, "reportingController": "c", "action": "a", "reason": "r", "type": "Normal"});
    create(&mut state, "Event.events.k8s.io", event).expect("created");
    let seen = state.get(kind("Event"), &key("e")).expect("there");
    assert_eq!(seen["message"], "hello");
    assert_eq!(seen["involvedObject"]["name"], "web");
    assert_eq!(seen["apiVersion"], "v1");
    let back = state.get(kind("Event.events.k8s.io"), &key("e")).expect("there");
    assert_eq!(back["note"], "hello");
    assert_eq!(back["apiVersion"], "events.k8s.io/v1");
}

#[test]
fn the_store_has_room_for_so_many_objects() {
    let mut state = state();
    for number in 0..50 {
        create(&mut state, "ConfigMap", config(&format!("a{number}"), "1")).expect("room");
    }
    assert_eq!(reason(create(&mut state, "ConfigMap", config("b", "1"))), Some("Forbidden"));
    state.delete(kind("ConfigMap"), &key("a0"), &Preconditions::default(), &write()).expect("deleted");
    assert!(create(&mut state, "ConfigMap", config("b", "1")).is_ok());
}

#[test]
fn an_object_too_deep_or_too_large_for_clients_is_refused() {
    let mut state = state();
    let off = Write { validation: Validation::Off, ..write() };
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let object = json!({"metadata": {"name": "a"}, "spec": deep});
    assert_eq!(reason(state.create(kind("Middleware"), "n", object, Part::Main, &off)), Some("BadRequest"));
    let object = json!({"metadata": {"name": "a"}, "spec": "x".repeat(MAX_BYTES)});
    assert_eq!(reason(state.create(kind("Middleware"), "n", object, Part::Main, &off)), Some("RequestEntityTooLarge"));
}

#[test]
fn validation_off_stores_what_no_cluster_would() {
    let mut state = state();
    let off = Write { validation: Validation::Off, ..write() };
    let absurd = json!({"metadata": {"name": "A b", "labels": 5}, "spec": ["x"], "status": null});
    assert!(state.create(kind("Ingress"), "n", absurd, Part::Whole, &off).is_ok());
}

#[test]
fn the_status_of_an_absurd_object_can_be_written_all_the_same() {
    let mut state = state();
    let off = Write { validation: Validation::Off, ..write() };
    let absurd = json!({"metadata": {"name": "a"}, "spec": {"rules": 7}});
    state.create(kind("Ingress"), "n", absurd.clone(), Part::Whole, &off).expect("stored");
    let with_status = |status: Value| json!({"metadata": {"name": "a"}, "status": status});
    let good = with_status(json!({"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}));
    assert!(state.update(kind("Ingress"), &key("a"), good, Part::Status, &write()).is_ok());
    let bad = with_status(json!({"loadBalancer": []}));
    assert_eq!(reason(state.update(kind("Ingress"), &key("a"), bad, Part::Status, &write())), Some("BadRequest"));
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..5_u8, 0..3_u8).prop_map(|(name, value)| Step::Put(name, value)),
        1 => (0..5_u8).prop_map(Step::Delete),
    ];
    proptest::collection::vec(step, 0..60)
}

fn shown(listing: &Listing) -> Vec<(String, Value)> {
    listing.items.iter().map(|(key, object)| (key.name.to_string(), Value::clone(object))).collect()
}

proptest! {
    /// Undoing the history gives exactly the lists of the past, and replaying it gives the present.
    #[test]
    fn every_past_list_can_be_reconstructed(steps in steps()) {
        let mut state = state();
        let kind = kind("ConfigMap");
        let mut past = vec![state.list(kind, None, Window::ALL)];
        for step in steps {
            match step {
                Step::Put(name, value) => {
                    let (name, value) = (format!("o{name}"), value.to_string());
                    if state.get(kind, &key(&name)).is_ok() {
                        state.update(kind, &key(&name), config(&name, &value), Part::Main, &write()).expect("updated");
                    } else {
                        create(&mut state, "ConfigMap", config(&name, &value)).expect("created");
                    }
                }
                Step::Delete(name) => drop(state.delete(kind, &key(&format!("o{name}")), &Preconditions::default(), &write())),
            }
            past.push(state.list(kind, None, Window::ALL));
        }
        let mut replayed: BTreeMap<ObjectKey, Arc<Value>> = BTreeMap::new();
        for event in state.events_after(1).expect("all there") {
            match &event.after {
                Some(after) => replayed.insert(event.key.clone(), Arc::clone(after)),
                None => replayed.remove(&event.key),
            };
        }
        let now = state.list(kind, None, Window::ALL);
        prop_assert_eq!(now.items, replayed.into_iter().collect::<Vec<_>>());
        for listing in past {
            let again = state.list_at(kind, None, listing.version, Window::ALL).expect("recent");
            prop_assert_eq!(shown(&again), shown(&listing));
            let mut pages: Vec<(ObjectKey, Arc<Value>)> = Vec::new();
            loop {
                let after = pages.last().map(|(key, _)| key.clone());
                let window = Window { after: after.as_ref(), most: 2 };
                let page = state.list_at(kind, None, listing.version, window).expect("recent");
                prop_assert_eq!(pages.len() + page.items.len() + page.left, listing.items.len());
                if page.items.is_empty() {
                    break;
                }
                pages.extend(page.items);
            }
            prop_assert_eq!(pages, listing.items);
        }
    }
}
