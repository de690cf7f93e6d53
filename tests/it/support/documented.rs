//! Holds every answer that a test gets against the OpenAPI documents: its status, its code and the fields of its body.

use std::sync::LazyLock;

use botberi::http::{admin, document, user};
use reqwest::Method;
use serde_json::Value;

/// The documents of the listeners that a path can belong to.
static DOCUMENTS: LazyLock<[Value; 2]> = LazyLock::new(|| {
    [user::document(), admin::document()]
        .map(|made| serde_json::from_str(&document::text(&made).unwrap()).unwrap())
});

/// Checks that one of the documents tells of this answer, if they tell of the route at all.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, status: u16, body: &Value) {
    let mut faults = Vec::new();
    for document in &*DOCUMENTS {
        let Some(operation) = operation(document, method, path) else { continue };
        match fault(document, operation, status, body) {
            None => return,
            Some(fault) => faults.push(fault),
        }
    }
    assert!(faults.is_empty(), "{method} {path} answers {status} and no document tells of it: {faults:#?}");
}

fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let items = document["paths"].as_object().unwrap();
    let mut matching: Vec<_> = items.iter().filter(|(pattern, _)| is_at(pattern, path)).collect();
    // One that says a word goes before one that takes any.
    matching.sort_by_key(|(pattern, _)| pattern.matches('{').count());
    matching.first()?.1.get(method.as_str().to_lowercase())
}

fn is_at(pattern: &str, path: &str) -> bool {
    let (expected, found): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let fits = |(expected, found): (&&str, &&str)| {
        expected == found || (expected.starts_with('{') && !found.is_empty())
    };
    expected.len() == found.len() && expected.iter().zip(&found).all(fits)
}

fn fault(document: &Value, operation: &Value, status: u16, body: &Value) -> Option<String> {
    let told = resolve(document, &operation["responses"][status.to_string()]);
    if told.is_null() {
        return Some("its status is not told".to_owned());
    }
    if let Some(examples) = told["content"]["application/problem+json"]["examples"].as_object() {
        let code = body["code"].as_str().unwrap_or_default();
        if !examples.contains_key(code) {
            return Some(format!("its code `{code}` is not told"));
        }
    }
    let content = told["content"].as_object().and_then(|content| content.values().next())?;
    if body.is_null() { None } else { misfit(document, &content["schema"], body, "the body") }
}

fn resolve<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str() {
        Some(pointer) => document.pointer(pointer.trim_start_matches('#')).unwrap(),
        None => node,
    }
}

/// What of a value is not as its schema says: types, words of an enum, fields that are missing or that nobody told of.
fn misfit(document: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    let schema = resolve(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| misfit(document, choice, value, place).is_none());
        return if fits { None } else { Some(format!("{place} is none of {choices:?}: {value}")) };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    if !kinds.iter().any(|kind| is_of(kind, value)) {
        return Some(format!("{place} is not {kinds:?}: {value}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Some(format!("{place} is not among {}: {value}", schema["enum"]));
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        let places = values.iter().enumerate();
        return places
            .filter_map(|(index, value)| misfit(document, items, value, &format!("{place}[{index}]")))
            .next();
    }
    let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) else {
        return None;
    };
    let missing = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|name| !fields.contains_key(name.as_str().unwrap()));
    if let Some(missing) = missing {
        return Some(format!("{place} has no {missing}"));
    }
    fields.iter().find_map(|(name, value)| match properties.get(name) {
        Some(property) => misfit(document, property, value, &format!("{place}.{name}")),
        // Problems may have members of their own.
        None if properties.contains_key("request_id") => None,
        None => Some(format!("{place} has a {name}, of which nothing is told")),
    })
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
