//! The beats of one replica.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::ReplicaLease;
use crate::actors::system::{Backoff, Lifeline};
use crate::models::store::{OwnConnection, SharedDb, SharedSide, StoreError, replicas};

/// How a replica shows that it lives.
#[derive(Clone, Debug, Deserialize)]
pub struct ReplicaSettings {
    /// How often it beats, in milliseconds. At most a quarter of the lease, or one lost beat stops all work.
    pub beat_ms: u64,
    /// How long after its last beat it counts as dead, in milliseconds. The same on every replica.
    pub lease_ms: u64,
}

const RECONNECT: Backoff = Backoff { min: Duration::from_millis(50), max: Duration::from_secs(2) };

#[derive(Debug, Error)]
enum BeatError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database did not answer within {0:?}")]
    Late(Duration),
}

#[derive(Clone)]
pub(super) struct Beating {
    shared: Rc<Shared>,
}

struct Shared {
    shared_db: SharedDb,
    roles: Vec<String>,
    lease: ReplicaLease,
    settings: ReplicaSettings,
    lifeline: Lifeline,
    /// The one connection. Taken out while a statement runs; empty after a failure.
    connection: Mutex<Option<OwnConnection<SharedSide>>>,
}

impl Beating {
    pub(super) fn new(
        shared_db: SharedDb,
        roles: Vec<String>,
        lease: ReplicaLease,
        settings: ReplicaSettings,
        lifeline: Lifeline,
    ) -> Self {
        let connection = Mutex::new(None);
        Self { shared: Rc::new(Shared { shared_db, roles, lease, settings, lifeline, connection }) }
    }

    /// Beats until it is dropped.
    pub(super) async fn for_ever(self) {
        let Shared { lifeline, settings, .. } = &*self.shared;
        let mut ticks = interval(Duration::from_millis(settings.beat_ms.max(1)));
        // After a stall one beat says it all.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failures = 0;
        loop {
            match self.beat_in_time().await {
                Ok(()) => {
                    failures = 0;
                    lifeline.recovered();
                    ticks.tick().await;
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, failures, "a beat of this replica was not heard");
                    lifeline.impaired(format!("postgres: {error}"));
                    sleep(RECONNECT.pause_now(failures)).await;
                }
            }
        }
    }

    /// Takes the row away, if there still is a connection to say so on.
    pub(super) async fn leave(&self) {
        let Some(connection) = self.shared.connection.lock().await.take() else { return };
        if let Err(error) = replicas::leave(&connection, self.shared.lease.id()).await {
            tracing::warn!(%error, "the row of this replica could not be removed");
        }
    }

    async fn beat_in_time(&self) -> Result<(), BeatError> {
        // A third of the lease: after one such wait there still is time for another before the lease is used up.
        let within = self.shared.lease.length() / 3;
        timeout(within, self.beat()).await.unwrap_or(Err(BeatError::Late(within)))
    }

    async fn beat(&self) -> Result<(), BeatError> {
        let Shared { lease, roles, settings, .. } = &*self.shared;
        let mut slot = self.shared.connection.lock().await;
        let connection = match slot.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.shared.shared_db.own_connection("botberi replica").await?,
        };
        let mut sent = Instant::now();
        let row_was_there = replicas::beat(&connection, lease.id()).await?;
        if !row_was_there {
            sent = Instant::now();
            let lease_ms = i32::try_from(settings.lease_ms).unwrap_or(i32::MAX);
            replicas::register(&connection, lease.id(), roles, lease_ms).await?;
        }
        lease.renew(sent, row_was_there);
        *slot = Some(connection);
        Ok(())
    }
}
