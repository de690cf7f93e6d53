//! The event log as its one publisher sees it, in `shared_psql`: leadership, places, and the cursor of what is confirmed.
//!
//! The locks belong to a session, so everything that takes or gives one wants an [`OwnConnection`].

use jiff::Timestamp;

use super::error::StoreError;
use super::pool::OwnConnection;
use super::session::{self, Session, SharedSide};
use crate::models::event::StoredEvent;
use crate::models::ids::ReplicaId;

const TRY_LEADERSHIP: &str = include_str!("sql/publisher_state/try_leadership.sql");
const LEAD: &str = include_str!("sql/publisher_state/lead.sql");
const DEPOSE: &str = include_str!("sql/publisher_state/depose.sql");
const WAKE: &str = include_str!("sql/publisher_state/wake.sql");
const SLEEP: &str = include_str!("sql/publisher_state/sleep.sql");
const PLACE: &str = include_str!("sql/event_outbox/place.sql");
const ADVANCE: &str = include_str!("sql/publisher_state/advance.sql");
const STATE: &str = include_str!("sql/publisher_state/find.sql");

/// Where a publisher begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Every later write names it; a newer leader has a higher one.
    pub epoch: i64,
    /// The last place that was given.
    pub last_position: i64,
    /// Up to here everything is confirmed; what follows is to be sent again.
    pub published_position: i64,
}

/// Takes the leader's lock if nobody holds it. It is held until the connection ends. An error leaves open whether it
/// is held: drop the connection.
///
/// # Errors
/// Only those of the database itself.
pub async fn try_leadership(connection: &OwnConnection<SharedSide>) -> Result<bool, StoreError> {
    Ok(session::one(connection, TRY_LEADERSHIP, &[]).await?.try_get("is_leader")?)
}

/// Begins a new epoch: from here on, whoever led before changes nothing. Only for the holder of the lock.
///
/// # Errors
/// Only those of the database itself.
pub async fn lead(connection: &OwnConnection<SharedSide>, me: ReplicaId) -> Result<Leadership, StoreError> {
    let row = session::one(connection, LEAD, &[&me]).await?;
    Ok(Leadership {
        epoch: row.try_get("epoch")?,
        last_position: row.try_get("last_position")?,
        published_position: row.try_get("published_position")?,
    })
}

/// Ends the connection of a leader that holds the lock and has not beaten for `silence_ms`: a process that was frozen
/// keeps its session, and so its lock. Tells whether one was ended; [`try_leadership`] then succeeds in a moment.
///
/// # Errors
/// Only those of the database itself.
pub async fn depose(db: &impl Session<SharedSide>, silence_ms: i64) -> Result<bool, StoreError> {
    let ended: i64 = session::one(db, DEPOSE, &[&silence_ms]).await?.try_get("ended")?;
    Ok(ended > 0)
}

/// Says that the publisher is awake: nobody needs to ring. Waits for writers that are just looking, for microseconds.
///
/// # Errors
/// [`StoreError::Busy`] when another session holds the lock for longer than `lock_timeout`.
pub async fn wake(connection: &OwnConnection<SharedSide>) -> Result<(), StoreError> {
    let _one = session::run(connection, WAKE, &[]).await?;
    Ok(())
}

/// Says that the publisher goes to sleep. It must look once more afterwards: what was committed just before has not rung.
///
/// # Errors
/// Only those of the database itself.
pub async fn sleep(connection: &OwnConnection<SharedSide>) -> Result<(), StoreError> {
    let _one = session::run(connection, SLEEP, &[]).await?;
    Ok(())
}

/// Gives the next places to up to `limit` committed events, in the order of their making, and gives back those events in
/// that order. Stores the cursor and beats at the same time; with a limit of zero it does nothing else.
///
/// # Errors
/// [`StoreError::StaleEpoch`] when another leads; then nothing was changed.
pub async fn place(
    db: &impl Session<SharedSide>,
    epoch: i64,
    published_position: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, StoreError> {
    let rows = session::rows(db, PLACE, &[&epoch, &published_position, &limit]).await?;
    let Some(first) = rows.first() else { return Err(StoreError::StaleEpoch) };
    if first.try_get::<_, Option<i64>>("position")?.is_none() {
        return Ok(Vec::new());
    }
    session::decode_all(&rows)
}

/// Stores up to where everything is confirmed, and beats. The cursor never goes back.
///
/// # Errors
/// [`StoreError::StaleEpoch`] when another leads; [`StoreError::Invalid`] for a place that was never given.
pub async fn advance(
    db: &impl Session<SharedSide>,
    epoch: i64,
    published_position: i64,
) -> Result<(), StoreError> {
    match session::run(db, ADVANCE, &[&epoch, &published_position]).await? {
        0 => Err(StoreError::StaleEpoch),
        _ => Ok(()),
    }
}

/// What the publisher's row says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublisherState {
    /// Grows with every leader.
    pub epoch: i64,
    /// The last place that was given.
    pub last_position: i64,
    /// Up to here everything is confirmed.
    pub published_position: i64,
    /// When the leader last beat; `None` before there was one.
    pub beat_at: Option<Timestamp>,
    /// How long ago that was by the database's clock, in milliseconds; `None` before there was a leader.
    pub silence_ms: Option<i64>,
    /// The leader's backend in Postgres.
    pub backend_pid: Option<i32>,
    /// The leader.
    pub replica_id: Option<ReplicaId>,
}

/// Reads the publisher's row.
///
/// # Errors
/// Only those of the database itself.
pub async fn state(db: &impl Session<SharedSide>) -> Result<PublisherState, StoreError> {
    let row = session::one(db, STATE, &[]).await?;
    Ok(PublisherState {
        epoch: row.try_get("epoch")?,
        last_position: row.try_get("last_position")?,
        published_position: row.try_get("published_position")?,
        beat_at: row.try_get("beat_at")?,
        silence_ms: row.try_get::<_, Option<i64>>("silence_ms")?.map(|silence| silence.max(0)),
        backend_pid: row.try_get("backend_pid")?,
        replica_id: row.try_get("replica_id")?,
    })
}
