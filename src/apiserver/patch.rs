//! The four kinds of PATCH: JSON patch, merge patch, strategic merge patch, server-side apply.
//!
//! A patch is read once and then applied to the present object inside the store's lock. Each is bounded: by the body
//! limit, by `Budget` where a patch can multiply what is there, and by the size check of the store afterwards.
//! Which lists merge by key is in [`lists`].

use serde_json::Value;

use super::kinds::Kind;
use super::size::{self, MAX_DEPTH};
use super::status::{ApiError, Cause};

pub mod apply;
pub mod lists;
pub mod strategic;

pub use apply::Applied;

/// A patch that has been read.
#[derive(Clone, Debug)]
pub enum Patch {
    /// RFC 6902.
    Json(json_patch::Patch),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' merge patch that knows the lists of its kinds.
    Strategic(Value),
    /// Server-side apply.
    Apply(Applied),
}

/// As many operations as `k8s.io/apiserver` allows in one JSON patch.
const MAX_OPERATIONS: usize = 10_000;

/// What all `copy`, `move` and `test` operations of one JSON patch may touch, in bytes of JSON text, roughly.
const MAX_TOUCHED: usize = 16 * 1024 * 1024;

impl Patch {
    /// The object after the patch.
    pub fn apply_to(&self, kind: &'static Kind, object: &Value) -> Result<Value, ApiError> {
        match self {
            Self::Json(operations) => json(kind, object, operations),
            Self::Merge(patch) => {
                let mut patched = object.clone();
                json_patch::merge(&mut patched, patch);
                Ok(patched)
            }
            Self::Strategic(patch) => {
                lists::check_lengths(kind, &mut Vec::new(), object)?;
                lists::check_lengths(kind, &mut Vec::new(), patch)?;
                strategic::apply(kind, object, patch)
            }
            Self::Apply(applied) => applied.onto(kind, object),
        }
    }
}

/// Applies the operations one by one, each only if what it touches and how deep it reaches stays within bounds.
fn json(kind: &'static Kind, object: &Value, patch: &json_patch::Patch) -> Result<Value, ApiError> {
    if patch.0.len() > MAX_OPERATIONS {
        return Err(ApiError::TooLarge(MAX_OPERATIONS));
    }
    let mut patched = object.clone();
    let mut budget = Budget { left: MAX_TOUCHED };
    for operation in &patch.0 {
        budget.admit(&patched, operation)?;
        json_patch::patch(&mut patched, std::slice::from_ref(operation)).map_err(|error| {
            let name = object["metadata"]["name"].as_str().unwrap_or("");
            ApiError::invalid(kind, name, Cause::invalid("patch", &Value::Null, &error.to_string()))
        })?;
    }
    Ok(patched)
}

/// Keeps a small patch from making a huge or endlessly deep object (`copy` doubles what it copies).
struct Budget {
    left: usize,
}

impl Budget {
    fn admit(&mut self, object: &Value, operation: &json_patch::PatchOperation) -> Result<(), ApiError> {
        use json_patch::PatchOperation::{Add, Copy, Move, Remove, Replace, Test};
        let (path, value) = match operation {
            Add(it) => (&it.path, Some(&it.value)),
            Replace(it) => (&it.path, Some(&it.value)),
            Test(it) => (&it.path, object.pointer(it.path.as_str())),
            Copy(it) => (&it.path, object.pointer(it.from.as_str())),
            Move(it) => (&it.path, object.pointer(it.from.as_str())),
            Remove(_) => return Ok(()),
        };
        let Some(value) = value else { return Ok(()) };
        let too_deep = || ApiError::BadRequest(format!("the patch nests values deeper than {MAX_DEPTH} levels"));
        let depth = path.as_str().matches('/').count();
        let size = MAX_DEPTH.checked_sub(depth).and_then(|levels| size::of(value, levels)).ok_or_else(too_deep)?;
        self.left = self.left.checked_sub(size).ok_or(ApiError::TooLarge(MAX_TOUCHED))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
