//! What a reaper looks for beside [`super::instance_work::sweep`], in `shared_psql`.

use super::error::StoreError;
use super::instance_work::Moved;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{InstanceId, ReplicaId};

const SWEEP_UNOWNED: &str = include_str!("sql/instances/sweep_unowned.sql");
const LIST_UNSETTLED: &str = include_str!("sql/instances/list_unsettled.sql");

/// Up to `limit` instances that need an owner and have none. Unlike [`super::instance_work::sweep`] it calls nobody dead.
///
/// # Errors
/// Only those of the database itself.
pub async fn sweep_unowned(db: &impl Session<SharedSide>, limit: i64) -> Result<Vec<InstanceId>, StoreError> {
    let rows = session::rows(db, SWEEP_UNOWNED, &[&limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
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
