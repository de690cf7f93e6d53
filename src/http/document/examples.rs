//! An example for each body, taken from the example of its type; a page of a list is a page of the item's example.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::content::Content;
use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::{OpenApi, RefOr};

use super::{component, operations};

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Gives every body that has no example the one of its type.
pub(super) fn add(document: &mut OpenApi) {
    let schemas =
        document.components.as_ref().map(|components| components.schemas.clone()).unwrap_or_default();
    for (_, _, operation) in operations(document) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.content.values_mut().for_each(|content| illustrate(content, &schemas));
        }
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.content.values_mut().for_each(|content| illustrate(content, &schemas));
            }
        }
    }
}

fn illustrate(content: &mut RefOr<Content>, schemas: &Schemas) {
    let RefOr::T(content) = content else { return };
    if content.example.is_none() && content.examples.is_empty() {
        content.example = content.schema.as_ref().and_then(|schema| example(schema, schemas));
    }
}

fn example(schema: &RefOr<Schema>, schemas: &Schemas) -> Option<Value> {
    let object = match schema {
        RefOr::Ref(_) => return example(schemas.get(&component(schema)?)?, schemas),
        RefOr::T(Schema::Object(object)) => object,
        RefOr::T(Schema::Array(array)) => {
            let ArrayItems::RefOrSchema(item) = &array.items else { return None };
            return Some(json!([example(item, schemas)?]));
        }
        RefOr::T(Schema::OneOf(choice)) => return example(choice.items.first()?, schemas),
        RefOr::T(Schema::AllOf(parts)) => return parts.example.clone(),
        RefOr::T(_) => return None,
    };
    if let Some(example) = &object.example {
        return Some(example.clone());
    }
    let items = example(object.properties.get("items")?, schemas)?;
    object.properties.contains_key("next_cursor").then(|| json!({"items": items, "next_cursor": null}))
}
