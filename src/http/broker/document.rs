//! The OpenAPI document of the broker's API.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::schema;
use crate::http::document::complete;

/// Every route of this listener that is not the operators'.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(schema::show),
    tags((name = "Events", description = "Events on their way from the outbox to RabbitMQ."))
)]
struct Routes;

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let about = "How far events have been published. For administrators.";
    complete("Botberi broker API", about, Routes::openapi())
}
