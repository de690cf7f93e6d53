//! One JSON Schema for each message, which needs no other file.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOf, Schema};

use super::messages::{DescribedMessage, SCHEMAS, messages};
use super::text;
use crate::models::SCHEMA_VERSION;

/// A schema as a file of its own.
#[derive(Serialize)]
struct File {
    #[serde(rename = "$schema")]
    dialect: &'static str,
    #[serde(rename = "$id")]
    id: String,
    #[serde(flatten)]
    schema: RefOr<Schema>,
    examples: Vec<Value>,
    #[serde(rename = "x-status", skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

/// The text of each message's schema, by the message's name.
///
/// # Errors
/// None that can happen: every schema can be written.
pub fn schemas() -> Result<BTreeMap<String, String>, serde_json::Error> {
    let messages = messages()?;
    let by_name: BTreeMap<String, RefOr<Schema>> =
        messages.iter().map(|message| (message.name.clone(), message.schema.clone())).collect();
    messages.iter().map(|message| Ok((message.name.clone(), text(&file(message, &by_name))?))).collect()
}

fn file(message: &DescribedMessage, by_name: &BTreeMap<String, RefOr<Schema>>) -> File {
    File {
        dialect: "https://json-schema.org/draft/2020-12/schema",
        id: format!("urn:botberi:schema:{}:{SCHEMA_VERSION}", message.name),
        schema: on_its_own(message.schema.clone(), by_name),
        examples: vec![message.sample.clone()],
        status: message.is_planned().then_some("planned"),
    }
}

/// Puts the events that a frame can hold into its schema.
fn on_its_own(schema: RefOr<Schema>, by_name: &BTreeMap<String, RefOr<Schema>>) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = schema else { return schema };
    for field in object.properties.values_mut() {
        if let RefOr::T(Schema::AnyOf(AnyOf { items, .. })) = field {
            for item in items {
                let RefOr::Ref(reference) = item else { continue };
                let named = by_name.get(reference.ref_location.trim_start_matches(SCHEMAS));
                *item = named.cloned().unwrap_or_else(|| item.clone());
            }
        }
    }
    RefOr::T(Schema::Object(object))
}
