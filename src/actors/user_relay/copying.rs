//! Copies account events into the log.

use super::Broken;
use crate::models::UserId;
use crate::models::store::user_outbox::{self, AccountEvent};
use crate::models::store::{SharedDb, StoreError, UserDb};

/// Events that are copied together.
const BATCH_ROWS_MAX: i64 = 500;

/// The event that an account is closed.
const USER_DELETED: &str = "user.deleted";

/// Copies what waits, up to a batch; false when nothing waits, or another replica is at it.
pub(super) async fn copy_some(user_db: &UserDb, shared_db: &SharedDb) -> Result<bool, Broken> {
    let mut connection = user_db.connection().await.map_err(Broken::User)?;
    if !user_outbox::has_unrelayed(&connection).await.map_err(Broken::User)? {
        return Ok(false);
    }
    let transaction = connection.transaction().await.map_err(Broken::User)?;
    if !user_outbox::take_turn(&transaction).await.map_err(Broken::User)? {
        return Ok(false);
    }
    let events = user_outbox::list_unrelayed(&transaction, BATCH_ROWS_MAX).await.map_err(Broken::User)?;
    if events.is_empty() {
        return Ok(false);
    }
    // Committed there before it is marked here: never the other way round.
    let new = write(shared_db, &events).await.map_err(Broken::Shared)?;
    user_outbox::mark_relayed(&transaction, &events).await.map_err(Broken::User)?;
    transaction.commit().await.map_err(Broken::User)?;
    metrics::counter!("botberi_account_events_relayed_total").increment(new);
    Ok(true)
}

async fn write(shared_db: &SharedDb, events: &[AccountEvent]) -> Result<u64, StoreError> {
    let closed: Vec<UserId> =
        events.iter().filter(|event| event.routing_key == USER_DELETED).map(|event| event.user_id).collect();
    let mut connection = shared_db.connection().await?;
    let transaction = connection.transaction().await?;
    let new = user_outbox::copy_in(&transaction, events).await?;
    if !closed.is_empty() {
        user_outbox::note_deleted(&transaction, &closed).await?;
    }
    transaction.commit().await?;
    Ok(new)
}
