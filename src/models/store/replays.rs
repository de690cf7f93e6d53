//! Windows of the event log that are published once more, in `shared_psql`. One is open at a time.

use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{ReplayId, ReplicaId, UserId};
use crate::models::origin::Origin;
use crate::models::replay::{NewReplay, Replay, ReplayStatus};

const INSERT: &str = include_str!("sql/event_replays/insert.sql");
const FIND: &str = include_str!("sql/event_replays/find.sql");
const FIND_OPEN: &str = include_str!("sql/event_replays/find_open.sql");
const CLAIM: &str = include_str!("sql/event_replays/claim.sql");
const ADVANCE: &str = include_str!("sql/event_replays/advance.sql");
const NOTE_ERROR: &str = include_str!("sql/event_replays/note_error.sql");
const FINISH: &str = include_str!("sql/event_replays/finish.sql");
const CANCEL: &str = include_str!("sql/event_replays/cancel.sql");
const RELEASE: &str = include_str!("sql/event_replays/release.sql");

/// Enters a wish; `None` when another one is still open.
///
/// # Errors
/// [`StoreError::Invalid`] for a window that ends before it begins.
pub async fn insert(
    db: &impl Session<SharedSide>,
    id: ReplayId,
    new: &NewReplay,
    by: UserId,
    origin: &Origin,
) -> Result<Option<Replay>, StoreError> {
    let pattern = new.routing_key.as_ref().map(ToString::to_string);
    let parameters: session::Parameters<'_> =
        &[&id, &new.from_position, &new.to_position, &pattern, &by, &acting(origin)];
    session::optional(db, INSERT, parameters).await?.as_ref().map(Replay::try_from).transpose()
}

/// The one of that id.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(db: &impl Session<SharedSide>, id: ReplayId) -> Result<Option<Replay>, StoreError> {
    session::optional(db, FIND, &[&id]).await?.as_ref().map(Replay::try_from).transpose()
}

/// The id of the open one, if there is one.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_open(db: &impl Session<SharedSide>) -> Result<Option<ReplayId>, StoreError> {
    Ok(session::optional(db, FIND_OPEN, &[]).await?.map(|row| row.try_get("id")).transpose()?)
}

/// Takes the open one for `lease_ms`, or takes it anew; `None` when none is open, or another replica has it.
///
/// # Errors
/// Only those of the database itself.
pub async fn claim(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    lease_ms: i64,
) -> Result<Option<Replay>, StoreError> {
    session::optional(db, CLAIM, &[&me, &lease_ms]).await?.as_ref().map(Replay::try_from).transpose()
}

/// Notes that all is confirmed up to `position`, `sent` events of it just now, and renews the lease. `false` when it is no
/// longer open, or no longer mine: whoever gets that must stop.
///
/// # Errors
/// Only those of the database itself.
pub async fn advance(
    db: &impl Session<SharedSide>,
    (id, me): (ReplayId, ReplicaId),
    position: i64,
    sent: i64,
    lease_ms: i64,
) -> Result<bool, StoreError> {
    Ok(session::run(db, ADVANCE, &[&id, &me, &position, &sent, &lease_ms]).await? > 0)
}

/// Notes why it does not get on.
///
/// # Errors
/// Only those of the database itself.
pub async fn note_error(
    db: &impl Session<SharedSide>,
    (id, me): (ReplayId, ReplicaId),
    error: &str,
) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, NOTE_ERROR, &[&id, &me, &error]).await?;
    Ok(())
}

/// Closes it: all was sent.
///
/// # Errors
/// Only those of the database itself.
pub async fn finish(
    db: &impl Session<SharedSide>,
    (id, me): (ReplayId, ReplicaId),
) -> Result<bool, StoreError> {
    Ok(session::run(db, FINISH, &[&id, &me]).await? > 0)
}

/// Closes it before its end; tells whether it was open.
///
/// # Errors
/// Only those of the database itself.
pub async fn cancel(
    db: &impl Session<SharedSide>,
    id: ReplayId,
    origin: &Origin,
) -> Result<bool, StoreError> {
    Ok(session::run(db, CANCEL, &[&id, &acting(origin)]).await? > 0)
}

/// Lets others go on at once with what `me` has under way.
///
/// # Errors
/// Only those of the database itself.
pub async fn release(db: &impl Session<SharedSide>, me: ReplicaId) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, RELEASE, &[&me]).await?;
    Ok(())
}

impl TryFrom<&Row> for Replay {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let pattern: Option<&str> = row.try_get("routing_key")?;
        let routing_key = pattern
            .map(str::parse)
            .transpose()
            .map_err(|error| StoreError::Shape(format!("event_replays.routing_key: {error}")))?;
        let outcome: Option<&str> = row.try_get("outcome")?;
        let status = match (outcome, row.try_get("is_running")?) {
            (Some("done"), _) => ReplayStatus::Done,
            (Some("cancelled"), _) => ReplayStatus::Cancelled,
            (Some(other), _) => return Err(StoreError::Shape(format!("event_replays.outcome: {other}"))),
            (None, true) => ReplayStatus::Running,
            (None, false) => ReplayStatus::Waiting,
        };
        Ok(Self {
            id: row.try_get("id")?,
            from_position: row.try_get("from_position")?,
            to_position: row.try_get("to_position")?,
            routing_key,
            requested_by: row.try_get("requested_by")?,
            status,
            position: row.try_get("position")?,
            events_sent: row.try_get("events_sent")?,
            last_error: row.try_get("last_error")?,
            created_at: row.try_get("created_at")?,
            finished_at: row.try_get("finished_at")?,
        })
    }
}
