//! What no consumer could digest, in `shared_psql`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::dead_letter::{DeadLetter, DeadLetterFilter, DeadLetterState, HistoryStep, OpenedLetter};
use crate::models::ids::{DeadLetterId, UserId};
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};

const KEEP: &str = include_str!("sql/dead_letters/keep.sql");
const LIST: &str = include_str!("sql/dead_letters/list.sql");
const FIND: &str = include_str!("sql/dead_letters/find.sql");
const FIND_SUMMARY: &str = include_str!("sql/dead_letters/find_summary.sql");
const WISH: &str = include_str!("sql/dead_letters/wish.sql");
const WISH_MANY: &str = include_str!("sql/dead_letters/wish_many.sql");
const DISCARD: &str = include_str!("sql/dead_letters/discard.sql");

/// A message that was given up.
#[derive(Clone, Debug)]
pub struct NewDeadLetter {
    /// The queue it came from.
    pub queue: String,
    /// Its message id; for a message without one, something that is the same whenever it comes again.
    pub message_id: String,
    /// The routing key it came with.
    pub routing_key: String,
    /// Why it was given up.
    pub reason: String,
    /// Its headers, a JSON object for people.
    pub headers: Value,
    /// Its properties and headers, for sending it again.
    pub envelope: Vec<u8>,
    /// Its body, whatever that is, or the beginning of it.
    pub body: Vec<u8>,
    /// How long the whole body is.
    pub body_bytes: i64,
    /// Why it cannot be sent again.
    pub obstacle: Option<String>,
    /// What tells this death of the message from another one.
    pub death: String,
    /// When it died; now, if that is not known.
    pub died_at: Option<Timestamp>,
}

/// Keeps a dead letter; tells whether that was news. One message of one queue has one row: told of the same death twice it
/// stays as it is, and another death opens it anew.
///
/// # Errors
/// Only those of the database itself.
pub async fn keep(db: &impl Session<SharedSide>, letter: &NewDeadLetter) -> Result<bool, StoreError> {
    let parameters: session::Parameters<'_> = &[
        &letter.queue,
        &letter.message_id,
        &letter.routing_key,
        &letter.reason,
        &letter.headers,
        &letter.envelope,
        &letter.body,
        &letter.body_bytes,
        &letter.obstacle,
        &letter.death,
        &letter.died_at,
    ];
    Ok(session::run(db, KEEP, parameters).await? > 0)
}

/// A page of them, the newest first. `before` is the id of the cursor.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(
    db: &impl Session<SharedSide>,
    filter: &DeadLetterFilter,
    state: Option<DeadLetterState>,
    before: Option<DeadLetterId>,
    limit: PageLimit,
) -> Result<Page<DeadLetter>, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&before, &filter.queue, &filter.routing_key, &state, &limit.rows()];
    let letters = session::decode_all(&session::rows(db, LIST, parameters).await?)?;
    Ok(Page::cut(letters, limit, |letter: &DeadLetter| Cursor::Uuid(letter.id.as_uuid())))
}

/// The one of that id, with all that is in it.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(
    db: &impl Session<SharedSide>,
    id: DeadLetterId,
) -> Result<Option<OpenedLetter>, StoreError> {
    session::optional(db, FIND, &[&id]).await?.as_ref().map(OpenedLetter::try_from).transpose()
}

/// The one of that id, from outside.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_summary(
    db: &impl Session<SharedSide>,
    id: DeadLetterId,
) -> Result<Option<DeadLetter>, StoreError> {
    session::optional(db, FIND_SUMMARY, &[&id]).await?.as_ref().map(DeadLetter::try_from).transpose()
}

/// Wishes that it be sent again. `false` when it cannot be, is to be already, or is being sent at this moment.
///
/// # Errors
/// Only those of the database itself.
pub async fn wish(
    db: &impl Session<SharedSide>,
    id: DeadLetterId,
    by: UserId,
    origin: &Origin,
) -> Result<bool, StoreError> {
    Ok(session::run(db, WISH, &[&id, &by, &origin.request_id, &acting(origin)]).await? > 0)
}

/// Wishes that up to `limit` of those that can be are sent again, the oldest first; gives how many they are.
///
/// # Errors
/// Only those of the database itself.
pub async fn wish_many(
    db: &impl Session<SharedSide>,
    filter: &DeadLetterFilter,
    limit: i64,
    by: UserId,
    origin: &Origin,
) -> Result<u64, StoreError> {
    let parameters: session::Parameters<'_> =
        &[&filter.queue, &filter.routing_key, &limit, &by, &origin.request_id, &acting(origin)];
    let letters: i64 = session::one(db, WISH_MANY, parameters).await?.try_get("letters")?;
    Ok(letters.unsigned_abs())
}

/// Puts it away. `false` when it is handled already, or being sent at this moment.
///
/// # Errors
/// Only those of the database itself.
pub async fn discard(
    db: &impl Session<SharedSide>,
    id: DeadLetterId,
    by: UserId,
    origin: &Origin,
) -> Result<bool, StoreError> {
    Ok(session::run(db, DISCARD, &[&id, &by, &origin.request_id, &acting(origin)]).await? > 0)
}

impl TryFrom<&Row> for DeadLetter {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            queue: row.try_get("queue")?,
            message_id: row.try_get("event_id")?,
            routing_key: row.try_get("routing_key")?,
            reason: row.try_get("reason")?,
            body_bytes: row.try_get("body_bytes")?,
            obstacle: row.try_get("obstacle")?,
            deaths: row.try_get("deaths")?,
            redrives: row.try_get("redrives")?,
            wished_at: row.try_get("wished_at")?,
            wished_by: row.try_get("wished_by")?,
            outcome: row.try_get("outcome")?,
            last_error: row.try_get("last_error")?,
            created_at: row.try_get("created_at")?,
            died_at: row.try_get("died_at")?,
            handled_at: row.try_get("handled_at")?,
        })
    }
}

impl TryFrom<&Row> for OpenedLetter {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let history: Value = row.try_get("history")?;
        let history = Vec::<HistoryStep>::deserialize(history)
            .map_err(|error| StoreError::Shape(format!("dead_letters.history: {error}")))?;
        Ok(Self {
            letter: DeadLetter::try_from(row)?,
            headers: row.try_get("headers")?,
            body: row.try_get("body")?,
            history,
        })
    }
}
