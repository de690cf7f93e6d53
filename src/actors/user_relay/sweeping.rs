//! Takes away what closed accounts owned.

use super::Broken;
use crate::models::store::{SharedDb, StoreError, user_outbox};

/// Instances that are tombstoned in one transaction.
const BATCH_ROWS_MAX: i64 = 500;

/// When the second look is: no request that was under way when the account was closed lasts longer. It has at most its wait
/// for a connection, for locks, and its statements' time, each of them seconds; its credential opens nothing new.
const SETTLES_MS: i64 = 60_000;

/// Tombstones a batch of what somebody owned; false when nobody is due.
pub(super) async fn sweep_some(shared_db: &SharedDb) -> Result<bool, Broken> {
    sweep(shared_db).await.map_err(Broken::Shared)
}

async fn sweep(shared_db: &SharedDb) -> Result<bool, StoreError> {
    let mut connection = shared_db.connection().await?;
    let transaction = connection.transaction().await?;
    let Some(user) = user_outbox::take_due(&transaction).await? else { return Ok(false) };
    let gone = user_outbox::tombstone_some(&transaction, user, BATCH_ROWS_MAX).await?;
    if gone == 0 {
        user_outbox::settle(&transaction, user, SETTLES_MS).await?;
    }
    transaction.commit().await?;
    if gone > 0 {
        tracing::info!(user.id = %user, gone, "instances of a closed account were deleted");
    }
    Ok(true)
}
