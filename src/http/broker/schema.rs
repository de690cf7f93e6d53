//! What the bus and the sockets carry.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data, ServiceConfig};

use crate::http::asyncapi;
use crate::http::problem::Problem;
use crate::models::ErrorCode;

/// The document as it is sent.
pub(super) struct Described(Option<Bytes>);

/// Gives the route its document.
pub(super) fn keep(config: &mut ServiceConfig) {
    let text = asyncapi::document().and_then(|document| asyncapi::text(&document));
    if let Err(error) = &text {
        tracing::error!(%error, "the description of the events cannot be built");
    }
    config.app_data(Data::new(Described(text.ok().map(Bytes::from))));
}

/// Describe the events
///
/// The AsyncAPI 3.0 description of everything that is told on RabbitMQ and on WebSockets, the same that `botberi asyncapi`
/// prints. It is for everybody, as this document is: there is nothing in it that is not in the source.
#[utoipa::path(
    get, path = "/api/v1/events/schema", tag = "Events", operation_id = "getAsyncApi", security(()),
    responses((status = 200, description = "The document.", body = Object, example = json!({"asyncapi": "3.0.0"})))
)]
pub(super) async fn show(described: Data<Described>) -> Result<HttpResponse, Problem> {
    let document = described.0.clone().ok_or_else(|| Problem::new(ErrorCode::Internal))?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(document))
}
