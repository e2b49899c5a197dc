//! The text of one manifest file to objects: documents, `List` kinds, types and names.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::folder::Content;
use super::{ManifestError, ObjectId};
use crate::apiserver::kinds::{self, Scope};
use crate::apiserver::store::ObjectKey;
use crate::apiserver::yaml::{self, Aliases};

/// Reads a whole file. One document that is no object is reported and left out; one that is no YAML spoils the file,
/// because nobody knows where the next begins.
pub(super) fn content(path: &Path, text: &str) -> Result<Content, ManifestError> {
    let documents = documents(path, text)?;
    let mut content = Content::default();
    for (index, document) in documents.into_iter().enumerate() {
        add(path, index + 1, document, &mut content);
    }
    Ok(content)
}

fn documents(path: &Path, text: &str) -> Result<Vec<Value>, ManifestError> {
    if path.extension().is_some_and(|extension| extension == "json") {
        let documents: Result<Vec<Value>, serde_json::Error> =
            serde_json::Deserializer::from_str(text).into_iter().collect();
        return documents.map_err(|error| ManifestError::Syntax {
            path: path.to_owned(),
            line: error.line() as u64,
            column: error.column() as u64,
            message: error.to_string(),
        });
    }
    yaml::documents(text, Aliases::Bounded).map_err(|error| ManifestError::Syntax {
        path: path.to_owned(),
        line: error.line,
        column: error.column,
        message: error.message,
    })
}

fn add(path: &Path, document: usize, mut value: Value, content: &mut Content) {
    let wrong = |message: String| ManifestError::NotAnObject { path: path.to_owned(), document, message };
    let kind = value["kind"].as_str().unwrap_or("").to_owned();
    let api_version = value["apiVersion"].as_str().unwrap_or("").to_owned();
    if kind.is_empty() || api_version.is_empty() {
        return content.errors.push(wrong("apiVersion and kind are needed".to_owned()));
    }
    let known = kinds::by_type(&api_version, &kind);
    if let (None, Some(kind_of_items)) = (known, kind.strip_suffix("List")) {
        let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) else {
            return content.errors.push(wrong(format!("{kind} has no items")));
        };
        for mut item in std::mem::take(items) {
            // The items of `IngressList` need not say what they are; those of a plain `List` do.
            if let (Some(fields), false) = (item.as_object_mut(), kind_of_items.is_empty()) {
                fields.entry("apiVersion").or_insert_with(|| Value::from(api_version.as_str()));
                fields.entry("kind").or_insert_with(|| Value::from(kind_of_items));
            }
            if item["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) {
                content.errors.push(wrong("a list in a list".to_owned()));
            } else {
                add(path, document, item, content);
            }
        }
        return;
    }
    let Some(known) = known else {
        return content.errors.push(wrong(format!("no matches for kind {kind:?} in version {api_version:?}")));
    };
    let name = value["metadata"]["name"].as_str().unwrap_or("").to_owned();
    if name.is_empty() {
        return content.errors.push(wrong(format!("{kind} has no metadata.name")));
    }
    if !matches!(value["metadata"]["namespace"], Value::Null | Value::String(_)) {
        // `n`, `no` and `on` are booleans in Kubernetes' YAML.
        return content.errors.push(wrong(format!("metadata.namespace of {kind} {name} is no text; quote it")));
    }
    let namespace = match (known.scope, value["metadata"]["namespace"].as_str()) {
        (Scope::Namespaced, Some(namespace)) if !namespace.is_empty() => namespace.to_owned(),
        (Scope::Namespaced, _) => "default".to_owned(),
        (Scope::Cluster, _) => String::new(),
    };
    let id = ObjectId::of(known, ObjectKey::of(known, &namespace, &name));
    content.objects.push((id, Arc::new(value)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(content: &Content) -> Vec<String> {
        content.objects.iter().map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn documents_and_lists_become_objects() {
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: m}\n---\n# nothing\n---\n\
                    apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Node, metadata: {name: node}}\n---\n\
                    apiVersion: networking.k8s.io/v1\nkind: IngressList\nitems:\n- metadata: {name: web}\n";
        let content = content(Path::new("a.yaml"), text).expect("good");
        assert_eq!(names(&content), ["Service m/a", "Node node", "Ingress default/web"]);
        assert_eq!(content.errors, []);
    }

    #[test]
    fn a_document_that_is_no_object_leaves_the_others_alone() {
        let text = "kind: Service\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n\
                    apiVersion: v1\nkind: Toaster\nmetadata: {name: a}\n---\n- 1\n---\napiVersion: v1\nkind: Service\n\
                    ---\napiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: n}\n";
        let content = content(Path::new("a.yaml"), text).expect("good");
        assert_eq!(names(&content), ["Service default/a"]);
        assert_eq!(content.errors.len(), 5);
        assert_eq!(
            content.errors[1].to_string(),
            "a.yaml: document 3: no matches for kind \"Toaster\" in version \"v1\""
        );
    }

    #[test]
    fn json_files_may_hold_several_documents() {
        let one = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}}"#;
        let content = content(Path::new("a.json"), &format!("{one}\n{one}")).expect("good");
        assert_eq!(content.objects.len(), 2);
        let error = super::content(Path::new("a.json"), "{\n \"a\": }").expect_err("no value");
        assert!(matches!(error, ManifestError::Syntax { line: 2, column: 7, .. }), "{error}");
    }

    #[test]
    fn no_text_panics() {
        for text in [
            "",
            "\u{0}",
            "---",
            "{",
            "a: *b",
            "!!binary x",
            "? a",
            "[[[[",
            "kind: List\napiVersion: v1\nitems: [[]]",
            "\t",
        ] {
            for name in ["a.yaml", "a.json"] {
                drop(content(Path::new(name), text));
            }
        }
    }
}
