//! The event log as sessions read it.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::models::StoredEvent;
use crate::models::store::outbox::{self, Audience};
use crate::models::store::{SharedDb, StoreError};

/// The log of this installation. Cheap to clone.
#[derive(Clone)]
pub(super) struct EventLog {
    shared_db: SharedDb,
    /// Up to where it is known to have been given out.
    known_end: Arc<Mutex<i64>>,
}

impl EventLog {
    pub(super) fn new(shared_db: SharedDb) -> Self {
        Self { shared_db, known_end: Arc::default() }
    }

    /// The last position that was given.
    pub(super) async fn watermark(&self) -> Result<i64, StoreError> {
        outbox::watermark(&self.shared_db.connection().await?).await
    }

    /// Whether positions up to this one have been given out. One asks for all who want to know at the same time: after a
    /// drain, thousands come that are a little ahead of their new replica.
    pub(super) async fn has_reached(&self, position: i64) -> Result<bool, StoreError> {
        let mut known_end = self.known_end.lock().await;
        if *known_end < position {
            *known_end = self.watermark().await?;
        }
        Ok(*known_end >= position)
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

    /// The events that one session hears.
    pub(super) async fn of_session(
        &self,
        audience: Audience<'_>,
        after: i64,
        to: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        outbox::for_audience(&self.shared_db.connection().await?, audience, after, to, limit).await
    }

    /// The oldest position that the log still has; none when it has nothing.
    pub(super) async fn oldest_position(&self) -> Result<Option<i64>, StoreError> {
        outbox::first_position(&self.shared_db.connection().await?).await
    }
}
