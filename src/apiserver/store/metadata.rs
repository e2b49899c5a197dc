//! What the server itself writes into an object: identity, versions, generation, and the folding of `stringData`.
//!
//! All functions take and give plain values and accept any shape; a store is never broken by an absurd object.

use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use k8s_openapi::ByteString;
use serde_json::{Map, Value};

use crate::apiserver::kinds::{Kind, Scope};
use crate::apiserver::status::{ApiError, Cause};

/// Makes uids and the endings of generated names. Not for secrets.
#[derive(Debug)]
pub(super) struct Tokens(u64);

impl Tokens {
    /// Without a seed every store makes other tokens.
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self(seed.unwrap_or_else(|| RandomState::new().hash_one("pilotage")))
    }

    /// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A version 4 UUID.
    pub(super) fn uid(&mut self) -> String {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// Five characters without vowels and look-alikes, as Kubernetes appends them to `generateName`.
    pub(super) fn suffix(&mut self) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut bits = self.next();
        let mut pick = || {
            let index = bits % ALPHABET.len() as u64;
            bits /= ALPHABET.len() as u64;
            char::from(ALPHABET[usize::try_from(index).unwrap_or(0)])
        };
        [pick(), pick(), pick(), pick(), pick()].iter().collect()
    }
}

/// RFC 3339 with whole seconds, as `metav1.Time` writes it.
pub(super) fn seconds(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// The metadata map, made if it is missing; `None` only if the object or its metadata is something else than a map.
pub(super) fn metadata_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let fields = object.as_object_mut()?;
    let metadata = fields.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    metadata.as_object_mut()
}

/// Text of a metadata field, empty if it is not there or no text.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or("")
}

/// Checks the type that an object names, or writes it in where it names none.
pub(super) fn settle_type(kind: &'static Kind, object: &mut Value) -> Result<(), ApiError> {
    let Some(fields) = object.as_object_mut() else {
        return Err(ApiError::BadRequest("the object is not a JSON object".to_owned()));
    };
    for (field, expected) in [("apiVersion", kind.api_version()), ("kind", kind.kind.to_owned())] {
        let slot = fields.entry(field).or_insert(Value::Null);
        match slot.as_str() {
            None if slot.is_null() => *slot = Value::from(expected),
            Some("") => *slot = Value::from(expected),
            Some(given) if given == expected => {}
            _ => {
                let message =
                    format!("the {field} in the data ({slot}) does not match the expected {field} ({expected})");
                return Err(ApiError::BadRequest(message));
            }
        }
    }
    Ok(())
}

/// Checks the namespace that an object names against the one asked for, and writes it in.
pub(super) fn settle_namespace(kind: &'static Kind, object: &mut Value, asked: &str) -> Result<(), ApiError> {
    let Some(metadata) = metadata_mut(object) else {
        return Err(ApiError::BadRequest("the object has no metadata".to_owned()));
    };
    if kind.scope == Scope::Cluster {
        metadata.remove("namespace");
        return Ok(());
    }
    match metadata.get("namespace") {
        None | Some(Value::Null) => {}
        Some(Value::String(given)) if given.is_empty() || given == asked => {}
        Some(_) => {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(ApiError::BadRequest(message.to_owned()));
        }
    }
    metadata.insert("namespace".to_owned(), Value::from(asked));
    Ok(())
}

/// The name that a new object has or gets.
pub(super) fn settle_name(kind: &'static Kind, object: &mut Value, tokens: &mut Tokens) -> Result<String, ApiError> {
    let name = text(object, "name").to_owned();
    let prefix = text(object, "generateName").to_owned();
    let name = match (name.is_empty(), prefix.is_empty()) {
        (false, _) => name,
        (true, false) => {
            // Kubernetes cuts the prefix so that the whole stays within 63 characters.
            let kept: String = prefix.chars().take(58).collect();
            kept + &tokens.suffix()
        }
        (true, true) => {
            return Err(ApiError::invalid(
                kind,
                "",
                Cause::required("metadata.name", "name or generateName is required"),
            ));
        }
    };
    if let Some(metadata) = metadata_mut(object) {
        metadata.insert("name".to_owned(), Value::from(name.as_str()));
    }
    Ok(name)
}

/// Gives a new object its identity; whatever it brought along of that is overwritten.
pub(super) fn stamp_new(object: &mut Value, tokens: &mut Tokens, now: Timestamp) {
    let Some(metadata) = metadata_mut(object) else { return };
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        metadata.remove(field);
    }
    metadata.insert("uid".to_owned(), Value::from(tokens.uid()));
    metadata.insert("creationTimestamp".to_owned(), Value::from(seconds(now)));
    metadata.insert("generation".to_owned(), Value::from(1));
}

/// Fields that no client may change.
const KEPT: [&str; 6] =
    ["uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"];

/// Carries the server's own fields from the old object to the new one.
pub(super) fn carry_over(old: &Value, new: &mut Value) {
    let Some(metadata) = metadata_mut(new) else { return };
    metadata.remove("selfLink");
    for field in KEPT {
        match old["metadata"].get(field) {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
    // A client that knows nothing of managed fields does not mean to drop them; an empty list does.
    if let (false, Some(fields)) = (metadata.contains_key("managedFields"), old["metadata"].get("managedFields")) {
        metadata.insert("managedFields".to_owned(), fields.clone());
    }
}

/// Counts up the generation if anything but metadata and status differs.
pub(super) fn count_generation(old: &Value, new: &mut Value) {
    let wanted = |value: &Value| -> Map<String, Value> {
        let fields = value.as_object().cloned().unwrap_or_default();
        fields.into_iter().filter(|(name, _)| name != "metadata" && name != "status").collect()
    };
    if wanted(old) == wanted(new) {
        return;
    }
    let generation = old["metadata"]["generation"].as_i64().unwrap_or(0).saturating_add(1);
    if let Some(metadata) = metadata_mut(new) {
        metadata.insert("generation".to_owned(), Value::from(generation));
    }
}

/// A copy of the object that carries `version`.
pub fn with_version(object: &Value, version: u64) -> Value {
    let mut copy = object.clone();
    if let Some(metadata) = metadata_mut(&mut copy) {
        metadata.insert("resourceVersion".to_owned(), Value::from(version.to_string()));
    }
    copy
}

/// Moves `stringData` of a Secret into `data`, as base64.
pub(super) fn fold_string_data(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    let Some(Value::Object(plain)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let Some(data) = data.as_object_mut() else { return };
    for (name, value) in plain {
        let encoded = value.as_str().and_then(|text| serde_json::to_value(ByteString(text.as_bytes().to_vec())).ok());
        data.insert(name, encoded.unwrap_or(value));
    }
}

/// Whether any finalizer holds the object.
pub(super) fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

/// Whether the object waits for its finalizers to be deleted.
pub(super) fn is_terminating(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}
