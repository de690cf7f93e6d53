//! The headers of every answer, whoever made it.

use actix_web::http::header::{
    CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

/// What browsers are told about every answer. That a host is to be reached by TLS only is for the edge to say.
const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Kept by its reader only, and shown again only after asking whether it still holds.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");
/// Kept by nobody.
const KEEP_NOTHING: HeaderValue = HeaderValue::from_static("no-store");

/// Adds what an answer does not say itself. `varies` are the headers of a request that its answer depends on.
pub(super) fn complete(headers: &mut HeaderMap, varies: HeaderValue) {
    for (name, value) in &ALWAYS {
        headers.insert(name.clone(), value.clone());
    }
    if !headers.contains_key(CACHE_CONTROL) {
        let caching = if headers.contains_key(ETAG) { ASK_AGAIN } else { KEEP_NOTHING };
        headers.insert(CACHE_CONTROL, caching);
    }
    headers.append(VARY, varies);
}
