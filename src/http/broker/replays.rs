//! Windows of the event log that are published once more.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::actors::replayer::{CancelReplay, FindReplay, Replayer, StartReplay};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::extract::{Body, Id, PathKey};
use crate::http::fields::{Fault, Fields, ReadFields, parsed};
use crate::http::identity::CurrentAdmin;
use crate::http::problem::Problem;
use crate::models::{ErrorCode, KeyPattern, Replay, ReplayId, ReplayStatus, UserId};

impl PathKey for ReplayId {
    const MISSING: ErrorCode = ErrorCode::ReplayNotFound;
}

/// A replay and how far it is.
#[derive(Serialize)]
struct ReplayView {
    replay_id: ReplayId,
    from_position: i64,
    to_position: i64,
    /// The key or pattern; null for all events.
    routing_key: Option<String>,
    /// How many events the window has; with a key, how many are looked through.
    events: i64,
    status: ReplayStatus,
    /// Up to here all is confirmed.
    position: i64,
    events_sent: i64,
    /// Why it does not get on at present.
    last_error: Option<String>,
    requested_by: UserId,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            replay_id: replay.id,
            from_position: replay.from_position,
            to_position: replay.to_position,
            routing_key: replay.routing_key.map(|pattern| pattern.to_string()),
            events: replay.to_position - replay.from_position + 1,
            status: replay.status,
            position: replay.position,
            events_sent: replay.events_sent,
            last_error: replay.last_error,
            requested_by: replay.requested_by,
            created_at: replay.created_at,
            finished_at: replay.finished_at,
        }
    }
}

/// Which events are to be published once more.
pub(super) struct Window {
    from_position: i64,
    to_position: Option<i64>,
    routing_key: Option<KeyPattern>,
}

impl ReadFields for Window {
    fn read(fields: &mut Fields) -> Option<Self> {
        let from_position = fields.required("from_position", position);
        let to_position = fields.nullable("to_position", |value| {
            let to = position(value)?;
            match from_position {
                Some(from) if to < from => Err("must not be before from_position".to_owned()),
                _ => Ok(to),
            }
        });
        let routing_key = fields.nullable("routing_key", |value| {
            parsed(value, "a routing key, or a pattern such as `instance.*`: `*` is one word, `#` any number")
        });
        Some(Self { from_position: from_position?, to_position: to_position?, routing_key: routing_key? })
    }
}

fn position(value: Value) -> Result<i64, Fault> {
    value.as_i64().filter(|position| *position > 0).ok_or_else(|| "must be a position: 1 or more".to_owned())
}

/// `POST /events/replay`
pub(super) async fn start(
    admin: CurrentAdmin,
    replayer: Data<Handle<Replayer>>,
    Body(window): Body<Window>,
) -> Result<HttpResponse, Problem> {
    let Window { from_position, to_position, routing_key } = window;
    let wish = StartReplay { from_position, to_position, routing_key, by: admin.0.user_id };

    let replay = replayer.ask(wish).await?;

    let location = format!("{PREFIX}/events/replays/{}", replay.id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(ReplayView::from(replay)))
}

/// `GET /events/replays/{id}`
pub(super) async fn show(
    _admin: CurrentAdmin,
    replayer: Data<Handle<Replayer>>,
    Id(id): Id<ReplayId>,
) -> Result<HttpResponse, Problem> {
    let replay = replayer.ask(FindReplay { id }).await?;
    Ok(HttpResponse::Ok().json(ReplayView::from(replay)))
}

/// `DELETE /events/replays/{id}`
pub(super) async fn cancel(
    _admin: CurrentAdmin,
    replayer: Data<Handle<Replayer>>,
    Id(id): Id<ReplayId>,
) -> Result<HttpResponse, Problem> {
    let replay = replayer.ask(CancelReplay { id }).await?;
    Ok(HttpResponse::Ok().json(ReplayView::from(replay)))
}
