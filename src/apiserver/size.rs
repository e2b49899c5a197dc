//! How large and how deep a JSON value is, measured without ever recursing further than allowed.
//!
//! serde_json reads 128 levels and answers add a few around each object, so a deeper object would be one that no client
//! can list: a single such object would blind every watch of its kind.

use serde_json::Value;

/// Levels of maps and lists that a stored object may have.
pub(super) const MAX_DEPTH: usize = 100;

/// Bytes of JSON text that a stored object may have, roughly; bodies are limited to as much.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Approximate length of the JSON text; `None` if the value has more than `levels` levels.
pub(super) fn of(value: &Value, levels: usize) -> Option<usize> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(8),
        Value::String(text) => Some(text.len() + 2),
        Value::Array(items) => {
            let levels = levels.checked_sub(1)?;
            items.iter().try_fold(2, |sum, item| Some(sum + 1 + of(item, levels)?))
        }
        Value::Object(fields) => {
            let levels = levels.checked_sub(1)?;
            fields.iter().try_fold(2, |sum, (name, item)| Some(sum + name.len() + 4 + of(item, levels)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_counts_maps_and_lists() {
        assert!(of(&json!({"a": [1]}), 2).is_some());
        assert!(of(&json!({"a": [1]}), 1).is_none());
        assert!(of(&json!(1), 0).is_some());
    }
}
