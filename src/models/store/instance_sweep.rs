//! What a reaper looks for, in `shared_psql`.
//!
//! Each statement decides for itself, when it runs and by the database's clock, whether the replica that asks may call others
//! dead or late: one that an outage has held back finds what was held back with it.

use tokio_postgres::Row;

use super::error::StoreError;
use super::instance_work::Moved;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{InstanceId, ReplicaId};
use crate::models::instance::InstanceStatus;

const SWEEP: &str = include_str!("sql/instances/sweep.sql");
const EXPIRE: &str = include_str!("sql/instances/expire.sql");
const LIST_UNSETTLED: &str = include_str!("sql/instances/list_unsettled.sql");

/// Up to `limit` instances that need an owner: work that nobody has, and live instances that nobody keeps; of the dead, where
/// `me` may judge.
///
/// # Errors
/// Only those of the database itself.
pub async fn sweep(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    limit: i64,
) -> Result<Vec<InstanceId>, StoreError> {
    let rows = session::rows(db, SWEEP, &[&me, &limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// A row that was stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The instance.
    pub id: InstanceId,
    /// Its revision now.
    pub revision: i64,
    /// Its status now: `failed` if it was being started, else unchanged and without an owner.
    pub status: InstanceStatus,
}

/// Ends up to `limit` claims of living replicas whose deadline has passed, where `me` may judge; of rows on their way that have
/// none yet, `deadline_ms` after the wish. What was being started fails with `reason`; what was being stopped or torn down is
/// left for [`sweep`], as is all that a dead replica has left.
///
/// # Errors
/// Only those of the database itself.
pub async fn expire(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    limit: i64,
    reason: &str,
    deadline_ms: i64,
) -> Result<Vec<Expired>, StoreError> {
    let rows = session::rows(db, EXPIRE, &[&me, &limit, &reason, &deadline_ms]).await?;
    session::decode_all(&rows)
}

/// Instances that `me` has claimed and that are not where they are wanted, or that run with a change `me` has not read, up
/// to `limit` of each, with their revisions.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_unsettled(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    limit: i64,
) -> Result<Vec<Moved>, StoreError> {
    let rows = session::rows(db, LIST_UNSETTLED, &[&me, &limit]).await?;
    session::decode_all(&rows)
}

impl TryFrom<&Row> for Expired {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            revision: row.try_get("revision")?,
            status: row.try_get("status")?,
        })
    }
}
