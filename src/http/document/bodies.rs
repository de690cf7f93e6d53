//! What holds for every body: a request has the known fields and no others, and an answer leaves none of its fields out.

use std::collections::BTreeSet;

use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

use super::{component, operations};

/// Says so in the schemas of all bodies.
pub(super) fn complete(document: &mut OpenApi) {
    let (asked, answered) = (requests(document), answers(document));
    let Some(components) = &mut document.components else { return };
    for (name, schema) in &mut components.schemas {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        // That of an enum is put together from its comments, which begin with a space.
        object.description = object.description.take().map(|text| text.trim().to_owned());
        if asked.contains(name) && !object.properties.is_empty() {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
        if answered.contains(name) && !asked.contains(name) {
            require_nullable(object);
        }
    }
}

/// A field that may be `null` in an answer is written as `null`. One that may be missing is not nullable.
fn require_nullable(object: &mut Object) {
    for (name, schema) in &object.properties {
        if is_nullable(schema) && !object.required.contains(name) {
            object.required.push(name.clone());
        }
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    let is_null = |schema: &SchemaType| match schema {
        SchemaType::Type(one) => *one == Type::Null,
        SchemaType::Array(many) => many.contains(&Type::Null),
        SchemaType::AnyValue => false,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => is_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => is_null(&array.schema_type),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(is_nullable),
        _ => false,
    }
}

/// The components that request bodies are made of.
pub(super) fn requests(document: &mut OpenApi) -> BTreeSet<String> {
    let mut roots = Vec::new();
    for (_, _, operation) in operations(document) {
        let Some(RefOr::T(body)) = &operation.request_body else { continue };
        let contents = body.content.values().filter_map(super::inline);
        roots.extend(contents.filter_map(|content| content.schema.clone()));
    }
    reachable(document, roots)
}

/// The components that answers are made of.
fn answers(document: &mut OpenApi) -> BTreeSet<String> {
    let mut roots = Vec::new();
    for (_, _, operation) in operations(document) {
        for response in operation.responses.responses.values().filter_map(super::inline) {
            let contents = response.content.values().filter_map(super::inline);
            roots.extend(contents.filter_map(|content| content.schema.clone()));
        }
    }
    reachable(document, roots)
}

/// The components that these schemas point to, and those that they point to in turn.
fn reachable(document: &OpenApi, mut open: Vec<RefOr<Schema>>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    while let Some(schema) = open.pop() {
        if let Some(name) = component(&schema) {
            let found = document.components.as_ref().and_then(|components| components.schemas.get(&name));
            if names.insert(name) {
                open.extend(found.cloned());
            }
        } else {
            open.extend(parts(&schema));
        }
    }
    names
}

fn parts(schema: &RefOr<Schema>) -> Vec<RefOr<Schema>> {
    match schema {
        RefOr::T(Schema::Object(object)) => object.properties.values().cloned().collect(),
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(item) => vec![(**item).clone()],
            ArrayItems::False => Vec::new(),
        },
        RefOr::T(Schema::OneOf(of)) => of.items.clone(),
        RefOr::T(Schema::AllOf(of)) => of.items.clone(),
        RefOr::T(Schema::AnyOf(of)) => of.items.clone(),
        _ => Vec::new(),
    }
}
