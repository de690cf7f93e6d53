//! A number of 32 bits says so in words that validators know, too: `format` is only a hint to them.

use utoipa::Number;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{KnownFormat, Object, Schema, SchemaFormat};
use utoipa::openapi::{OpenApi, RefOr};

use super::bodies::requests;
use super::operations;

/// Bounds the numbers that a request may bring.
pub(super) fn bound_numbers(document: &mut OpenApi) {
    for (_, _, operation) in operations(document) {
        bound_parameters(operation);
    }
    let asked = requests(document);
    let Some(components) = &mut document.components else { return };
    for (name, schema) in &mut components.schemas {
        if asked.contains(name) {
            bound(schema);
        }
    }
}

fn bound_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            parameter.schema.iter_mut().for_each(bound);
        }
    }
}

fn bound(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    bound_one(object);
    object.properties.values_mut().for_each(bound);
}

fn bound_one(object: &mut Object) {
    if object.format == Some(SchemaFormat::KnownFormat(KnownFormat::Int32)) {
        object.minimum.get_or_insert(Number::Int(i32::MIN as isize));
        object.maximum.get_or_insert(Number::Int(i32::MAX as isize));
    }
}
