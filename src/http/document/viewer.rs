//! `/docs`: the document as a page to read and to try out. All of it comes from the program itself.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Path, ServiceConfig};
use utoipa_swagger_ui::{Config, serve};

use super::operators;
use crate::http::ops::{get, resource};
use crate::http::problem::Problem;
use crate::models::ErrorCode;

/// What the page may do: run what comes from here, and ask this listener. An access token is typed into it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("viewer.html");
const START: &str = include_str!("viewer.js");

/// Mounts the page and its files.
pub(super) fn mount(config: &mut ServiceConfig) {
    config
        .service(resource("/docs", "GET, HEAD").route(get().to(page)))
        .service(resource("/docs/{file:.*}", "GET, HEAD").route(get().to(file)));
}

/// This document as a page
///
/// Swagger UI: read the operations, sign in with "Authorize", and try them out.
#[utoipa::path(
    get, path = "/docs", tag = operators::TAG, operation_id = "getDocs", security(()),
    responses((
        status = 200, description = "The page.", body = String, content_type = "text/html", example = json!("<!doctype html>")
    ))
)]
pub(super) async fn page() -> HttpResponse {
    answer("text/html; charset=utf-8", None, Cow::Borrowed(PAGE.as_bytes()))
}

/// A file that the page asks for. They are packed in the program, and every browser unpacks them.
async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    match name.as_str() {
        "" => return Ok(page().await),
        "start.js" => {
            return Ok(answer("text/javascript; charset=utf-8", None, Cow::Borrowed(START.as_bytes())));
        }
        _ => {}
    }
    let found = serve(&name, Arc::new(Config::default())).ok().flatten();
    let file = found.ok_or(Problem::new(ErrorCode::NotFound))?;
    let encoding = file.gzpipped.then_some("gzip");
    Ok(answer(&file.content_type, encoding, file.bytes))
}

fn answer(content_type: &str, encoding: Option<&'static str>, bytes: Cow<'static, [u8]>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "max-age=3600"));
    if let Some(encoding) = encoding {
        response.insert_header((CONTENT_ENCODING, encoding));
    }
    match bytes {
        Cow::Borrowed(bytes) => response.body(bytes),
        Cow::Owned(bytes) => response.body(bytes),
    }
}
