//! The rounds: table by table, batch by batch.

use std::time::Duration;

use tokio::time::sleep;

use super::RetentionSettings;
use crate::actors::system::Backoff;
use crate::models::store::retention::{self, Aging, Batch};
use crate::models::store::{SharedDb, StoreError, UserDb};

/// The first round comes no later, whatever the interval: a process that never lives that long must clean up, too.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// The next round after one that failed comes no later.
const RETRY_WITHIN: Duration = Duration::from_secs(30);

/// How often in a row another replica may be found deleting before a table is left to the next round. They delete a batch in
/// some milliseconds, and whichever table it is: their turn says nothing about this one.
const TURNS_MISSED_MAX: u32 = 10;

/// The shortest pause between two tries.
const TRY_AGAIN_WITHIN: Duration = Duration::from_millis(20);

/// How long a file may wait for its entry: as long as an upload may be allowed to take.
const UPLOADS_SECONDS: u32 = 3_600;

/// One thing that is kept for a while.
#[derive(Clone, Copy)]
pub(super) enum Kept {
    /// The event log; at its age, from its beginning.
    Events,
    /// Whatever goes by its age alone.
    Aging(Aging),
}

/// What is kept in one database, and how a batch of it is deleted.
pub(super) trait Tables {
    /// What is kept, each for how many seconds.
    fn kept(&self, settings: &RetentionSettings) -> Vec<(Kept, u32)>;

    /// Deletes a batch. `after` is a place in what is kept, up to which it is known that nothing is left.
    async fn delete(
        &self,
        kept: Kept,
        life_seconds: i64,
        limit: i64,
        after: &mut i64,
    ) -> Result<Batch, StoreError>;
}

pub(super) struct SharedTables(pub(super) SharedDb);

pub(super) struct UserTables(pub(super) UserDb);

pub(super) struct Rounds<T> {
    settings: RetentionSettings,
    tables: T,
}

impl<T: Tables> Rounds<T> {
    pub(super) const fn new(settings: RetentionSettings, tables: T) -> Self {
        Self { settings, tables }
    }

    pub(super) async fn for_ever(self) {
        let interval = Duration::from_millis(self.settings.interval_ms.into());
        let mut next_within = interval.min(FIRST_WITHIN);
        loop {
            // Half of it at least, the rest by chance: replicas that started together do not all ask together.
            sleep(Backoff { min: next_within, max: next_within }.pause_now(1)).await;
            next_within = if self.round().await { interval } else { interval.min(RETRY_WITHIN) };
        }
    }

    /// True if every table was looked at.
    async fn round(&self) -> bool {
        let mut all_well = true;
        for (kept, life_seconds) in self.tables.kept(&self.settings) {
            match self.clear(kept, life_seconds.into()).await {
                Ok(0) => {}
                Ok(deleted) => tracing::info!(table = kept.name(), deleted, "what was old is gone"),
                Err(error) => {
                    metrics::counter!("botberi_retention_failures_total", "table" => kept.name())
                        .increment(1);
                    tracing::warn!(table = kept.name(), %error, "what is old stays for now");
                    all_well = false;
                }
            }
        }
        all_well
    }

    /// Deletes until nothing old is left, or another replica is at it time and again.
    async fn clear(&self, kept: Kept, life_seconds: i64) -> Result<u64, StoreError> {
        let limit = u64::from(self.settings.batch_rows_max);
        let pause = Duration::from_millis(self.settings.batch_pause_ms.into());
        let (mut after, mut all, mut missed) = (0, 0, 0);
        loop {
            let rows = i64::from(self.settings.batch_rows_max);
            let Batch::Deleted(deleted) = self.tables.delete(kept, life_seconds, rows, &mut after).await?
            else {
                missed += 1;
                if missed > TURNS_MISSED_MAX {
                    return Ok(all);
                }
                let within = pause.max(TRY_AGAIN_WITHIN);
                sleep(Backoff { min: within, max: within }.pause_now(1)).await;
                continue;
            };
            missed = 0;
            metrics::counter!("botberi_retention_deleted_total", "table" => kept.name()).increment(deleted);
            all += deleted;
            if deleted < limit {
                return Ok(all);
            }
            sleep(pause).await;
        }
    }
}

impl Kept {
    /// As measurements name it.
    const fn name(self) -> &'static str {
        match self {
            Self::Events => "event_outbox",
            Self::Aging(aging) => aging.name,
        }
    }
}

impl Tables for SharedTables {
    fn kept(&self, settings: &RetentionSettings) -> Vec<(Kept, u32)> {
        vec![
            (Kept::Events, settings.events_seconds),
            (Kept::Aging(retention::HANDLED_DEAD_LETTERS), settings.handled_dead_letters_seconds),
            (Kept::Aging(retention::DEAD_LETTERS), settings.dead_letters_seconds),
            (Kept::Aging(retention::EVENT_REPLAYS), settings.replays_seconds),
            (Kept::Aging(retention::IDEMPOTENCY_KEYS), settings.idempotency_keys_seconds),
            (Kept::Aging(retention::DELETED_USERS), settings.relayed_seconds),
            (Kept::Aging(retention::KNOWLEDGE_FILES), UPLOADS_SECONDS),
            (Kept::Aging(retention::TEAM_PROJECTION), settings.relayed_seconds),
        ]
    }

    async fn delete(
        &self,
        kept: Kept,
        life_seconds: i64,
        limit: i64,
        after: &mut i64,
    ) -> Result<Batch, StoreError> {
        let connection = self.0.connection().await?;
        match kept {
            Kept::Events => {
                let (batch, reached) =
                    retention::sweep_events(&connection, life_seconds, limit, *after).await?;
                *after = reached;
                Ok(batch)
            }
            Kept::Aging(aging) => retention::sweep_shared(&connection, aging, life_seconds, limit).await,
        }
    }
}

impl Tables for UserTables {
    fn kept(&self, settings: &RetentionSettings) -> Vec<(Kept, u32)> {
        vec![
            (Kept::Aging(retention::SESSIONS), settings.expired_refresh_tokens_seconds),
            (Kept::Aging(retention::REFRESH_TOKENS), settings.expired_refresh_tokens_seconds),
            (Kept::Aging(retention::WS_TICKETS), 0),
            (Kept::Aging(retention::PASSWORD_RESETS), settings.expired_refresh_tokens_seconds),
            (Kept::Aging(retention::API_KEYS), settings.expired_refresh_tokens_seconds),
            (Kept::Aging(retention::CREDENTIAL_CHANGES), 0),
            (Kept::Aging(retention::IDEMPOTENCY_KEYS), settings.idempotency_keys_seconds),
            (Kept::Aging(retention::RELAYED_EVENTS), settings.relayed_seconds),
            (Kept::Aging(retention::TEAMS), settings.relayed_seconds),
        ]
    }

    async fn delete(
        &self,
        kept: Kept,
        life_seconds: i64,
        limit: i64,
        _after: &mut i64,
    ) -> Result<Batch, StoreError> {
        let connection = self.0.connection().await?;
        match kept {
            // The event log is in the other database.
            Kept::Events => Ok(Batch::Deleted(0)),
            Kept::Aging(aging) => retention::sweep_user(&connection, aging, life_seconds, limit).await,
        }
    }
}
