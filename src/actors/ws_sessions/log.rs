//! The event log as sessions read it.

use crate::models::StoredEvent;
use crate::models::UserId;
use crate::models::store::{SharedDb, StoreError, outbox};

/// The log of this installation. Cheap to clone.
#[derive(Clone)]
pub(super) struct EventLog {
    shared_db: SharedDb,
}

impl EventLog {
    pub(super) fn new(shared_db: SharedDb) -> Self {
        Self { shared_db }
    }

    /// The last position that was given.
    pub(super) async fn watermark(&self) -> Result<i64, StoreError> {
        outbox::watermark(&self.shared_db.connection().await?).await
    }

    /// Everybody's events after one position up to another, in order.
    pub(super) async fn range(
        &self,
        after: i64,
        to: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        outbox::range(&self.shared_db.connection().await?, after, to, limit).await
    }

    /// One user's events.
    pub(super) async fn of_user(
        &self,
        user_id: UserId,
        after: i64,
        to: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        outbox::for_owner(&self.shared_db.connection().await?, user_id, after, to, limit).await
    }

    /// The oldest position that the log still has; none when it has nothing.
    pub(super) async fn oldest_position(&self) -> Result<Option<i64>, StoreError> {
        outbox::first_position(&self.shared_db.connection().await?).await
    }
}
