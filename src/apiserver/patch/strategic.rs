//! Strategic merge patch: a merge patch in which lists of known kinds merge by key.
//!
//! Source: `k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`. Understood are `$patch: replace|delete|merge` in
//! maps and list elements, `$deleteFromPrimitiveList/NAME` and `$retainKeys`; `$setElementOrder/NAME` is ignored, new
//! elements go to the end.

use serde_json::{Map, Value};

use super::lists::{self, ListRule};
use crate::apiserver::kinds::Kind;
use crate::apiserver::status::ApiError;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE_VALUES: &str = "$deleteFromPrimitiveList/";

/// The object after the patch.
pub(super) fn apply(kind: &'static Kind, object: &Value, patch: &Value) -> Result<Value, ApiError> {
    let (Some(fields), Some(patch)) = (object.as_object(), patch.as_object()) else {
        return Err(ApiError::BadRequest("a strategic merge patch must be a JSON object".to_owned()));
    };
    let mut fields = fields.clone();
    merge_map(kind, &mut Vec::new(), &mut fields, patch)?;
    Ok(Value::Object(fields))
}

type Path<'a> = Vec<&'a str>;

fn merge_map<'a>(
    kind: &Kind,
    path: &mut Path<'a>,
    target: &mut Map<String, Value>,
    patch: &'a Map<String, Value>,
) -> Result<(), ApiError> {
    match directive(patch)? {
        Directive::Merge => {}
        Directive::Replace => {
            *target = cleaned_map(patch);
            return Ok(());
        }
        Directive::Delete => {
            target.clear();
            return Ok(());
        }
    }
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix(DELETE_VALUES) {
            delete_values(target.get_mut(list), value);
        } else if !is_directive(name) {
            path.push(name);
            merge_field(kind, path, target, name, value)?;
            path.pop();
        }
    }
    if let Some(Value::Array(kept)) = patch.get(RETAIN) {
        target.retain(|name, _| kept.iter().any(|it| it.as_str() == Some(name)));
    }
    Ok(())
}

fn merge_field<'a>(
    kind: &Kind,
    path: &mut Path<'a>,
    target: &mut Map<String, Value>,
    name: &str,
    value: &'a Value,
) -> Result<(), ApiError> {
    match (value, target.get_mut(name)) {
        (Value::Null, _) => drop(target.remove(name)),
        (Value::Object(patch), Some(Value::Object(inner))) => merge_map(kind, path, inner, patch)?,
        (Value::Array(patch), Some(Value::Array(items))) => match lists::rule(kind, path) {
            ListRule::Atomic => *items = cleaned_items(patch),
            ListRule::Set => {
                let new: Vec<Value> = patch.iter().filter(|item| !items.contains(item)).cloned().collect();
                items.extend(new);
            }
            ListRule::Keyed(keys) => merge_items(kind, path, items, patch, keys)?,
        },
        (value, _) => drop(target.insert(name.to_owned(), cleaned(value))),
    }
    Ok(())
}

fn merge_items<'a>(
    kind: &Kind,
    path: &mut Path<'a>,
    items: &mut Vec<Value>,
    patch: &'a [Value],
    keys: &[&str],
) -> Result<(), ApiError> {
    if patch.iter().any(|item| item.get(DIRECTIVE).and_then(Value::as_str) == Some("replace")) {
        *items = cleaned_items(patch);
        return Ok(());
    }
    for item in patch {
        let Some(fields) = item.as_object() else {
            return Err(ApiError::BadRequest(format!("{} must be a list of objects", path.join("."))));
        };
        let key = keys.first().copied().unwrap_or_default();
        if lists::key_value(item, key).is_none() {
            let message = format!("an element of {} does not contain declared merge key: {key}", path.join("."));
            return Err(ApiError::BadRequest(message));
        }
        let at = lists::position(items, item, keys);
        match (directive(fields)?, at.and_then(|at| items.get_mut(at))) {
            (Directive::Delete, _) => drop(at.map(|at| items.remove(at))),
            (Directive::Merge, Some(Value::Object(inner))) => merge_map(kind, path, inner, fields)?,
            (Directive::Merge | Directive::Replace, _) => items.push(Value::Object(cleaned_map(fields))),
        }
    }
    Ok(())
}

enum Directive {
    Merge,
    Replace,
    Delete,
}

fn directive(patch: &Map<String, Value>) -> Result<Directive, ApiError> {
    match patch.get(DIRECTIVE).map(Value::as_str) {
        None | Some(Some("merge")) => Ok(Directive::Merge),
        Some(Some("replace")) => Ok(Directive::Replace),
        Some(Some("delete")) => Ok(Directive::Delete),
        Some(_) => {
            Err(ApiError::BadRequest("unknown patch directive: $patch must be replace, delete or merge".to_owned()))
        }
    }
}

fn delete_values(list: Option<&mut Value>, values: &Value) {
    if let (Some(Value::Array(items)), Some(values)) = (list, values.as_array()) {
        items.retain(|item| !values.contains(item));
    }
}

fn is_directive(name: &str) -> bool {
    name == DIRECTIVE || name == RETAIN || name.starts_with(ORDER) || name.starts_with(DELETE_VALUES)
}

/// What a patch leaves where nothing was before: itself, without directives and nulls.
fn cleaned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(cleaned_map(fields)),
        Value::Array(items) => Value::Array(cleaned_items(items)),
        scalar => scalar.clone(),
    }
}

fn cleaned_map(fields: &Map<String, Value>) -> Map<String, Value> {
    let kept = fields.iter().filter(|(name, value)| !is_directive(name) && !value.is_null());
    kept.map(|(name, value)| (name.clone(), cleaned(value))).collect()
}

/// List elements that carry a `$patch` are orders, not values.
fn cleaned_items(items: &[Value]) -> Vec<Value> {
    items.iter().filter(|item| item.get(DIRECTIVE).is_none()).map(cleaned).collect()
}
