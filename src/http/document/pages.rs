//! A page of a list: named after its items, and pointing to them instead of repeating them.

use utoipa::openapi::content::Content;
use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::{OpenApi, Ref, RefOr};

use super::{component, operations};

/// How `Page<T>` is called by the derive.
const DERIVED: &str = "Page_";

/// Makes `AgentPage` of `Page_Agent`.
pub(super) fn name_after_items(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let schemas = std::mem::take(&mut components.schemas);
    components.schemas = schemas.into_iter().map(renamed).collect();
    for (_, _, operation) in operations(document) {
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.content.values_mut().for_each(point);
            }
        }
    }
}

fn renamed((name, schema): (String, RefOr<Schema>)) -> (String, RefOr<Schema>) {
    let Some(item) = name.strip_prefix(DERIVED) else { return (name, schema) };
    (format!("{item}Page"), with_reference(schema, item))
}

fn with_reference(mut schema: RefOr<Schema>, item: &str) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(object)) = &mut schema
        && let Some(RefOr::T(Schema::Array(items))) = object.properties.get_mut("items")
    {
        let reference = RefOr::Ref(Ref::from_schema_name(item));
        items.items = ArrayItems::RefOrSchema(Box::new(reference));
    }
    schema
}

fn point(content: &mut RefOr<Content>) {
    let RefOr::T(content) = content else { return };
    let Some(schema) = &content.schema else { return };
    if let Some(item) = component(schema).as_deref().and_then(|name| name.strip_prefix(DERIVED)) {
        content.schema = Some(RefOr::Ref(Ref::from_schema_name(format!("{item}Page"))));
    }
}
