//! What can be asked of a listener, by the document that it gives out itself.

use reqwest::Method;
use serde_json::{Map, Value};

use crate::support::client::Caller;

/// One operation of one listener.
pub(super) struct Operation {
    pub(super) listener: &'static str,
    pub(super) method: Method,
    /// With `{id}` where an id stands.
    pub(super) path: String,
    /// The fields of its body; none, if it takes none.
    pub(super) fields: Vec<String>,
    /// Its parameters in the query.
    pub(super) parameters: Vec<String>,
    /// The fields of its good answers.
    pub(super) answers: Vec<String>,
}

/// Words of which one is in the name of whatever holds a secret.
const OF_SECRETS: [&str; 4] = ["password", "token", "ticket", "secret"];
/// A field of this name is one of an API key.
const KEY: &str = "key";
/// Names with such a word that hold none.
const NO_SECRETS: [&str; 2] = ["token_type", "max_tokens"];

impl Operation {
    /// Its name in the table of cases.
    pub(super) fn name(&self) -> String {
        format!("{} {} {}", self.listener, self.method, self.path)
    }

    pub(super) fn takes_a_body(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Whether a secret is meant to be sent to it, or comes from it.
    pub(super) fn is_about_secrets(&self) -> bool {
        let mut names = self.fields.iter().chain(&self.parameters).chain(&self.answers);
        let is_of_secrets = |name: &str| name == KEY || OF_SECRETS.iter().any(|word| name.contains(word));
        names.any(|name| is_of_secrets(name) && !NO_SECRETS.contains(&name.as_str()))
    }
}

/// All operations of the document that is served there.
pub(super) async fn operations(listener: &'static str, url: &str) -> Vec<Operation> {
    let document = Caller::stranger(url).get("/openapi.json").await.expect(200);
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let body = first(&operation["requestBody"]["content"]);
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let parameters = parameters.iter().map(|parameter| resolve(&document, parameter));
            let in_query = parameters.filter(|parameter| parameter["in"] == "query");
            let good = operation["responses"]
                .as_object()
                .unwrap()
                .iter()
                .find(|(status, _)| status.starts_with('2'));
            let answer = good.map_or(Value::Null, |(_, answer)| first(&answer["content"]));
            operations.push(Operation {
                listener,
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                fields: names(&document, &body["schema"]),
                parameters: in_query
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .collect(),
                answers: names(&document, &answer["schema"]),
            });
        }
    }
    operations
}

/// A body of any kind.
fn first(content: &Value) -> Value {
    content.as_object().and_then(|kinds| kinds.values().next()).cloned().unwrap_or_default()
}

fn resolve<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    node["$ref"].as_str().map_or(node, |pointer| document.pointer(pointer.trim_start_matches('#')).unwrap())
}

/// The names of an object's fields, of all its parts, or of those of the first thing that it may be.
fn names(document: &Value, schema: &Value) -> Vec<String> {
    let schema = resolve(document, schema);
    let schema = schema["oneOf"].get(0).map_or(schema, |first| resolve(document, first));
    let own = schema["properties"].as_object().map(Map::keys).into_iter().flatten().cloned();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| names(document, part))).collect()
}
