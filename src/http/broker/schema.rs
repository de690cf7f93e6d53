//! What the bus and the sockets carry.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data, ServiceConfig};

use crate::http::asyncapi;

/// The document as it is sent.
pub(super) struct Described(Bytes);

/// Gives the route its document.
pub(super) fn keep(config: &mut ServiceConfig) {
    let text = asyncapi::document().and_then(|document| asyncapi::text(&document)).unwrap_or_default();
    config.app_data(Data::new(Described(Bytes::from(text))));
}

/// Describe the events
///
/// The AsyncAPI 3.0 description of everything that is told on RabbitMQ and on WebSockets, the same that `botberi asyncapi`
/// prints. It is for everybody, as this document is: there is nothing in it that is not in the source.
#[utoipa::path(
    get, path = "/api/v1/events/schema", tag = "Events", operation_id = "getAsyncApi", security(()),
    responses((status = 200, description = "The document.", body = Object, example = json!({"asyncapi": "3.0.0"})))
)]
pub(super) async fn show(described: Data<Described>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(described.0.clone())
}
