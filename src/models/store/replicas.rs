//! Who is alive, in `shared_psql`, by the database's clock.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::ReplicaId;

const REGISTER: &str = include_str!("sql/replicas/register.sql");
const BEAT: &str = include_str!("sql/replicas/beat.sql");
const LEAVE: &str = include_str!("sql/replicas/leave.sql");
const LIST: &str = include_str!("sql/replicas/list.sql");
const LIST_OTHER_WORKERS: &str = include_str!("sql/replicas/list_other_workers.sql");
const FORGET_STALE: &str = include_str!("sql/replicas/forget_stale.sql");

/// A replica as its row says.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    /// Its id.
    pub id: ReplicaId,
    /// What it does.
    pub roles: Vec<String>,
    /// When it first registered.
    pub started_at: Timestamp,
    /// When it last beat.
    pub beat_at: Timestamp,
    /// How long after a beat it counts as alive.
    pub lease_ms: i32,
    /// Whether it counts as dead.
    pub is_stale: bool,
}

/// Enters a replica, or enters it anew after its lease has run out.
///
/// # Errors
/// [`StoreError::Invalid`] for a lease that is not positive.
pub async fn register(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    roles: &[String],
    lease_ms: i32,
) -> Result<(), StoreError> {
    let _one = session::run(db, REGISTER, &[&me, &roles, &lease_ms]).await?;
    Ok(())
}

/// Renews the lease. `false` means that it had run out, or that the replica was forgotten: whatever it owned may be
/// another's by now, and it must drop its work and [`register`] again.
///
/// # Errors
/// Only those of the database itself.
pub async fn beat(db: &impl Session<SharedSide>, me: ReplicaId) -> Result<bool, StoreError> {
    Ok(session::run(db, BEAT, &[&me]).await? > 0)
}

/// Takes a replica out, after it has given up all it owned. One that still owns running instances is marked as dead
/// instead, so that others inherit them.
///
/// # Errors
/// Only those of the database itself.
pub async fn leave(db: &impl Session<SharedSide>, me: ReplicaId) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, LEAVE, &[&me]).await?;
    Ok(())
}

/// All replicas, the dead ones too as long as they are remembered.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(db: &impl Session<SharedSide>) -> Result<Vec<Replica>, StoreError> {
    let rows = session::rows(db, LIST, &[]).await?;
    session::decode_all(&rows)
}

/// Forgets replicas that have been silent for `silence_ms` and keep nothing alive any more, where `me` may judge; gives their
/// ids.
///
/// # Errors
/// Only those of the database itself.
pub async fn forget_stale(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    silence_ms: i64,
) -> Result<Vec<ReplicaId>, StoreError> {
    let rows = session::rows(db, FORGET_STALE, &[&me, &silence_ms]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Up to `limit` living workers beside `me`, those that beat last first.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_other_workers(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    limit: i64,
) -> Result<Vec<ReplicaId>, StoreError> {
    let rows = session::rows(db, LIST_OTHER_WORKERS, &[&me, &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

impl TryFrom<&Row> for Replica {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            roles: row.try_get("roles")?,
            started_at: row.try_get("started_at")?,
            beat_at: row.try_get("beat_at")?,
            lease_ms: row.try_get("lease_ms")?,
            is_stale: row.try_get("is_stale")?,
        })
    }
}
