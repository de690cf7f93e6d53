//! Which web pages may call the API from a browser (CORS).
//!
//! Callers bring a token, never a cookie, so no answer allows credentials. A page that is not allowed gets the same answer
//! as everybody, without the headers by which its browser would show it the answer.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

use crate::models::WebOrigins;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, x-request-id, traceparent, \
     tracestate",
);

/// What a page may read of an answer beside the few headers that every page may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, location, x-request-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, \
     idempotency-replayed",
);

/// How long a browser remembers the answer to a preflight. Longer outlives a change of the list, shorter asks before
/// almost every request.
const REMEMBERED_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// The origin of the page that asks, if it is an allowed one.
pub(super) fn allowed(origins: &WebOrigins, headers: &HeaderMap) -> Option<HeaderValue> {
    if origins.is_empty() {
        return None;
    }
    headers.get(header::ORIGIN).filter(|origin| origins.admit(origin.as_bytes())).cloned()
}

/// The answer to a browser that asks what the page `origin` may send, if that is what is asked.
pub(super) fn preflight(method: &Method, headers: &HeaderMap, origin: &HeaderValue) -> Option<HttpResponse> {
    if method != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let answer = HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, REMEMBERED_SECONDS))
        .finish();
    Some(answer)
}

/// Shows the answer to the page `origin`.
pub(super) fn show(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
