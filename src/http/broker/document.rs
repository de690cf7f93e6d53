//! The OpenAPI document of the broker's API.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use crate::http::document::complete;

/// Every route of this listener that is not the operators'.
#[derive(utoipa::OpenApi)]
struct Routes;

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let about = "How far events have been published. For administrators.";
    complete("Botberi broker API", about, Routes::openapi())
}
