//! Messages that could not be digested: looked at, sent again, put away.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::actors::dead_letter_registry::{
    DeadLetterRegistry, DiscardDeadLetter, FindDeadLetter, ListDeadLetters, RedriveDeadLetter,
    RedriveDeadLetters,
};
use crate::actors::system::Handle;
use crate::http::PREFIX;
use crate::http::conditional::{EntityTag, IfNoneMatch};
use crate::http::extract::{Body, Id, Parameters, PathKey};
use crate::http::fields::{Fault, Fields, ReadFields, parsed, text};
use crate::http::identity::{Caller, needs};
use crate::http::paging::Paging;
use crate::http::problem::Problem;
use crate::models::{
    DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterOutcome, DeadLetterState, DeadLetterStep, Document,
    ErrorCode, HistoryStep, OpenedLetter, Origin, Page, UserId,
};

/// AMQP has no longer names.
const NAME_BYTES_MAX: usize = 255;

impl PathKey for DeadLetterId {
    const MISSING: ErrorCode = ErrorCode::DeadLetterNotFound;
}

/// A dead letter, without what is in it.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter, example = json!({
    "id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c31", "queue": "agents_worker.instance",
    "message_id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c30", "routing_key": "instance.updated",
    "reason": "delivered 21 times without an acknowledgement: limit 20", "state": "open", "outcome": null,
    "deaths": 1, "redrives": 0, "is_redrivable": true, "obstacle": null, "body_bytes": 512, "last_error": null,
    "wished_at": null, "wished_by": null, "created_at": "2026-11-20T10:00:00Z", "died_at": "2026-11-20T10:00:00Z",
    "handled_at": null
}))]
pub(super) struct DeadLetterView {
    id: DeadLetterId,
    /// The queue that it died in, and would go back to.
    queue: String,
    /// The message's id; for a message without one, a digest of its body.
    message_id: String,
    /// What it was published as.
    routing_key: String,
    /// Why it was given up, the last time.
    reason: String,
    state: DeadLetterState,
    outcome: Option<DeadLetterOutcome>,
    /// How often it has died.
    deaths: i32,
    /// How often it was sent again.
    redrives: i32,
    is_redrivable: bool,
    /// Why it is not redrivable.
    obstacle: Option<String>,
    body_bytes: i64,
    /// Why it could not be sent again, the last time; or what it waits for.
    last_error: Option<String>,
    /// When it was wished that it be sent again, as long as it was not.
    wished_at: Option<Timestamp>,
    wished_by: Option<UserId>,
    created_at: Timestamp,
    /// When it last died. From then on its life is counted.
    died_at: Timestamp,
    handled_at: Option<Timestamp>,
}

impl From<DeadLetter> for DeadLetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            state: letter.state(),
            queue: letter.queue,
            message_id: letter.message_id,
            routing_key: letter.routing_key,
            reason: letter.reason,
            outcome: letter.outcome,
            deaths: letter.deaths,
            redrives: letter.redrives,
            is_redrivable: letter.obstacle.is_none(),
            obstacle: letter.obstacle,
            body_bytes: letter.body_bytes,
            last_error: letter.last_error,
            wished_at: letter.wished_at,
            wished_by: letter.wished_by,
            created_at: letter.created_at,
            died_at: letter.died_at,
            handled_at: letter.handled_at,
        }
    }
}

/// A dead letter with all that is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenedLetter, example = json!({
    "id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c31", "queue": "agents_worker.instance",
    "message_id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c30", "routing_key": "instance.updated",
    "reason": "the body is not an event: expected value at line 1 column 1", "state": "open", "outcome": null,
    "deaths": 1, "redrives": 0, "is_redrivable": true, "obstacle": null, "body_bytes": 3, "last_error": null,
    "wished_at": null, "wished_by": null, "created_at": "2026-11-20T10:00:00Z", "died_at": "2026-11-20T10:00:00Z",
    "handled_at": null, "headers": {"position": 41}, "body": null, "body_base64": "Pz8/",
    "history": [{"at": "2026-11-20T10:00:00Z", "step": "died", "reason": "the body is not an event: expected value at line 1 column 1",
        "by": null, "request_id": null}]
}))]
pub(super) struct OpenedLetterView {
    #[serde(flatten)]
    letter: DeadLetterView,
    /// The message's headers; `x-death` is RabbitMQ's own note of its deaths.
    #[schema(value_type = Object)]
    headers: Value,
    /// The body, if it is JSON.
    #[schema(value_type = Option<Value>)]
    body: Option<Document>,
    /// The body, if it is not JSON; of one with more than 1 MiB the beginning.
    body_base64: Option<String>,
    /// What happened to it, the oldest first: its first death, and the last 49 steps.
    history: Vec<StepView>,
}

/// One thing that happened to a dead letter.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterHistoryStep)]
struct StepView {
    at: Timestamp,
    step: DeadLetterStep,
    reason: Option<String>,
    /// The administrator whose doing it was.
    by: Option<UserId>,
    request_id: Option<String>,
}

impl From<HistoryStep> for StepView {
    fn from(step: HistoryStep) -> Self {
        let HistoryStep { at, step, reason, by, request_id } = step;
        Self { at, step, reason, by, request_id }
    }
}

impl From<OpenedLetter> for OpenedLetterView {
    fn from(opened: OpenedLetter) -> Self {
        let json: Option<Document> = serde_json::from_slice(&opened.body).ok();
        Self {
            letter: DeadLetterView::from(opened.letter),
            headers: opened.headers,
            body_base64: json.is_none().then(|| STANDARD.encode(&opened.body)),
            body: json,
            history: opened.history.into_iter().map(StepView::from).collect(),
        }
    }
}

/// Which dead letters a list shows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Selection {
    #[param(ignore)]
    paging: Paging,
    /// Only those that died in this queue.
    #[param(nullable = false, max_length = 255)]
    queue: Option<String>,
    /// Only those that were published as exactly this.
    #[param(nullable = false, max_length = 255)]
    routing_key: Option<String>,
    /// Only those in this state.
    #[param(nullable = false)]
    state: Option<DeadLetterState>,
}

impl ReadFields for Selection {
    fn read(fields: &mut Fields) -> Option<Self> {
        let paging = Paging::take(fields, |cursor| cursor.uuid().is_ok());
        let queue = fields.optional("queue", name);
        let routing_key = fields.optional("routing_key", name);
        let state = fields.optional("state", |value| parsed(value, "open, replaying or handled"));
        Some(Self { paging: paging?, queue: queue?, routing_key: routing_key?, state: state? })
    }
}

/// Which dead letters are to be sent again; without either, all of them.
#[derive(ToSchema)]
#[schema(as = RedriveWish, example = json!({"queue": "agents_worker.instance", "routing_key": "instance.updated"}))]
pub(super) struct Wish {
    /// Only those that died in this queue.
    #[schema(max_length = 255)]
    queue: Option<String>,
    /// Only those that were published as exactly this.
    #[schema(max_length = 255)]
    routing_key: Option<String>,
}

impl ReadFields for Wish {
    fn read(fields: &mut Fields) -> Option<Self> {
        let queue = fields.nullable("queue", name);
        let routing_key = fields.nullable("routing_key", name);
        Some(Self { queue: queue?, routing_key: routing_key? })
    }
}

/// Postgres keeps no NUL, so nothing that is kept has one.
fn name(value: Value) -> Result<String, Fault> {
    let name = text(value)?;
    if name.len() > NAME_BYTES_MAX || name.contains('\0') {
        return Err(format!("must have at most {NAME_BYTES_MAX} bytes, none of them zero"));
    }
    Ok(name)
}

/// How many letters are to be sent again.
#[derive(Serialize, ToSchema)]
#[schema(as = Redriven, example = json!({"letters": 1000, "may_be_more": true}))]
pub(super) struct WishedView {
    letters: u64,
    /// It was as many as one request can have sent: ask again for the others.
    may_be_more: bool,
}

/// List dead letters
///
/// The newest first, in the order in which they died the first time; without bodies and headers.
#[utoipa::path(
    get, path = "/api/v1/dead-letters", tag = "Dead letters", operation_id = "listDeadLetters",
    security(("bearer" = ["dead_letter:read"])),
    params(Paging, Selection),
    responses((status = 200, description = "A page of dead letters.", body = Page<DeadLetterView>)),
)]
pub(super) async fn list(
    _admin: Caller<needs::DeadLetterRead>,
    registry: Data<Handle<DeadLetterRegistry>>,
    Parameters(selection): Parameters<Selection>,
) -> Result<HttpResponse, Problem> {
    let Selection { paging, queue, routing_key, state } = selection;
    let before = paging.cursor.and_then(|cursor| cursor.uuid().ok()).map(DeadLetterId);
    let filter = DeadLetterFilter { queue, routing_key };
    let question = ListDeadLetters { filter, state, before, limit: paging.limit };

    let page = registry.ask(question).await?;

    Ok(HttpResponse::Ok().json(page.map(DeadLetterView::from)))
}

/// Show a dead letter
///
/// With headers, body and history.
#[utoipa::path(
    get, path = "/api/v1/dead-letters/{id}", tag = "Dead letters", operation_id = "getDeadLetter",
    security(("bearer" = ["dead_letter:read"])),
    params(
        ("id" = DeadLetterId, Path, description = "Which letter.", example = "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c31"),
        IfNoneMatch
    ),
    responses((status = 200, description = "The letter.", body = OpenedLetterView)),
    extensions(("x-problems" = json!(["dead_letter_not_found"])))
)]
pub(super) async fn show(
    _admin: Caller<needs::DeadLetterRead>,
    registry: Data<Handle<DeadLetterRegistry>>,
    Id(id): Id<DeadLetterId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let opened = registry.ask(FindDeadLetter { id }).await?;

    // It has no revision. Headers and body stay as they are.
    let tag = EntityTag::of_parts([format!("{:?} {:?}", opened.letter, opened.history)]);
    Ok(known.answer(&tag, || HttpResponse::Ok().json(OpenedLetterView::from(opened))))
}

/// Send a dead letter again
///
/// To the queue that it died in and to no other, with its properties, headers and body, and the header `x-redriven`: how often it
/// was sent again. The wish is kept through restarts and outages; a broker replica carries it out at once, or when RabbitMQ is
/// there. If the queue is gone or does not take it, the letter is open again, with `last_error`; if it dies again, with the new
/// reason. A consumer may see it twice.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/{id}/replay", tag = "Dead letters", operation_id = "replayDeadLetter",
    security(("bearer" = ["dead_letter:manage"])),
    params(("id" = DeadLetterId, Path, description = "Which letter.", example = "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c31")),
    responses((
        status = 202, description = "The letter as it is now.", body = DeadLetterView,
        headers(("Location" = String, description = "Its path."))
    )),
    extensions(("x-problems" = json!([
        "dead_letter_not_found", "dead_letter_under_way", "dead_letter_handled", "dead_letter_not_redrivable"
    ])))
)]
pub(super) async fn replay(
    admin: Caller<needs::DeadLetterManage>,
    origin: Origin,
    registry: Data<Handle<DeadLetterRegistry>>,
    Id(id): Id<DeadLetterId>,
) -> Result<HttpResponse, Problem> {
    let letter = registry.ask(RedriveDeadLetter { id, by: admin.0.user_id, origin }).await?;

    let location = format!("{PREFIX}/dead-letters/{id}");
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(DeadLetterView::from(letter)))
}

/// Send many dead letters again
///
/// All that are open and redrivable, or those of a queue or routing key: up to 1,000, those that died first. Each is then as if
/// it had been asked for by itself.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/replay", tag = "Dead letters", operation_id = "replayDeadLetters",
    security(("bearer" = ["dead_letter:manage"])),
    request_body = Wish,
    responses((status = 202, description = "How many they are.", body = WishedView)),
)]
pub(super) async fn replay_many(
    admin: Caller<needs::DeadLetterManage>,
    origin: Origin,
    registry: Data<Handle<DeadLetterRegistry>>,
    Body(wish): Body<Wish>,
) -> Result<HttpResponse, Problem> {
    let filter = DeadLetterFilter { queue: wish.queue, routing_key: wish.routing_key };

    let wished = registry.ask(RedriveDeadLetters { filter, by: admin.0.user_id, origin }).await?;

    let view = WishedView { letters: wished.letters, may_be_more: wished.may_be_more };
    Ok(HttpResponse::Accepted().json(view))
}

/// Put a dead letter away
///
/// It is handled then, with the outcome `discarded`, and goes in a day. A wish that it be sent again is taken back, unless it is
/// being sent at this moment. To put one away that is handled changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/dead-letters/{id}", tag = "Dead letters", operation_id = "discardDeadLetter",
    security(("bearer" = ["dead_letter:manage"])),
    params(("id" = DeadLetterId, Path, description = "Which letter.", example = "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c31")),
    responses((status = 204, description = "It is handled.")),
    extensions(("x-problems" = json!(["dead_letter_not_found", "dead_letter_under_way"])))
)]
pub(super) async fn discard(
    admin: Caller<needs::DeadLetterManage>,
    origin: Origin,
    registry: Data<Handle<DeadLetterRegistry>>,
    Id(id): Id<DeadLetterId>,
) -> Result<HttpResponse, Problem> {
    registry.ask(DiscardDeadLetter { id, by: admin.0.user_id, origin }).await?;

    Ok(HttpResponse::NoContent().finish())
}
