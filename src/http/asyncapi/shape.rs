//! From a Rust type to a schema that needs no other.
//!
//! What a type refers to is put where it is used, and "this or null" becomes a type of two names. So every schema reads the
//! same to a reader of draft 7, which AsyncAPI is based on, and to one of 2020-12, which OpenAPI is based on.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaType, Type};

/// The schemas that others refer to, by name.
pub(super) type Parts = BTreeMap<String, RefOr<Schema>>;

/// The schema, with what it refers to in its place.
pub(super) fn whole(schema: RefOr<Schema>, parts: &Parts) -> RefOr<Schema> {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            let Some(part) = parts.get(name) else { return RefOr::Ref(reference) };
            described(whole(part.clone(), parts), Some(reference.description).filter(|text| !text.is_empty()))
        }
        RefOr::T(Schema::Object(mut object)) => {
            object.properties = object
                .properties
                .into_iter()
                .map(|(name, property)| (name, whole(property, parts)))
                .collect();
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::Array(mut array)) => {
            if let ArrayItems::RefOrSchema(item) = array.items {
                array.items = ArrayItems::RefOrSchema(Box::new(whole(*item, parts)));
            }
            RefOr::T(Schema::Array(array))
        }
        RefOr::T(Schema::OneOf(one_of)) => {
            let is_null = |item: &RefOr<Schema>| matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null));
            let others: Vec<&RefOr<Schema>> = one_of.items.iter().filter(|item| !is_null(item)).collect();
            match (others.as_slice(), one_of.items.len()) {
                ([other], 2) => described(or_null(whole((*other).clone(), parts)), one_of.description),
                _ => RefOr::T(Schema::OneOf(one_of)),
            }
        }
        other => other,
    }
}

/// The object that a schema is; one without fields if it is none.
pub(super) fn object(schema: RefOr<Schema>) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

/// What is said of a field is more to the point than what is said of its type.
fn described(mut schema: RefOr<Schema>, description: Option<String>) -> RefOr<Schema> {
    if let (RefOr::T(Schema::Object(object)), Some(description)) = (&mut schema, description) {
        object.description = Some(description);
    }
    schema
}

fn or_null(mut schema: RefOr<Schema>) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        if let SchemaType::Type(only) = object.schema_type.clone() {
            object.schema_type = SchemaType::Array(vec![only, Type::Null]);
        }
        if let Some(values) = &mut object.enum_values {
            values.push(Value::Null);
        }
    }
    schema
}
