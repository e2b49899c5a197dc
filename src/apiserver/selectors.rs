//! Label and field selectors of list, watch and delete-collection requests.
//!
//! Grammar and meaning: `k8s.io/apimachinery/pkg/labels/selector.go` and `pkg/fields/selector.go`. A selector is parsed
//! once per request; matching never fails, an object without the field simply has the empty value.

use std::borrow::Cow;

use serde_json::Value;

use super::kinds::Kind;
use super::validate::{is_label_key, is_label_value};

/// Why a selector cannot be used; the text names the offending part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Not in the grammar.
    #[error("unable to parse requirement: {0:?}")]
    Syntax(String),
    /// A field that this kind cannot be selected by.
    #[error("field label not supported: {0}")]
    UnsupportedField(String),
}

/// Which objects of one kind are meant: those that fulfil every label and every field requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<LabelRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LabelRequirement {
    key: String,
    test: LabelTest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum LabelTest {
    Exists,
    Absent,
    In(Vec<String>),
    /// True for objects without the label, too.
    NotIn(Vec<String>),
    GreaterThan(i64),
    LessThan(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRequirement {
    path: String,
    value: String,
    relation: Relation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    Different,
}

impl Selector {
    /// Parses both parameters; an empty text selects everything.
    pub fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, SelectorError> {
        Ok(Self { labels: parse_labels(labels)?, fields: parse_fields(kind, fields)? })
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether this object, in the form that clients see, is selected.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|wanted| wanted.test.holds(labels[wanted.key.as_str()].as_str()))
            && self.fields.iter().all(|wanted| wanted.holds(object))
    }
}

impl LabelTest {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|text| text.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => value.is_some_and(|value| values.iter().any(|it| it == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|it| it != value)),
            Self::GreaterThan(bound) => number().is_some_and(|value| value > *bound),
            Self::LessThan(bound) => number().is_some_and(|value| value < *bound),
        }
    }
}

impl FieldRequirement {
    fn holds(&self, object: &Value) -> bool {
        let found = self.path.split('.').fold(object, |value, name| &value[name]);
        let text = match found {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Bool(_) | Value::Number(_) => Cow::Owned(found.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => Cow::Borrowed(""),
        };
        match self.relation {
            Relation::Equal => text == self.value,
            Relation::Different => text != self.value,
        }
    }
}

fn parse_labels(text: &str) -> Result<Vec<LabelRequirement>, SelectorError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    split_outside_parentheses(text).into_iter().map(parse_label).collect()
}

/// Splits at the commas that are not inside `in (a,b)`.
fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            '(' => inside = true,
            ')' => inside = false,
            ',' if !inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_label(text: &str) -> Result<LabelRequirement, SelectorError> {
    let wrong = || SelectorError::Syntax(text.trim().to_owned());
    let (key, test) = split_label(text.trim()).ok_or_else(wrong)?;
    let values_fit = match &test {
        LabelTest::In(values) | LabelTest::NotIn(values) => values.iter().all(|value| is_label_value(value)),
        LabelTest::Exists | LabelTest::Absent | LabelTest::GreaterThan(_) | LabelTest::LessThan(_) => true,
    };
    if is_label_key(key) && values_fit { Ok(LabelRequirement { key: key.to_owned(), test }) } else { Err(wrong()) }
}

fn split_label(text: &str) -> Option<(&str, LabelTest)> {
    if let Some(key) = text.strip_prefix('!') {
        return Some((key.trim(), LabelTest::Absent));
    }
    if let Some(head) = text.strip_suffix(')') {
        let (head, values) = head.split_once('(')?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        let (key, operator, rest) = (words.next()?, words.next()?, words.next());
        return match (operator, rest) {
            ("in", None) => Some((key, LabelTest::In(values))),
            ("notin", None) => Some((key, LabelTest::NotIn(values))),
            _ => None,
        };
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = text.split_once("!=") {
        return Some((key.trim(), LabelTest::NotIn(one(value))));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some((key.trim(), LabelTest::In(one(value))));
    }
    if let Some((key, value)) = text.split_once('>') {
        return Some((key.trim(), LabelTest::GreaterThan(value.trim().parse().ok()?)));
    }
    if let Some((key, value)) = text.split_once('<') {
        return Some((key.trim(), LabelTest::LessThan(value.trim().parse().ok()?)));
    }
    Some((text, LabelTest::Exists))
}

fn parse_fields(kind: &Kind, text: &str) -> Result<Vec<FieldRequirement>, SelectorError> {
    let parts = split_unescaped(text);
    parts.iter().filter(|part| !part.is_empty()).map(|part| parse_field(kind, part)).collect()
}

/// Splits at commas that no backslash stands before.
fn split_unescaped(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_field(kind: &Kind, text: &str) -> Result<FieldRequirement, SelectorError> {
    let wrong = || SelectorError::Syntax(text.to_owned());
    let (path, value, relation) = text
        .split_once("!=")
        .map(|(path, value)| (path, value, Relation::Different))
        .or_else(|| text.split_once("==").map(|(path, value)| (path, value, Relation::Equal)))
        .or_else(|| text.split_once('=').map(|(path, value)| (path, value, Relation::Equal)))
        .ok_or_else(wrong)?;
    if !is_supported(kind, path) {
        return Err(SelectorError::UnsupportedField(path.to_owned()));
    }
    Ok(FieldRequirement { path: path.to_owned(), value: unescape(value).ok_or_else(wrong)?, relation })
}

/// `\\`, `\,` and `\=` are the only escapes.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => out.push(rest.next().filter(|next| matches!(next, '\\' | ',' | '='))?),
            other => out.push(other),
        }
    }
    Some(out)
}

fn is_supported(kind: &Kind, path: &str) -> bool {
    let of_kind: &[&str] = match kind.kind {
        "Secret" => &["type"],
        "Pod" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
        "Node" => &["spec.unschedulable"],
        "Namespace" => &["status.phase"],
        "Service" => &["spec.clusterIP", "spec.type"],
        "Event" => return is_supported_of_events(path),
        _ => &[],
    };
    matches!(path, "metadata.name" | "metadata.namespace") || of_kind.contains(&path)
}

fn is_supported_of_events(path: &str) -> bool {
    let of_object = path.strip_prefix("involvedObject.").or_else(|| path.strip_prefix("regarding."));
    match of_object {
        Some(field) => {
            ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].contains(&field)
        }
        None => [
            "metadata.name",
            "metadata.namespace",
            "reason",
            "type",
            "source",
            "reportingComponent",
            "reportingController",
        ]
        .contains(&path),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::kinds;

    fn matches(kind: &str, labels: &str, fields: &str, object: &Value) -> Result<bool, SelectorError> {
        let kind = kinds::by_name(kind).expect("served");
        Selector::parse(kind, labels, fields).map(|selector| selector.matches(object))
    }

    #[test]
    fn label_selectors_follow_the_kubernetes_rules() {
        let object =
            json!({"metadata": {"name": "a", "labels": {"app": "web", "tier": "front", "n": "5", "empty": ""}}});
        let cases = [
            ("", true),
            ("app", true),
            ("!app", false),
            ("! absent", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app=web,tier=back", false),
            ("app!=web", false),
            ("absent!=web", true),
            ("app in (api, web)", true),
            ("app in (api),tier", false),
            ("app notin (api,db)", true),
            ("absent notin (x)", true),
            ("absent in (x)", false),
            ("n>4", true),
            ("n<5", false),
            ("empty=", true),
            ("example.com/role!=x", true),
        ];
        for (text, want) in cases {
            assert_eq!(matches("Pod", text, "", &object), Ok(want), "{text}");
        }
    }

    #[test]
    fn label_selectors_outside_the_grammar_are_refused() {
        for text in ["a b", "a in x", "a in (x", "a near (x)", "=x", "a=b c", "n>x", ",", "a,,b", "/x=1", "a=(b)"] {
            assert!(matches("Pod", text, "", &json!({})).is_err(), "{text}");
        }
    }

    #[test]
    fn field_selectors_read_the_fields_of_their_kind() {
        let secret = json!({"metadata": {"name": "a", "namespace": "n"}, "type": "helm.sh/release.v1"});
        let cases = [
            ("Secret", "metadata.name=a", &secret, Ok(true)),
            ("Secret", "metadata.name==a,metadata.namespace!=n", &secret, Ok(false)),
            ("Secret", "type!=helm.sh/release.v1", &secret, Ok(false)),
            ("Secret", "type!=helm.sh/release.v1,", &secret, Ok(false)),
            ("Secret", "metadata.name=a\\,b", &secret, Ok(false)),
            ("Secret", "metadata.uid=1", &secret, Err(SelectorError::UnsupportedField("metadata.uid".to_owned()))),
            ("Secret", "metadata.name", &secret, Err(SelectorError::Syntax("metadata.name".to_owned()))),
            ("Secret", "metadata.name=\\x", &secret, Err(SelectorError::Syntax("metadata.name=\\x".to_owned()))),
        ];
        for (kind, text, object, want) in cases {
            assert_eq!(matches(kind, "", text, object), want, "{text}");
        }
        let event = json!({"involvedObject": {"kind": "Ingress", "name": "web"}});
        assert_eq!(matches("Event", "", "involvedObject.kind=Ingress,involvedObject.name=web", &event), Ok(true));
        assert_eq!(matches("Node", "", "spec.unschedulable=true", &json!({"spec": {"unschedulable": true}})), Ok(true));
        assert_eq!(matches("Pod", "", "spec.nodeName=", &json!({"spec": {}})), Ok(true));
    }

    #[test]
    fn absurd_objects_are_simply_not_selected() {
        for object in [json!(null), json!([]), json!({"metadata": {"labels": [1]}}), json!({"metadata": 7})] {
            assert_eq!(matches("Pod", "app=web", "", &object), Ok(false), "{object}");
        }
    }
}
