//! The OpenAPI document of each listener: put together from the attributes of its handlers, completed here, and served
//! by it.
//!
//! A handler's attribute tells what only it knows. What follows from its shape is added for all of them, so that nobody
//! has to remember it: `problems` adds the failures, `examples` the examples and `headers` the request's id; `bodies` says
//! which fields are there, `bounded` how far numbers go, and `pages` names pages after what is on them.

mod bodies;
mod bounded;
mod examples;
mod headers;
mod operators;
mod pages;
mod problems;
mod viewer;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data, ServiceConfig};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, PathItem, RefOr, Server};

use super::ops::{get, resource};

/// The name of the one security scheme.
const BEARER: &str = "bearer";

/// What holds for each route of each listener, told once before anything else.
const MANNERS: &str = include_str!("manners.md");

/// A listener's document as it is sent.
struct Document(Bytes);

/// Completes what the attributes of a listener's handlers say: `title` names it, `about` says in a paragraph what it is for.
pub(super) fn complete(title: &str, about: &str, mut document: OpenApi) -> OpenApi {
    document.merge(operators::document());
    document.info.title = title.to_owned();
    document.info.description = Some(format!("{about}\n\n{MANNERS}"));
    document.servers = Some(vec![Server::new("/")]);
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token, as `POST /api/v1/auth/login` gives it, or an API key (`sk-...`). Each operation names the permission that its holder needs."))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    pages::name_after_items(&mut document);
    bodies::complete(&mut document);
    bounded::bound_numbers(&mut document);
    problems::add(&mut document);
    examples::add(&mut document);
    headers::add(&mut document);
    document
}

/// The document as it is committed and served: the same text for the same routes.
///
/// # Errors
/// None that can happen: everything in a document can be written.
pub fn text(document: &OpenApi) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}

/// Mounts `GET /openapi.json` and the page that shows it.
pub(super) fn mount(config: &mut ServiceConfig, document: &OpenApi) {
    let text = text(document).unwrap_or_default();
    config
        .app_data(Data::new(Document(Bytes::from(text))))
        .service(resource("/openapi.json", "GET, HEAD").route(get().to(show)));
    viewer::mount(config);
}

/// This document
///
/// The OpenAPI 3.1 description of this listener, the same that `botberi openapi` prints.
#[utoipa::path(
    get, path = "/openapi.json", tag = operators::TAG, operation_id = "getOpenApi", security(()),
    responses((status = 200, description = "The document.", body = Object, example = json!({"openapi": "3.1.0"})))
)]
async fn show(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document.0.clone())
}

/// The scopes that a requirement asks of the holder of a token; `None` when it asks for no token.
fn scopes(requirement: &SecurityRequirement) -> Option<Vec<String>> {
    let value = serde_json::to_value(requirement).ok()?;
    serde_json::from_value(value.get(BEARER)?.clone()).ok()
}

/// Whether an operation looks at this header of a request.
fn takes_header(operation: &Operation, name: &str) -> bool {
    let is_it = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Header && parameter.name == name,
        RefOr::Ref(_) => false,
    };
    operation.parameters.iter().flatten().any(is_it)
}

/// What stands here itself, if it does not point elsewhere.
const fn inline<T>(place: &RefOr<T>) -> Option<&T> {
    match place {
        RefOr::T(inline) => Some(inline),
        RefOr::Ref(_) => None,
    }
}

/// The name of the component that a schema points to.
fn component(schema: &RefOr<Schema>) -> Option<String> {
    match schema {
        RefOr::Ref(reference) => reference.ref_location.rsplit('/').next().map(str::to_owned),
        RefOr::T(_) => None,
    }
}

/// Every operation, with its path and the name of its method.
fn operations(document: &mut OpenApi) -> impl Iterator<Item = (&str, &'static str, &mut Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        methods(item)
            .into_iter()
            .filter_map(|(method, operation)| Some((path.as_str(), method, operation.as_mut()?)))
    })
}

fn methods(item: &mut PathItem) -> [(&'static str, &mut Option<Operation>); 5] {
    [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ]
}
