//! How far publishing is.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;

use crate::actors::replayer::{FindOutbox, Outbox, Replayer};
use crate::actors::system::Handle;
use crate::http::identity::CurrentAdmin;
use crate::http::problem::Problem;
use crate::models::ReplicaId;

/// The outbox and its publisher.
#[derive(Serialize)]
struct OutboxView {
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

/// `GET /outbox`
pub(super) async fn show(
    _admin: CurrentAdmin,
    replayer: Data<Handle<Replayer>>,
) -> Result<HttpResponse, Problem> {
    let outbox = replayer.ask(FindOutbox).await?;
    Ok(HttpResponse::Ok().json(OutboxView::from(outbox)))
}
