//! Whatever is sent or stored: an answer, never a panic, and never an object that no client can read.

use proptest::prelude::*;

use super::super::kinds::KINDS;
use super::super::patch::{Applied, Patch as ObjectPatch};
use super::super::selectors::Selector;
use super::super::store::{Limits, ObjectKey, Part, Preconditions, Window};
use super::*;

/// JSON that often has the field names which the server looks at.
fn json_value() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "metadata",
        "spec",
        "status",
        "name",
        "namespace",
        "labels",
        "finalizers",
        "ports",
        "port",
        "protocol",
        "rules",
        "http",
        "paths",
        "backend",
        "$patch",
        "$retainKeys",
        "stringData",
        "data",
        "type",
        "managedFields",
        "f:spec",
        "k:{}",
        "resourceVersion",
        "kind",
        "apiVersion",
        "containers",
        "ownerReferences",
        "uid",
        "fieldsV1",
    ]);
    let texts =
        prop::sample::select(vec!["", "a", "A", "delete", "replace", "Apply", "tester", "1", "Service", "v1", "x/y"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        texts.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn named(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("name".to_owned(), json!("a"));
            metadata.remove("namespace");
            metadata.remove("resourceVersion");
        }
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    object
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_object_and_no_patch_makes_the_store_panic(object in json_value(), patch in json_value(), which in 0..KINDS.len()) {
        let kind = &KINDS[which];
        let store = Store::new(&Limits { seed: Some(1), ..Limits::default() }, Arc::new(Timestamp::now));
        let key = ObjectKey::of(kind, "default", "a");
        let object = named(object);
        let patches = [
            ObjectPatch::Merge(patch.clone()),
            ObjectPatch::Strategic(patch.clone()),
            ObjectPatch::Apply(Applied {
                configuration: patch.clone(),
                manager: "tester".to_owned(),
                part: Part::Main,
                now: Timestamp::UNIX_EPOCH,
            }),
        ];
        for validation in [Validation::Strict, Validation::Off] {
            let write = store.write(validation);
            drop(store.create_at(kind, "default", object.clone(), &write));
            for patch in &patches {
                for part in [Part::Main, Part::Status] {
                    drop(store.modify_at(kind, &key, |old| patch.apply_to(kind, old), part, &write));
                }
            }
            drop(store.update_at(kind, &key, patch.clone(), Part::Main, &write));
            for (_, object) in store.list_now(kind, None, Window::ALL).items {
                let selector = Selector::parse(kind, "a!=b,c", "metadata.name=a").expect("good");
                selector.matches(&object);
                for accept in ["application/json;as=Table;v=v1;g=meta.k8s.io", ""] {
                    prop_assert!(!http::shown_as(accept, kind, &object).is_empty());
                }
                let text = object.to_string();
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
                prop_assert_eq!(&object["kind"], kind.kind);
                prop_assert_eq!(&object["metadata"]["name"], "a");
            }
        }
        drop(store.delete_at(kind, &key, &Preconditions::default(), &store.write(Validation::Off)));
    }

    #[test]
    fn no_selector_makes_the_parser_panic(labels in ".{0,40}", fields in ".{0,40}", which in 0..KINDS.len()) {
        if let Ok(selector) = Selector::parse(&KINDS[which], &labels, &fields) {
            selector.matches(&json!({"metadata": {"name": "a", "labels": {"a": "b"}}}));
        }
    }

    #[test]
    fn selectors_near_the_grammar_are_read_or_refused(labels in "[a!=,() innot<>]{0,20}", fields in "(metadata.name|type|=|!=|,|\\\\|a){0,8}") {
        drop(Selector::parse(&KINDS[0], &labels, &fields));
    }
}
