use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

fn read<'de>(text: &'de str, unread: &'static [Unread]) -> Tape<'de> {
    Tape::read(&mut serde_json::Deserializer::from_str(text), unread).unwrap()
}

fn back(tape: &Tape<'_>) -> Value {
    Value::deserialize(tape.value()).unwrap()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-d\"\\\\é]{0,3}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What [`Unread`] means, said the slow way.
fn without(value: Value, unread: &[Unread]) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(|value| without(value, unread)).collect(),
        Value::Object(map) => {
            let kept = map.into_iter().filter_map(|(key, value)| {
                let part = unread.iter().find(|part| {
                    let (Unread::Field(name) | Unread::Within(name, _) | Unread::AllBut(name, _)) = part;
                    *name == key
                });
                let value = match part {
                    None => value,
                    Some(Unread::Field(_)) => return None,
                    Some(Unread::Within(_, parts)) => without(value, parts),
                    Some(Unread::AllBut(_, kept)) => only(value, kept),
                };
                Some((key, value))
            });
            Value::Object(kept.collect())
        }
        leaf => leaf,
    }
}

fn only(value: Value, kept: &[&str]) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(|value| only(value, kept)).collect(),
        Value::Object(map) => map.into_iter().filter(|(key, _)| kept.contains(&key.as_str())).collect(),
        leaf => leaf,
    }
}

const PARTS: &[Unread] = &[
    Unread::Field("a"),
    Unread::Within("b", &[Unread::Field("b"), Unread::Within("c", &[Unread::Field("d")])]),
    Unread::Within("c", &[Unread::Field("c"), Unread::AllBut("d", &["a", "c"])]),
    Unread::AllBut("d", &["b"]),
];

proptest! {
    #[test]
    fn any_value_comes_out_as_it_went_in(value in any_value()) {
        let text = value.to_string();
        // Not `value` itself: a float may lose its last digit in the text.
        let expected: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back(&read(&text, &[])), &expected);
        // Through serde's buffer, as for a watch event that says its type last.
        let tape = Tape::read(expected.clone(), &[]).unwrap();
        prop_assert_eq!(&back(&tape), &expected);
    }

    #[test]
    fn what_is_unread_is_left_out_and_nothing_else(value in any_value()) {
        let text = value.to_string();
        let expected: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(back(&read(&text, PARTS)), without(expected, PARTS));
    }
}

#[test]
fn fields_are_found_and_the_last_of_a_name_counts() {
    let tape = read(r#"{"a":{"x":[1,{"b":2}],"y":"z"},"b":"first","b":"l\u0061st"}"#, &[]);
    assert_eq!(tape.value().field("b").and_then(Reader::text), Some("last"));
    assert_eq!(tape.value().field("a").and_then(|a| a.field("y")).and_then(Reader::text), Some("z"));
    assert!(tape.value().field("c").is_none());
    assert!(tape.value().field("b").is_some_and(|text| text.map().is_none()), "a text has no fields");
}

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Point,
    Line(u8),
    Circle { radius: f64 },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Meters(u32);

#[test]
fn all_forms_of_types_can_be_read() {
    type All = (Option<u8>, Option<bool>, Meters, BTreeMap<String, i8>, Vec<Shape>);
    let tape = read(r#"[null, true, 7, {"k":-1}, ["Point", {"Line":3}, {"Circle":{"radius":2}}]]"#, &[]);
    let all = All::deserialize(tape.value()).unwrap();
    let shapes = vec![Shape::Point, Shape::Line(3), Shape::Circle { radius: 2.0 }];
    assert_eq!(all, (None, Some(true), Meters(7), BTreeMap::from([("k".to_owned(), -1)]), shapes));
}

#[test]
fn a_wrong_type_is_told_and_not_taken() {
    for (text, expected) in [(r#""seven""#, "u8"), ("300", "u8"), ("[]", "u8"), ("null", "u8"), ("1.5", "u8")] {
        let error = u8::deserialize(read(text, &[]).value()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    for text in ["7", r#""Square""#, "{}", r#"{"Line":1,"Point":null}"#] {
        assert!(Shape::deserialize(read(text, &[]).value()).is_err(), "{text}");
    }
}

#[test]
fn what_is_unread_may_hold_anything_but_must_be_json() {
    const UNREAD: &[Unread] = &[Unread::Field("a")];
    assert_eq!(back(&read(r#"{"a":[{"deep":[[1e999]]}],"z":1}"#, UNREAD)), json!({"z": 1}));
    for broken in [r#"{"a":[}"#, r#"{"a":}"#, r#"{"a":"#] {
        let read = Tape::read(&mut serde_json::Deserializer::from_str(broken), UNREAD);
        assert!(read.is_err(), "{broken}");
    }
}
