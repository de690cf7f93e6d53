//! Who is alive, in `shared_psql`, by the database's clock.

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::ReplicaId;

const REGISTER: &str = include_str!("sql/replicas/register.sql");
const BEAT: &str = include_str!("sql/replicas/beat.sql");
const LEAVE: &str = include_str!("sql/replicas/leave.sql");
const LIST_OTHER_WORKERS: &str = include_str!("sql/replicas/list_other_workers.sql");
const FORGET_STALE: &str = include_str!("sql/replicas/forget_stale.sql");

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

/// Takes a replica out. What it still owns, others inherit at once.
///
/// # Errors
/// Only those of the database itself.
pub async fn leave(db: &impl Session<SharedSide>, me: ReplicaId) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, LEAVE, &[&me]).await?;
    Ok(())
}

/// Forgets replicas that have been silent for `silence_ms`, where `me` may judge; gives their ids.
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
