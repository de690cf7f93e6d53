//! The OpenAPI document of the broker's API.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::{outbox, replays, schema};
use crate::http::document::complete;

/// Every route of this listener that is not the operators'.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(outbox::show, replays::start, replays::show, replays::cancel, schema::show),
    tags((name = "Events", description = "Events on their way from the outbox to RabbitMQ, and those that are sent again."))
)]
struct Routes;

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let about = "For administrators: how far events have been published, and windows of the event log that are published once more. \
                 Sign in at the admin API; its access token is good here, too.";
    complete("Botberi broker API", about, Routes::openapi())
}
