//! The event log as its readers see it, in `shared_psql`: only what has its place is in it.

use serde_json::value::RawValue;
use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::event::{PastEvent, RoutingKey, StoredEvent};
use crate::models::ids::{InstanceId, ReplicaId, TeamId, UserId};
use crate::models::origin::Origin;
use crate::models::reach::Reach;

const LIST_FOR_AUDIENCE: &str = include_str!("sql/event_outbox/list_for_audience.sql");
const LIST_RANGE: &str = include_str!("sql/event_outbox/list_range.sql");
const LIST_OF_AGGREGATE: &str = include_str!("sql/event_outbox/list_of_aggregate.sql");
const FIRST_POSITION: &str = include_str!("sql/event_outbox/first_position.sql");
const PENDING: &str = include_str!("sql/event_outbox/pending.sql");
const HAS_UNPLACED: &str = include_str!("sql/event_outbox/has_unplaced.sql");
const RING: &str = include_str!("sql/event_outbox/ring.sql");
const WATERMARK: &str = include_str!("sql/publisher_state/watermark.sql");

/// The last place that was given. Everything up to it can be read here; everything after it is still to come on the bus.
///
/// # Errors
/// Only those of the database itself.
pub async fn watermark(db: &impl Session<SharedSide>) -> Result<i64, StoreError> {
    Ok(session::one(db, WATERMARK, &[]).await?.try_get("last_position")?)
}

/// The first place that is still kept; `None` in an empty log. A resume from before it has a gap.
///
/// # Errors
/// Only those of the database itself.
pub async fn first_position(db: &impl Session<SharedSide>) -> Result<Option<i64>, StoreError> {
    let row = session::optional(db, FIRST_POSITION, &[]).await?;
    Ok(row.map(|row| row.try_get("position")).transpose()?)
}

/// Whose events a socket hears.
#[derive(Clone, Copy, Debug)]
pub struct Audience<'a> {
    /// Whose socket it is.
    pub user_id: UserId,
    /// Whether it hears of what is theirs alone.
    pub hears_own: bool,
    /// The teams of whose things it hears.
    pub teams: &'a [TeamId],
}

/// An audience's events in `(after, upto]`, in order, at most `limit`: what a socket resumes with.
///
/// # Errors
/// Only those of the database itself.
pub async fn for_audience(
    db: &impl Session<SharedSide>,
    Audience { user_id, hears_own, teams }: Audience<'_>,
    after: i64,
    upto: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, StoreError> {
    let parameters: session::Parameters<'_> = &[&user_id, &after, &upto, &limit, &hears_own, &teams];
    let rows = session::rows(db, LIST_FOR_AUDIENCE, parameters).await?;
    session::decode_all(&rows)
}

/// Everybody's events in `(after, upto]`, in order, at most `limit`: what a hole in the stream is filled with, and what
/// a publisher sends again.
///
/// # Errors
/// Only those of the database itself.
pub async fn range(
    db: &impl Session<SharedSide>,
    after: i64,
    upto: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, StoreError> {
    let rows = session::rows(db, LIST_RANGE, &[&after, &upto, &limit]).await?;
    session::decode_all(&rows)
}

/// The history of an instance that is reached after a position, in order, at most `limit`. Of an actor whom a later release has
/// written down and this one does not know, it says nothing.
///
/// # Errors
/// Only those of the database itself.
pub async fn of_instance(
    db: &impl Session<SharedSide>,
    reach: impl Into<Reach>,
    instance: InstanceId,
    after: i64,
    limit: i64,
) -> Result<Vec<PastEvent>, StoreError> {
    let aggregate_id = instance.to_string();
    let Reach { user_id, team_only, team_roles, .. } = reach.into();
    let parameters: session::Parameters<'_> =
        &[&user_id, &team_only, &team_roles.names(), &aggregate_id, &after, &limit];
    let rows = session::rows(db, LIST_OF_AGGREGATE, parameters).await?;
    session::decode_all(&rows)
}

/// Whether something is committed that has no place yet. Reads only, unlike placing.
///
/// # Errors
/// Only those of the database itself.
pub async fn has_unplaced(db: &impl Session<SharedSide>) -> Result<bool, StoreError> {
    Ok(session::one(db, HAS_UNPLACED, &[]).await?.try_get("has_unplaced")?)
}

/// How far publishing is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Committed, and without a place.
    pub unplaced: i64,
    /// With a place, and not confirmed by the bus.
    pub unpublished: i64,
    /// How long the oldest of both has waited; zero when there are none.
    pub oldest_age_ms: i64,
    /// How many were ever confirmed.
    pub published_total: i64,
    /// The replica that last led.
    pub leader: Option<ReplicaId>,
}

/// How far publishing is behind. Counts what waits, so it costs more the longer the queue is.
///
/// # Errors
/// Only those of the database itself.
pub async fn pending_stats(db: &impl Session<SharedSide>) -> Result<Pending, StoreError> {
    let row = session::one(db, PENDING, &[]).await?;
    Ok(Pending {
        unplaced: row.try_get("unplaced")?,
        unpublished: row.try_get("unpublished")?,
        oldest_age_ms: row.try_get::<_, Option<i64>>("oldest_age_ms")?.unwrap_or_default().max(0),
        published_total: row.try_get("published_position")?,
        leader: row.try_get("replica_id")?,
    })
}

/// Rings the bell. To be called after a commit, by the platform's own writers, whose triggers are quiet.
///
/// # Errors
/// Only those of the database itself. A bell that fails delays events until the publisher looks by itself.
pub async fn ring(db: &impl Session<SharedSide>) -> Result<(), StoreError> {
    let _one = session::run(db, RING, &[]).await?;
    Ok(())
}

impl TryFrom<&Row> for PastEvent {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let acted_by: Option<&str> = row.try_get("acted_by")?;
        let actor = acted_by.and_then(|text| text.parse().ok());
        Ok(Self { event: StoredEvent::try_from(row)?, actor })
    }
}

impl TryFrom<&Row> for StoredEvent {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let key: &str = row.try_get("routing_key")?;
        let routing_key: RoutingKey =
            key.parse().map_err(|error| StoreError::Shape(format!("event_outbox.routing_key: {error}")))?;
        let body = RawValue::from_string(row.try_get("body")?)
            .map_err(|error| StoreError::Shape(format!("event_outbox.body: {error}")))?;
        Ok(Self {
            position: row.try_get("position")?,
            event_id: row.try_get("event_id")?,
            routing_key,
            row_change: row.try_get("event_type")?,
            occurred_at: row.try_get("occurred_at")?,
            aggregate_id: row.try_get("aggregate_id")?,
            revision: row.try_get("revision")?,
            user_id: row.try_get("user_id")?,
            team_id: row.try_get("team_id")?,
            origin: Origin::read(row.try_get("request_id")?, row.try_get("traceparent")?),
            body,
        })
    }
}
