//! Server-side apply: what one manager wants, merged into the object, and remembered as its fields.
//!
//! Source: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>. A field that the manager applied before
//! and no longer names is removed unless another manager applied it too. Conflicts are not detected: the last to apply
//! a field has it, and both managers are recorded (as if `force` were always given).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::lists::{self, ListRule};
use crate::apiserver::kinds::Kind;
use crate::apiserver::status::ApiError;
use crate::apiserver::store::Part;

/// One apply request.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What the manager wants, complete as far as it cares.
    pub configuration: Value,
    /// Who applies.
    pub manager: String,
    /// Main resource or `/status`.
    pub part: Part,
    /// Time of the request.
    pub now: Timestamp,
}

impl Applied {
    /// The object that a first apply creates.
    pub fn created(&self, kind: &'static Kind) -> Result<Value, ApiError> {
        self.onto(kind, &json!({"apiVersion": kind.api_version(), "kind": kind.kind}))
    }

    /// The object after the apply.
    pub(super) fn onto(&self, kind: &'static Kind, object: &Value) -> Result<Value, ApiError> {
        let Some(wanted) = self.configuration.as_object() else {
            return Err(ApiError::BadRequest("an apply configuration must be a JSON object".to_owned()));
        };
        if wanted.get("metadata").and_then(|it| it.get("managedFields")).is_some_and(|it| !it.is_null()) {
            return Err(ApiError::BadRequest("metadata.managedFields must be nil".to_owned()));
        }
        lists::check_lengths(kind, &mut Vec::new(), object)?;
        lists::check_lengths(kind, &mut Vec::new(), &self.configuration)?;
        let wanted: Map<String, Value> = wanted
            .iter()
            .filter(|(name, _)| self.concerns(kind, name))
            .map(|(name, it)| (name.clone(), it.clone()))
            .collect();
        let mut merged = object.clone();
        let mut path = Vec::new();
        merge_value(kind, &mut path, &mut merged, &Value::Object(wanted.clone()));
        let new_fields = owned_fields(kind, &wanted);
        let managers = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let (own, others): (Vec<Value>, Vec<Value>) = managers.into_iter().partition(|entry| self.is_own(entry));
        if let Some(old_fields) = own.first().map(|entry| &entry["fieldsV1"]) {
            let kept: Vec<&Value> =
                std::iter::once(&new_fields).chain(others.iter().map(|entry| &entry["fieldsV1"])).collect();
            prune(&mut merged, old_fields, &kept);
        }
        self.record(kind, &mut merged, own.first(), others, new_fields);
        Ok(merged)
    }

    /// An apply to the main resource leaves `status` alone where that is a subresource, and the other way round.
    fn concerns(&self, kind: &Kind, field: &str) -> bool {
        match (self.part, field) {
            (_, "apiVersion" | "kind" | "metadata") => true,
            (Part::Status, field) => field == "status",
            (Part::Main | Part::Whole, "status") => !kind.has_status_subresource(),
            (Part::Main | Part::Whole, _) => true,
        }
    }

    fn subresource(&self) -> &'static str {
        match self.part {
            Part::Status => "status",
            Part::Main | Part::Whole => "",
        }
    }

    fn is_own(&self, entry: &Value) -> bool {
        entry["manager"] == self.manager.as_str()
            && entry["operation"] == "Apply"
            && entry["subresource"].as_str().unwrap_or("") == self.subresource()
    }

    fn record(&self, kind: &Kind, object: &mut Value, before: Option<&Value>, mut others: Vec<Value>, fields: Value) {
        // The time moves only with the fields: an apply that changes nothing must change nothing.
        let time = match before.filter(|entry| entry["fieldsV1"] == fields) {
            Some(entry) => entry["time"].clone(),
            None => Value::from(Timestamp::from_second(self.now.as_second()).unwrap_or(self.now).to_string()),
        };
        let mut entry = json!({
            "manager": self.manager, "operation": "Apply", "apiVersion": kind.api_version(), "time": time,
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        if let (Part::Status, Some(entry)) = (self.part, entry.as_object_mut()) {
            entry.insert("subresource".to_owned(), Value::from("status"));
        }
        others.push(entry);
        others.sort_by_cached_key(|entry| (entry["manager"].to_string(), entry["subresource"].to_string()));
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("managedFields".to_owned(), Value::Array(others));
        }
    }
}

/// Merges what is wanted into what is there: maps field by field, lists by their rule, the rest as one value.
fn merge_value<'a>(kind: &Kind, path: &mut Vec<&'a str>, target: &mut Value, wanted: &'a Value) {
    match (target, wanted) {
        (Value::Object(target), Value::Object(wanted)) => {
            for (name, value) in wanted.iter().filter(|(_, value)| !value.is_null()) {
                path.push(name);
                merge_value(kind, path, target.entry(name.as_str()).or_insert(Value::Null), value);
                path.pop();
            }
        }
        (Value::Array(items), Value::Array(wanted)) => match lists::rule(kind, path) {
            ListRule::Atomic => *items = wanted.clone(),
            ListRule::Set => {
                let new: Vec<Value> = wanted.iter().filter(|item| !items.contains(item)).cloned().collect();
                items.extend(new);
            }
            ListRule::Keyed(keys) => {
                for item in wanted {
                    match lists::position(items, item, keys).and_then(|at| items.get_mut(at)) {
                        Some(found) => merge_value(kind, path, found, item),
                        None => items.push(item.clone()),
                    }
                }
            }
        },
        (target, wanted @ Value::Object(_)) => {
            // Through the same path, so that nulls inside are dropped here as well.
            *target = Value::Object(Map::new());
            merge_value(kind, path, target, wanted);
        }
        (target, wanted) => *target = wanted.clone(),
    }
}

/// Names that identify the object; nobody owns them.
const IDENTITY: [&str; 8] =
    ["name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "managedFields"];

/// The fields of a configuration in the form of `fieldsV1`.
fn owned_fields(kind: &Kind, wanted: &Map<String, Value>) -> Value {
    let mut owned = Map::new();
    for (name, value) in
        wanted.iter().filter(|(name, value)| !matches!(name.as_str(), "apiVersion" | "kind") && !value.is_null())
    {
        let mut fields = fields_of(kind, &mut vec![name], value);
        if let ("metadata", Some(fields)) = (name.as_str(), fields.as_object_mut()) {
            IDENTITY.iter().for_each(|field| drop(fields.remove(&format!("f:{field}"))));
            if fields.is_empty() {
                continue;
            }
        }
        owned.insert(format!("f:{name}"), fields);
    }
    Value::Object(owned)
}

fn fields_of<'a>(kind: &Kind, path: &mut Vec<&'a str>, value: &'a Value) -> Value {
    let mut fields = Map::new();
    match value {
        Value::Object(inner) => {
            for (name, value) in inner.iter().filter(|(_, value)| !value.is_null()) {
                path.push(name);
                fields.insert(format!("f:{name}"), fields_of(kind, path, value));
                path.pop();
            }
        }
        Value::Array(items) => match lists::rule(kind, path) {
            ListRule::Atomic => {}
            ListRule::Set => fields.extend(items.iter().map(|item| (format!("v:{item}"), json!({})))),
            ListRule::Keyed(keys) => {
                for item in items.iter().filter(|item| item.is_object()) {
                    let mut inner = fields_of(kind, path, item);
                    if let Some(inner) = inner.as_object_mut() {
                        inner.insert(".".to_owned(), json!({}));
                    }
                    fields.insert(format!("k:{}", key_text(item, keys)), inner);
                }
            }
        },
        _ => {}
    }
    Value::Object(fields)
}

fn key_text(item: &Value, keys: &[&str]) -> Value {
    keys.iter().filter_map(|key| Some(((*key).to_owned(), lists::key_value(item, key)?))).collect::<Map<_, _>>().into()
}

/// Removes what `old` names and none of `kept` does. A map or list that becomes empty that way goes, too.
fn prune(value: &mut Value, old: &Value, kept: &[&Value]) {
    for (name, inner) in old.as_object().into_iter().flatten() {
        let kept: Vec<&Value> = kept.iter().filter_map(|fields| fields.get(name)).collect();
        match name.split_once(':') {
            Some(("f", field)) => prune_field(value, field, inner, &kept),
            Some(("k", key)) => prune_item(value, key, inner, &kept),
            Some(("v", text)) if kept.is_empty() => {
                if let (Some(items), Ok(gone)) = (value.as_array_mut(), serde_json::from_str::<Value>(text)) {
                    items.retain(|item| *item != gone);
                }
            }
            _ => {}
        }
    }
}

fn is_leaf(fields: &Value) -> bool {
    fields.as_object().is_none_or(Map::is_empty)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn prune_field(value: &mut Value, field: &str, old: &Value, kept: &[&Value]) {
    let Some(fields) = value.as_object_mut() else { return };
    let Some(inner) = fields.get_mut(field) else { return };
    if is_leaf(old) {
        if kept.is_empty() {
            fields.remove(field);
        }
        return;
    }
    if kept.iter().any(|fields| is_leaf(fields)) {
        return;
    }
    prune(inner, old, kept);
    if kept.is_empty() && is_empty(inner) {
        fields.remove(field);
    }
}

fn prune_item(value: &mut Value, key: &str, old: &Value, kept: &[&Value]) {
    let (Some(items), Ok(Value::Object(key))) = (value.as_array_mut(), serde_json::from_str(key)) else { return };
    let is_meant =
        |item: &Value| key.iter().all(|(field, wanted)| lists::key_value(item, field).as_ref() == Some(wanted));
    let Some(at) = items.iter().position(is_meant) else { return };
    if kept.is_empty() {
        items.remove(at);
    } else if let Some(item) = items.get_mut(at) {
        prune(item, old, kept);
    }
}
