//! A body holds the fields that are known and no others.

use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{OpenApi, RefOr};

use super::operations;

/// Says so in the schema of every request body.
pub(super) fn refuse_unknown_fields(document: &mut OpenApi) {
    let mut names = Vec::new();
    for (_, _, operation) in operations(document) {
        let Some(RefOr::T(body)) = &operation.request_body else { continue };
        let schemas = body.content.values().filter_map(|content| match content {
            RefOr::T(content) => content.schema.as_ref(),
            RefOr::Ref(_) => None,
        });
        names.extend(schemas.filter_map(super::component));
    }
    let Some(components) = &mut document.components else { return };
    for name in names {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(&name) {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}
