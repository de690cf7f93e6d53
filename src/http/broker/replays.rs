//! Windows of the event log that are published once more.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::actors::replayer::{CancelReplay, FindReplay, Replayer, StartReplay};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::extract::{Body, Id, PathKey};
use crate::http::fields::{Fault, Fields, ReadFields, parsed};
use crate::http::identity::{Caller, needs};
use crate::http::problem::Problem;
use crate::models::document::whole;
use crate::models::{ErrorCode, KeyPattern, Origin, Replay, ReplayId, ReplayStatus, UserId};

impl PathKey for ReplayId {
    const MISSING: ErrorCode = ErrorCode::ReplayNotFound;
}

/// A replay and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Replay, example = json!({
    "replay_id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11", "from_position": 1201, "to_position": 1800,
    "routing_key": "instance.*", "events": 600, "status": "running", "position": 1456, "events_sent": 251,
    "last_error": null, "requested_by": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c12", "created_at": "2026-11-20T10:00:00Z",
    "finished_at": null
}))]
pub(super) struct ReplayView {
    replay_id: ReplayId,
    from_position: i64,
    to_position: i64,
    /// The key or pattern; null for all events.
    routing_key: Option<String>,
    /// How many events the window has; with a key, how many are looked through.
    events: i64,
    /// `waiting` for a replica, `running`, `done` or `cancelled`.
    status: ReplayStatus,
    /// Up to here all is confirmed.
    position: i64,
    /// How many events RabbitMQ has confirmed; after a fault some of them were sent twice.
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
#[derive(ToSchema)]
#[schema(as = NewReplay, example = json!({"from_position": 1201, "to_position": 1800, "routing_key": "instance.*"}))]
pub(super) struct Window {
    /// The first position of it.
    #[schema(minimum = 1)]
    from_position: i64,
    /// The last position of it; without it, the last one that is published by now.
    #[schema(minimum = 1)]
    to_position: Option<i64>,
    /// A routing key, or a pattern: `*` is one word, `#` any number of them.
    #[schema(value_type = Option<String>, max_length = 255, pattern = r"^([a-z0-9_]+|\*|#)(\.([a-z0-9_]+|\*|#)){0,15}$")]
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
    whole(&value).filter(|position| *position > 0).ok_or_else(|| "must be a position: 1 or more".to_owned())
}

/// Replay events
///
/// Publishes the events of a window of the log to `events.topic` once more: the same message ids, positions, bodies and headers,
/// in the order of their positions, with the headers `x-replayed: true` and `x-replay-id`. A broker replica does so beside
/// live events, at `replayer.events_per_second_max`; the order between the two is not promised. There is one replay at a
/// time; the 409 names it in `replay_id`, so that nobody who missed the 202 loses theirs. It goes on after a restart and through
/// outages; follow it at `Location`.
#[utoipa::path(
    post, path = "/api/v1/events/replay", tag = "Events", operation_id = "replayEvents",
    security(("bearer" = ["event:replay"])),
    request_body = Window,
    responses((
        status = 202, description = "The replay, which begins in a moment.", body = ReplayView,
        headers(("Location" = String, description = "Its path."))
    )),
    extensions(("x-problems" = json!(["replay_under_way", "positions_out_of_range"])))
)]
pub(super) async fn start(
    admin: Caller<needs::EventReplay>,
    origin: Origin,
    replayer: Data<Handle<Replayer>>,
    Body(window): Body<Window>,
) -> Result<HttpResponse, Problem> {
    let Window { from_position, to_position, routing_key } = window;
    let wish = StartReplay { from_position, to_position, routing_key, by: admin.0.user_id, origin };

    let replay = replayer.ask(wish).await?;

    let location = format!("{PREFIX}/events/replays/{}", replay.id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(ReplayView::from(replay)))
}

/// Show a replay
///
/// How far it is, at whatever replica you ask.
#[utoipa::path(
    get, path = "/api/v1/events/replays/{id}", tag = "Events", operation_id = "getReplay",
    security(("bearer" = ["event:replay"])),
    params(("id" = ReplayId, Path, description = "Which replay.", example = "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11")),
    responses((status = 200, description = "The replay.", body = ReplayView)),
    extensions(("x-problems" = json!(["replay_not_found"])))
)]
pub(super) async fn show(
    _admin: Caller<needs::EventReplay>,
    replayer: Data<Handle<Replayer>>,
    Id(id): Id<ReplayId>,
) -> Result<HttpResponse, Problem> {
    let replay = replayer.ask(FindReplay { id }).await?;
    Ok(HttpResponse::Ok().json(ReplayView::from(replay)))
}

/// Cancel a replay
///
/// What is on its way is still published. To cancel one that is over changes nothing.
#[utoipa::path(
    post, path = "/api/v1/events/replays/{id}/cancel", tag = "Events", operation_id = "cancelReplay",
    security(("bearer" = ["event:replay"])),
    params(("id" = ReplayId, Path, description = "Which replay.", example = "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11")),
    responses((status = 200, description = "The replay as it ended.", body = ReplayView)),
    extensions(("x-problems" = json!(["replay_not_found"])))
)]
pub(super) async fn cancel(
    _admin: Caller<needs::EventReplay>,
    origin: Origin,
    replayer: Data<Handle<Replayer>>,
    Id(id): Id<ReplayId>,
) -> Result<HttpResponse, Problem> {
    let replay = replayer.ask(CancelReplay { id, origin }).await?;
    Ok(HttpResponse::Ok().json(ReplayView::from(replay)))
}
