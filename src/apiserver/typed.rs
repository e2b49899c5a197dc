//! Reads a JSON value as a k8s-openapi type and says **where** it does not fit.
//!
//! serde_json's errors about a `Value` name the wrong type but not the field. This deserializer walks the value itself
//! and adds the path on the way out: `spec.rules[0].http.paths[1].backend`. Writing the typed object back shows which
//! fields the type does not know. What is checked beyond types is in [`super::validate`].

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::Value;

/// A value that does not have the type its field wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path such as `spec.ports[0].port`; empty for the object itself.
    pub path: String,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

impl std::error::Error for FieldError {}

impl serde::de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: String::new(), message: message.to_string() }
    }
}

/// Reads `value` as a `T` and writes it back, so that the caller can see what `T` did not take.
pub(super) fn check<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, FieldError> {
    let typed = T::deserialize(Located(value))?;
    serde_json::to_value(&typed).map_err(|error| FieldError { path: String::new(), message: error.to_string() })
}

/// Paths of the fields in `given` that are missing from `understood`, the same object after [`check`].
///
/// Nulls, and empty maps and lists, mean "not set" in Kubernetes and are never reported.
pub(super) fn unknown_fields(given: &Value, understood: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_unknown(given, understood, "", &mut found);
    found
}

/// More names than this help nobody and would let a hostile object make a huge answer.
const MOST_UNKNOWN: usize = 32;

fn collect_unknown(given: &Value, understood: &Value, path: &str, found: &mut Vec<String>) {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            for (name, value) in given {
                if found.len() >= MOST_UNKNOWN {
                    return;
                }
                let path = join_field(path, name);
                match understood.get(name) {
                    Some(inner) => collect_unknown(value, inner, &path, found),
                    None if is_unset(value) => {}
                    None => found.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(understood)) => {
            for (index, (given, understood)) in given.iter().zip(understood).enumerate() {
                collect_unknown(given, understood, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn join_field(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl FieldError {
    fn inside_field(mut self, name: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => name.to_owned(),
            inner if inner.starts_with('[') => format!("{name}{inner}"),
            inner => format!("{name}.{inner}"),
        };
        self
    }

    fn inside_item(mut self, index: usize) -> Self {
        self.path = match self.path.as_str() {
            inner if inner.is_empty() || inner.starts_with('[') => format!("[{index}]{inner}"),
            inner => format!("[{index}].{inner}"),
        };
        self
    }
}

/// A value whose errors will carry its path.
struct Located<'a>(&'a Value);

impl<'de> Deserializer<'de> for Located<'de> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields { rest: fields.iter(), current: None }),
            Value::Array(items) => visitor.visit_seq(Items { rest: items.iter().enumerate() }),
            scalar => scalar.deserialize_any(visitor).map_err(serde::de::Error::custom),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.0.deserialize_enum(name, variants, visitor).map_err(serde::de::Error::custom)
    }

    fn is_human_readable(&self) -> bool {
        true
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Fields<'a> {
    rest: serde_json::map::Iter<'a>,
    current: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.current = Some((name, value));
        let key: StrDeserializer<'_, FieldError> = name.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|error| error.inside_field(name))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, FieldError> {
        let Some((name, value)) = self.current.take() else {
            return Err(serde::de::Error::custom("value asked for before its key"));
        };
        seed.deserialize(Located(value)).map_err(|error| error.inside_field(name))
    }
}

struct Items<'a> {
    rest: std::iter::Enumerate<std::slice::Iter<'a, Value>>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = FieldError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, FieldError> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Located(value)).map(Some).map_err(|error| error.inside_item(index))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Secret, Service};
    use k8s_openapi::api::networking::v1::Ingress;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_names_the_field_deep_inside() {
        let ingress = json!({"spec": {"rules": [{"host": "a"}, {"http": {"paths": [{"path": 7}]}}]}});
        let error = check::<Ingress>(&ingress).expect_err("a number is no path");
        assert_eq!(error.path, "spec.rules[1].http.paths[0].path");
        assert!(error.message.contains("invalid type: integer `7`"), "{error}");
        assert_eq!(check::<Ingress>(&json!({"spec": []})).expect_err("list").path, "spec");
        assert_eq!(check::<Ingress>(&json!([])).expect_err("list").path, "");
    }

    #[test]
    fn secrets_must_hold_base64() {
        assert!(check::<Secret>(&json!({"data": {"a": "aGk="}})).is_ok());
        assert_eq!(check::<Secret>(&json!({"data": {"a": "%"}})).expect_err("no base64").path, "data.a");
    }

    #[test]
    fn fields_that_the_type_lacks_are_named() {
        let service = json!({"metadata": {"name": "a", "labels": {"x": "y"}}, "sepc": 1, "extra": null,
            "spec": {"ports": [{"port": 80}, {"port": 81, "targetport": "http"}], "selector": {}}});
        let understood = check::<Service>(&service).expect("types fit");
        assert_eq!(unknown_fields(&service, &understood), ["sepc", "spec.ports[1].targetport"]);
    }
}
