//! How far publishing is.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::replayer::{FindOutbox, Outbox, Replayer};
use crate::actors::system::Handle;
use crate::http::identity::{Caller, needs};
use crate::http::problem::Problem;
use crate::models::ReplicaId;

/// The outbox and its publisher.
#[derive(Serialize, ToSchema)]
#[schema(as = Outbox, example = json!({
    "pending": 3, "unplaced": 0, "unpublished": 3, "oldest_age_ms": 12, "published_total": 48210,
    "leader": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11", "leader_silence_ms": 140, "epoch": 4, "first_position": 1201,
    "last_position": 48213
}))]
pub(super) struct OutboxView {
    /// Events that are committed and not confirmed by RabbitMQ.
    pending: i64,
    /// Those of them without a position: they wait for a leader.
    unplaced: i64,
    /// Those of them with a position: they wait for RabbitMQ.
    unpublished: i64,
    /// How long the oldest of them has waited.
    oldest_age_ms: i64,
    /// Events that were ever confirmed.
    published_total: i64,
    /// The replica that publishes, if one does.
    leader: Option<ReplicaId>,
    /// How long ago a leader last beat.
    leader_silence_ms: Option<i64>,
    /// How many leaders there were.
    epoch: i64,
    /// The oldest position that can be replayed or resumed from.
    first_position: Option<i64>,
    /// The last position that was given.
    last_position: i64,
}

impl From<Outbox> for OutboxView {
    fn from(outbox: Outbox) -> Self {
        Self {
            pending: outbox.pending,
            unplaced: outbox.unplaced,
            unpublished: outbox.unpublished,
            oldest_age_ms: outbox.oldest_age_ms,
            published_total: outbox.published_total,
            leader: outbox.leader,
            leader_silence_ms: outbox.leader_silence_ms,
            epoch: outbox.epoch,
            first_position: outbox.first_position,
            last_position: outbox.last_position,
        }
    }
}

/// Show the outbox
///
/// How far publishing is: what waits, since when, and who publishes. `pending` is `unplaced` (committed, waits for a leader)
/// and `unpublished` (has a position, waits for RabbitMQ). `leader` is null when no replica has said lately that it leads.
#[utoipa::path(
    get, path = "/api/v1/outbox", tag = "Events", operation_id = "getOutbox", security(("bearer" = ["outbox:read"])),
    responses((status = 200, description = "How far publishing is.", body = OutboxView))
)]
pub(super) async fn show(
    _admin: Caller<needs::OutboxRead>,
    replayer: Data<Handle<Replayer>>,
) -> Result<HttpResponse, Problem> {
    let outbox = replayer.ask(FindOutbox).await?;
    Ok(HttpResponse::Ok().json(OutboxView::from(outbox)))
}
