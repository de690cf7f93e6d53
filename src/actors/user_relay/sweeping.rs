//! Takes away what closed accounts owned.

use super::Broken;
use crate::models::UserId;
use crate::models::store::{SharedDb, SharedSide, StoreError, Transaction, user_outbox};

/// Instances that are tombstoned in one transaction.
const BATCH_ROWS_MAX: i64 = 500;

/// How long after an access token's life the second look is. No request that was under way when the account was closed lasts
/// longer: its token opens nothing new, even where nobody has heard of the end; and a request has at most its wait for a
/// connection, for locks, and its statements' time, each of them seconds.
pub(super) const SETTLES_AFTER_TOKENS_MS: u64 = 60_000;

/// Before somebody is tried again whose things could not be taken away. Shorter makes one who never can cost more.
const POSTPONED_MS: i64 = 60_000;

/// The same when whoever works on them was in the way: that passes.
const BUSY_MS: i64 = 500;

/// Tombstones a batch of what somebody owned; false when nobody is due.
pub(super) async fn sweep_some(shared_db: &SharedDb, settles_ms: i64) -> Result<bool, Broken> {
    sweep(shared_db, settles_ms).await.map_err(Broken::Shared)
}

async fn sweep(shared_db: &SharedDb, settles_ms: i64) -> Result<bool, StoreError> {
    let mut connection = shared_db.connection().await?;
    let transaction = connection.transaction().await?;
    let Some(user) = user_outbox::take_due(&transaction).await? else { return Ok(false) };
    match take_away(transaction, user, settles_ms).await {
        Ok(0) => {}
        Ok(gone) => tracing::info!(user.id = %user, gone, "instances of a closed account were deleted"),
        Err(error) => {
            drop(connection);
            // When that fails as well, it is not about this user.
            let connection = shared_db.connection().await?;
            let is_busy = matches!(error, StoreError::Busy { .. });
            let pause_ms = if is_busy { BUSY_MS } else { POSTPONED_MS };
            user_outbox::postpone(&connection, user, pause_ms).await?;
            tracing::warn!(user.id = %user, %error, pause_ms, "the instances of a closed account cannot be deleted now; others go first");
        }
    }
    Ok(true)
}

/// A batch, or the note that nothing is left; gives how many.
async fn take_away(
    transaction: Transaction<'_, SharedSide>,
    user: UserId,
    settles_ms: i64,
) -> Result<u64, StoreError> {
    let gone = user_outbox::tombstone_some(&transaction, user, BATCH_ROWS_MAX).await?;
    if gone == 0 {
        user_outbox::settle(&transaction, user, settles_ms).await?;
    }
    transaction.commit().await?;
    Ok(gone)
}
