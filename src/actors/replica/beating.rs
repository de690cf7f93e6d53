//! The beats of one replica.

use std::cell::Cell;
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

/// What operators see in `pg_stat_activity`.
const CONNECTION_NAME: &str = "botberi replica";

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
    leaving: Cell<bool>,
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
        let leaving = Cell::new(false);
        Self { shared: Rc::new(Shared { shared_db, roles, lease, settings, lifeline, leaving, connection }) }
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

    /// Beats no more, and takes the row away.
    pub(super) async fn leave(&self) {
        let Shared { shared_db, lease, leaving, .. } = &*self.shared;
        leaving.set(true);
        // A beat that is under way comes to its end first: one that arrives after the row is gone would bring it back.
        let mut slot = self.shared.connection.lock().await;
        lease.give_up();
        let left = match slot.take() {
            Some(connection) => replicas::leave(&connection, lease.id()).await,
            None => match shared_db.own_connection(CONNECTION_NAME).await {
                Ok(connection) => replicas::leave(&connection, lease.id()).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = left {
            tracing::warn!(%error, "the row of this replica stays behind until others find it stale");
        }
    }

    async fn beat_in_time(&self) -> Result<(), BeatError> {
        // A third of the lease: after one such wait there still is time for another before the lease is used up.
        let within = self.shared.lease.length() / 3;
        timeout(within, self.beat()).await.unwrap_or(Err(BeatError::Late(within)))
    }

    async fn beat(&self) -> Result<(), BeatError> {
        let Shared { lease, roles, settings, leaving, .. } = &*self.shared;
        let mut slot = self.shared.connection.lock().await;
        if leaving.get() {
            return Ok(());
        }
        let connection = match slot.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.shared.shared_db.own_connection(CONNECTION_NAME).await?,
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
