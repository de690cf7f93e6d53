//! The JSON Schemas of the messages, ready to be held against what was heard.

use std::collections::BTreeMap;

use boon::{Compiler, SchemaIndex, Schemas};
use botberi::http::asyncapi;
use serde_json::Value;

/// Every message's schema, by the message's name.
pub(crate) struct MessageSchemas {
    compiled: Schemas,
    by_name: BTreeMap<String, (SchemaIndex, Value)>,
}

impl MessageSchemas {
    /// Those of the program. Fails the test if one is no schema.
    pub(crate) fn of_the_program() -> Self {
        let (mut compiler, mut compiled) = (Compiler::new(), Schemas::new());
        compiler.enable_format_assertions();
        let mut by_name = BTreeMap::new();
        for (name, text) in asyncapi::schemas().unwrap() {
            let schema: Value = serde_json::from_str(&text).unwrap();
            let id = schema["$id"].as_str().unwrap();
            compiler.add_resource(id, schema.clone()).unwrap();
            let compiled = compiler.compile(id, &mut compiled);
            let index = compiled.unwrap_or_else(|error| panic!("{name} is no schema: {error:#}"));
            by_name.insert(name, (index, schema));
        }
        Self { compiled, by_name }
    }

    /// Fails unless the message has a schema and fits it, and the schema names every field that the message has. To others
    /// the schemas are open, so that a new field breaks nobody; here they are closed, so that it cannot be forgotten.
    pub(crate) fn assert_fits(&self, name: &str, message: &Value) {
        let Some((index, schema)) = self.by_name.get(name) else { panic!("{name} has no schema: {message}") };
        if let Err(error) = self.compiled.validate(message, *index) {
            panic!("{name} does not fit its schema: {error}\n{message}");
        }
        let unnamed = unnamed(message, schema, "");
        assert!(unnamed.is_empty(), "the schema of {name} does not know {unnamed:?}: {message}");
    }

    /// The schema of a message.
    pub(crate) fn schema(&self, name: &str) -> &Value {
        &self.by_name[name].1
    }

    /// The names of all messages.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// The paths of fields that no schema names. An object of which no field is named may hold anything.
pub(crate) fn unnamed(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    match (value, &schema["properties"], &schema["items"]) {
        (Value::Object(fields), Value::Object(known), _) => fields
            .iter()
            .flat_map(|(name, field)| match known.get(name) {
                Some(known) => unnamed(field, known, &format!("{path}/{name}")),
                None => vec![format!("{path}/{name}")],
            })
            .collect(),
        (Value::Array(items), _, item @ Value::Object(_)) => {
            items.iter().flat_map(|value| unnamed(value, item, &format!("{path}/*"))).collect()
        }
        _ => Vec::new(),
    }
}
