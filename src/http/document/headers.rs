//! The headers that answers have whatever they say.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, OpenApi, Ref, RefOr};

use super::operations;
use crate::models::ErrorKind;

const REQUEST_ID: &str = "X-Request-Id";

/// Adds them to every answer and every failure.
pub(super) fn add(document: &mut OpenApi) {
    for (_, _, operation) in operations(document) {
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.headers.insert(REQUEST_ID.to_owned(), reference(REQUEST_ID));
            }
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    for response in components.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        response.headers.insert(REQUEST_ID.to_owned(), reference(REQUEST_ID));
    }
    components.headers.extend(all().map(|(name, header)| (name.to_owned(), RefOr::T(header))));
}

/// The header that failures of this kind have beside.
pub(super) fn of_kind(kind: ErrorKind) -> Option<(&'static str, RefOr<Header>)> {
    let name = match kind {
        ErrorKind::Unauthorized => "WWW-Authenticate",
        ErrorKind::Unavailable => "Retry-After",
        _ => return None,
    };
    Some((name, reference(name)))
}

fn reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

fn all() -> impl Iterator<Item = (&'static str, Header)> {
    let text = |description: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::String).build();
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    let retry = HeaderBuilder::new()
        .schema(Some(seconds))
        .description(Some("After so many seconds, try again."))
        .build();
    [
        (REQUEST_ID, text("The id of the request: the one that was sent, or a new one.")),
        ("WWW-Authenticate", text("`Bearer`: the kind of credential that is asked for.")),
        ("Retry-After", retry),
    ]
    .into_iter()
}
