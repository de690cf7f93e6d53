//! The AsyncAPI document and the schemas: what is committed is what the program says, and it hangs together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use botberi::http::asyncapi;
use botberi::models::RoutingKey;
use serde_json::{Value, json};

use crate::support::schemas::{MessageSchemas, unnamed};

/// Keywords that drafts 7 and 2020-12 of JSON Schema read alike.
const KEYWORDS: &[&str] = &[
    "$id",
    "$schema",
    "anyOf",
    "description",
    "enum",
    "examples",
    "format",
    "items",
    "minimum",
    "properties",
    "required",
    "title",
    "type",
    "x-status",
];

fn document() -> Value {
    serde_json::from_str(&text()).unwrap()
}

fn text() -> String {
    asyncapi::text(&asyncapi::document().unwrap()).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api")
}

#[test]
fn the_committed_document_is_that_of_the_program() {
    let committed = fs::read_to_string(folder().join("asyncapi.json")).unwrap_or_default();
    assert!(committed == text(), "docs/api/asyncapi.json is out of date: run `make api-docs`");
}

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    let entries = fs::read_dir(folder().join("schemas")).unwrap();
    let committed: BTreeMap<String, String> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(
        committed == asyncapi::schemas().unwrap(),
        "docs/api/schemas is out of date: run `make api-docs`"
    );
}

#[test]
fn whatever_the_document_points_to_is_there() {
    let document = document();
    for reference in references(&document) {
        let found = document.pointer(reference.trim_start_matches('#'));
        assert!(found.is_some_and(Value::is_object), "{reference} points nowhere");
    }
}

#[test]
fn every_channel_message_and_schema_is_used_and_every_operation_is_of_its_channel() {
    let document = document();
    let used = references(&document);
    for place in ["channels", "components/messages", "components/schemas", "servers"] {
        for name in document.pointer(&format!("/{place}")).unwrap().as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/{place}/{name}")), "{name} of {place} is not used");
        }
    }
    let by_operations = references(&document["operations"]);
    for (name, channel) in document["channels"].as_object().unwrap() {
        for message in channel["messages"].as_object().unwrap().keys() {
            let location = format!("#/channels/{name}/messages/{message}");
            assert!(by_operations.contains(&location), "no operation has {location}");
        }
    }
    for (name, operation) in document["operations"].as_object().unwrap() {
        let own = format!("{}/messages/", operation["channel"]["$ref"].as_str().unwrap());
        assert!(
            references(&operation["messages"]).iter().all(|location| location.starts_with(&own)),
            "{name}"
        );
    }
}

#[test]
fn every_key_has_a_channel_and_a_message_of_its_name() {
    let document = document();
    for key in RoutingKey::ALL {
        let (channel, message) =
            (&document["channels"][key.as_str()], &document["components"]["messages"][key.as_str()]);
        assert_eq!(channel["address"], key.as_str());
        assert_eq!(channel["bindings"]["amqp"]["exchange"]["name"], "events.topic");
        assert_eq!(message["bindings"]["amqp"]["messageType"], key.as_str());
        assert_eq!(channel["x-status"], message["x-status"], "{key}");
    }
}

#[test]
fn a_queue_is_said_to_hold_what_its_bindings_bring() {
    let document = document();
    let messages = |queue: &str| {
        let messages = document["channels"][queue]["messages"].as_object().unwrap().keys();
        messages.cloned().collect::<BTreeSet<String>>()
    };
    let keys = |wanted: fn(&str) -> bool| {
        RoutingKey::ALL.iter().filter(|key| wanted(key.as_str())).map(ToString::to_string).collect()
    };
    let of_instances: BTreeSet<String> = keys(|key| key.starts_with("instance."));
    assert_eq!(messages("agents_worker.instance"), of_instances);
    let of_entries: BTreeSet<String> = keys(|key| key.starts_with("knowledge_base.entry."));
    assert_eq!(messages("user_backend.kb_ingest"), of_entries);
    assert_eq!(messages("events.dead_letters"), of_instances.union(&of_entries).cloned().collect());
    assert_eq!(messages("user_backend.catalog"), keys(|key| key.starts_with("agent.")));
    assert_eq!(messages("user_backend.ws_updates"), keys(|_| true));
    let orders = &document["channels"]["agents_worker.control"];
    assert_eq!(orders["x-queue"]["keys"], json!(["{replica}"]));
    assert!(messages("agents_worker.control").iter().all(|name| name.starts_with("order.")));
    let updates = &document["channels"]["user_backend.ws_updates"];
    assert_eq!(updates["address"], "user_backend.ws_updates.{replica}");
    assert_eq!(updates["bindings"]["amqp"]["queue"]["exclusive"], true);
    assert_eq!(
        document["channels"]["agents_worker.instance"]["x-queue"]["arguments"]["x-delivery-limit"],
        json!(20)
    );
}

#[test]
fn each_example_fits_the_schema_of_its_message() {
    let schemas = MessageSchemas::of_the_program();
    let document = document();
    let messages = document["components"]["messages"].as_object().unwrap();
    assert_eq!(schemas.names().collect::<BTreeSet<_>>(), messages.keys().map(String::as_str).collect());
    for (name, message) in messages {
        for example in message["examples"].as_array().unwrap() {
            schemas.assert_fits(name, &example["payload"]);
            let headers = &document["components"]["schemas"]["headers"];
            assert!(unnamed(&example["headers"], headers, "").is_empty(), "{name}");
        }
        for example in schemas.schema(name)["examples"].as_array().unwrap() {
            schemas.assert_fits(name, example);
        }
    }
}

#[test]
fn schemas_are_described_and_read_alike_by_every_draft() {
    let schemas = MessageSchemas::of_the_program();
    for name in schemas.names() {
        let schema = schemas.schema(name);
        assert!(schema["title"] == name && schema["description"].is_string(), "{name}");
        look_into(name, schema);
    }
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        // What stands beside a reference is not read by draft 7.
        let lonely = |node: &Value| node.get("$ref").is_none() || node.as_object().unwrap().len() == 1;
        assert!(nodes(schema).into_iter().all(lonely), "{name}");
    }
}

fn look_into(path: &str, schema: &Value) {
    for keyword in schema.as_object().unwrap().keys() {
        assert!(KEYWORDS.contains(&keyword.as_str()), "{path} uses {keyword}");
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let is_told = field["description"].is_string() || name == "type";
        assert!(is_told, "{path}/{name} has no description");
        look_into(&format!("{path}/{name}"), field);
    }
    for part in schema["anyOf"].as_array().into_iter().flatten() {
        look_into(path, part);
    }
}

fn references(node: &Value) -> BTreeSet<String> {
    let found = nodes(node).into_iter().filter_map(|node| node.get("$ref")?.as_str().map(str::to_owned));
    found.collect()
}

/// Every object in it, itself included.
fn nodes(node: &Value) -> Vec<&Value> {
    match node {
        Value::Object(members) => std::iter::once(node).chain(members.values().flat_map(nodes)).collect(),
        Value::Array(items) => items.iter().flat_map(nodes).collect(),
        _ => Vec::new(),
    }
}
