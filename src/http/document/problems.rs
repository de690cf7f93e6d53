//! The failures of each operation: the codes that its attribute names in `x-problems`, and those that follow from its
//! shape.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Components, OpenApi, Ref, RefOr};

use super::{headers, operations};
use crate::http::PREFIX;
use crate::http::conditional::IF_MATCH;
use crate::http::problem::{FieldError, MEDIA_TYPE, Problem, ProblemDocument};
use crate::models::ErrorCode;

/// Where an operation's attribute names the codes of its own.
const EXTENSION: &str = "x-problems";

/// What a body can be told.
const OF_BODIES: [ErrorCode; 6] = [
    ErrorCode::MalformedJson,
    ErrorCode::BadRequest,
    ErrorCode::RequestTimedOut,
    ErrorCode::PayloadTooLarge,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::ValidationFailed,
];

/// What every route can be told.
const OF_ALL: [ErrorCode; 2] = [ErrorCode::UriTooLong, ErrorCode::HeadersTooLarge];

/// What every route under the prefix can be told, too.
const OF_API: [ErrorCode; 4] =
    [ErrorCode::RateLimited, ErrorCode::Internal, ErrorCode::ServiceBusy, ErrorCode::DependencyUnavailable];

/// Adds to each operation what it answers when it fails.
pub(super) fn add(document: &mut OpenApi) {
    let mut responses = BTreeMap::new();
    for (path, method, operation) in operations(document) {
        let mut codes = named(operation);
        codes.extend(implied(path, method, operation));
        for (status, codes) in by_status(&codes) {
            let name = component_name(&codes);
            responses.entry(name.clone()).or_insert_with(|| response(&codes));
            let reference = RefOr::Ref(Ref::from_response_name(name));
            operation.responses.responses.insert(status.to_string(), reference);
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.responses.extend(responses.into_iter().map(|(name, response)| (name, RefOr::T(response))));
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    <ProblemDocument<'_> as ToSchema>::schemas(&mut schemas);
    schemas.push((
        ProblemDocument::name().into_owned(),
        <ProblemDocument<'_> as utoipa::PartialSchema>::schema(),
    ));
    components.schemas.extend(schemas);
}

/// Takes the codes that the attribute names. The extension stays where one of them is unknown, for a test to find.
fn named(operation: &mut Operation) -> Vec<ErrorCode> {
    let Some(extensions) = &mut operation.extensions else { return Vec::new() };
    let slugs = extensions.get(EXTENSION).and_then(Value::as_array).cloned().unwrap_or_default();
    let known = |slug: &Value| ErrorCode::ALL.iter().copied().find(|code| slug.as_str() == Some(code.slug()));
    let codes: Vec<ErrorCode> = slugs.iter().filter_map(known).collect();
    if codes.len() == slugs.len() {
        extensions.remove(EXTENSION);
    }
    codes
}

/// What the shape of an operation lets go wrong.
fn implied(path: &str, method: &str, operation: &Operation) -> Vec<ErrorCode> {
    let mut codes = Vec::new();
    let mut holders = operation.security.iter().flatten().filter_map(super::scopes).peekable();
    let is_for_somebody = holders.peek().is_some();
    if is_for_somebody {
        codes.push(ErrorCode::Unauthenticated);
    }
    if holders.any(|scopes| !scopes.is_empty()) {
        codes.push(ErrorCode::Forbidden);
    }
    let parameters = operation.parameters.iter().flatten();
    if parameters.filter_map(super::inline).any(|parameter| parameter.parameter_in == ParameterIn::Query) {
        codes.extend([ErrorCode::BadRequest, ErrorCode::ValidationFailed]);
    }
    if super::takes_header(operation, IF_MATCH) {
        codes.extend([ErrorCode::BadRequest, ErrorCode::PreconditionFailed]);
    }
    if operation.request_body.is_some() {
        codes.extend(OF_BODIES);
    }
    codes.extend(OF_ALL);
    if path.starts_with(PREFIX) {
        codes.extend(OF_API);
        if method != "GET" {
            codes.push(ErrorCode::OutcomeUnknown);
        }
    }
    codes
}

/// The codes in the order of their table, each once, under the status that they have.
fn by_status(codes: &[ErrorCode]) -> BTreeMap<u16, Vec<ErrorCode>> {
    let mut groups: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in ErrorCode::ALL.iter().filter(|code| codes.contains(code)) {
        groups.entry(code.kind().status()).or_default().push(*code);
    }
    groups
}

fn component_name(codes: &[ErrorCode]) -> String {
    let names: Vec<String> = codes.iter().map(|code| format!("{code:?}")).collect();
    names.join("Or")
}

fn response(codes: &[ErrorCode]) -> Response {
    let lines = codes.iter().map(|code| format!("`{}`: {}.", code.slug(), code.title()));
    let description = lines.collect::<Vec<_>>().join("\n\n");
    let content = codes.iter().fold(
        ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))),
        |content, code| {
            let example = ExampleBuilder::new().summary(code.title()).value(Some(example(*code)));
            content.examples_from_iter([(code.slug(), example.build())])
        },
    );
    let mut response =
        ResponseBuilder::new().description(description).content(MEDIA_TYPE, content.build()).build();
    let header = codes.first().and_then(|code| headers::of_kind(code.kind()));
    response.headers.extend(header.map(|(name, header)| (name.to_owned(), header)));
    response
}

/// A whole document of this code.
fn example(code: ErrorCode) -> Value {
    let problem = match code {
        ErrorCode::ValidationFailed => Problem::invalid(vec![FieldError {
            field: "title".to_owned(),
            message: "must have 1 to 200 characters".to_owned(),
        }]),
        _ => Problem::new(code),
    };
    problem.to_value("0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11").unwrap_or_else(|_unwritable| json!({}))
}
