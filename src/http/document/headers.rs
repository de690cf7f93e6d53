//! The headers that answers have whatever they say.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, OpenApi, Ref, RefOr};

use super::{operations, takes_header};
use crate::http::PREFIX;
use crate::http::conditional::{IF_MATCH, IF_NONE_MATCH};
use crate::models::ErrorKind;

const ETAG: &str = "ETag";
const RATE_LIMIT: [&str; 3] = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];
const REQUEST_ID: &str = "X-Request-Id";

/// Adds them to every answer and every failure.
pub(super) fn add(document: &mut OpenApi) {
    for (path, _, operation) in operations(document) {
        if takes_header(operation, IF_NONE_MATCH) {
            let unchanged = ResponseBuilder::new().description("What you have still holds.").build();
            operation.responses.responses.insert("304".to_owned(), RefOr::T(unchanged));
        }
        let is_tagged = takes_header(operation, IF_NONE_MATCH) || takes_header(operation, IF_MATCH);
        let is_counted = path.starts_with(PREFIX);
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else { continue };
            let is_of_a_thing = is_tagged && status != "204" && status.starts_with(['2', '3']);
            let of_success = is_counted.then_some(RATE_LIMIT).into_iter().flatten();
            let names = of_success.chain(is_of_a_thing.then_some(ETAG));
            response.headers.extend(names.map(|name| (name.to_owned(), reference(name))));
        }
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
        ErrorKind::Unavailable | ErrorKind::TooManyRequests => "Retry-After",
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
    let number = |description: &str| {
        HeaderBuilder::new().schema(Some(seconds.clone())).description(Some(description)).build()
    };
    [
        (REQUEST_ID, text("The id of the request: the one that was sent, or a new one.")),
        ("WWW-Authenticate", text("`Bearer`: the kind of credential that is asked for.")),
        ("Retry-After", number("After so many seconds, try again.")),
        (ETAG, text("Names the state that is shown; for `If-None-Match` and `If-Match`.")),
        (RATE_LIMIT[0], number("Requests that 60 s may hold, of the count that has the least room left.")),
        (RATE_LIMIT[1], number("Those that it still may.")),
        (RATE_LIMIT[2], number("Seconds until it begins anew.")),
    ]
    .into_iter()
}
