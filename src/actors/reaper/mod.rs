//! Finds what everybody else has missed: instances without a living owner, rows past their deadline, lost hints.
//!
//! - **Owns:** nothing but the rhythm: once at the beginning, once after each binding of the queue or when another replica says
//!   that there is something to take, and every `sweep_ms`; the comparison of supervisors with rows, every minute.
//! - **Receives:** no messages; a [`SweepCall`] from the directory.
//! - **Sends:** what needs an owner to the directory ([`Adopt`]), what this replica should look at again ([`LookAfter`],
//!   [`Muster`]), and a ring of the bell after what it has failed itself.
//! - **Invariant:** it calls nobody dead, and nothing late, before this replica itself has been beating for a whole lease
//!   without a break: after an outage of Postgres everybody's row is old. The statements see to that themselves. What has
//!   no owner at all needs no such wait.
//! - **On failure:** holds nothing. Several may sweep at once: claims are decided row by row.
//!
//! No row stays stuck: one that is past its deadline loses its living owner, and fails with a reason if it was being
//! started; what was being stopped or deleted is taken up by the next owner, and so is all that a dead owner has left.

use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, WrapFuture};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use crate::actors::bell::{self, Bell};
use crate::actors::instance_directory::{
    Adopt, InstanceDirectory, LookAfter, Muster, SweepCall, WorkerSettings,
};
use crate::actors::instance_ledger::LedgerError;
use crate::actors::replica::ReplicaLease;
use crate::actors::system::{AskError, Handle, Lifeline};
use crate::models::InstanceId;
use crate::models::store::{SharedDb, StoreError, instance_sweep, replicas};

/// Rows per look. A takeover goes on with the next look at once, so this bounds memory and locks, not speed.
const ROWS_MAX: i64 = 4_000;

/// How long one sweep may take; the next one goes on where it was.
const SWEEP_WITHIN: Duration = Duration::from_secs(60);

/// How often it looks whether the lease runs (again): so late, at most, is the first sweep.
const UNTIL_LEASE: Duration = Duration::from_millis(100);

/// How often what is supervised is compared with what is owned: how long a supervisor may be kept of what was taken from its
/// living owner, by a deadline or an administrator, if the word of it was lost. It reads an id for each instance owned.
const MUSTER_EVERY: Duration = Duration::from_secs(60);

/// After a lapse it is compared a second time so much later: longer than any statement of others may take.
const MUSTER_AGAIN: Duration = Duration::from_secs(15);

/// How long a dead replica is remembered for operators to see, once nothing of its is left.
const DEAD_REMEMBERED: Duration = Duration::from_secs(3_600);

/// What a user reads of an instance that did not start in time and whose owner could not say why.
const TOO_LATE: &str = "provisioning did not come to its end within its deadline";

/// The finder of what was missed.
pub struct Reaper {
    rounds: Rounds,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Rounds {
    shared_db: SharedDb,
    directory: Handle<InstanceDirectory>,
    bell: Handle<Bell>,
    lease: ReplicaLease,
    sweep_call: SweepCall,
    every: Duration,
    deadline_ms: i64,
}

/// The last comparison of supervisors and rows: at which number of lapses, and when.
struct Mustered {
    lapses: u64,
    at: Instant,
}

#[derive(Debug, Error)]
enum SweepError {
    #[error("postgres: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Directory(#[from] AskError<LedgerError>),
}

impl Reaper {
    /// The name of its handle.
    pub const NAME: &'static str = "reaper";

    /// One that has not swept yet. `sweep_call` is the one that the directory has.
    #[must_use]
    pub fn new(
        shared_db: SharedDb,
        directory: Handle<InstanceDirectory>,
        bell: Handle<Bell>,
        lease: ReplicaLease,
        sweep_call: SweepCall,
        settings: &WorkerSettings,
        lifeline: Lifeline,
    ) -> Self {
        let every = Duration::from_millis(settings.sweep_ms.max(1));
        let deadline_ms = i64::try_from(settings.provisioning_deadline_ms).unwrap_or(i64::MAX);
        Self {
            rounds: Rounds { shared_db, directory, bell, lease, sweep_call, every, deadline_ms },
            lifeline,
        }
    }
}

impl Actor for Reaper {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let rounds = self.rounds.clone().for_ever(self.lifeline.clone());
        context.spawn(rounds.into_actor(self));
        self.lifeline.ready();
    }
}

impl Rounds {
    async fn for_ever(self, lifeline: Lifeline) {
        let mut mustered = Mustered { lapses: self.lease.lapses(), at: Instant::now() };
        loop {
            match timeout(SWEEP_WITHIN, self.sweep(&mut mustered)).await {
                Ok(Ok(())) => lifeline.recovered(),
                Ok(Err(error)) => lifeline.impaired(error.to_string()),
                Err(_elapsed) => lifeline.impaired("postgres: a sweep did not come to its end"),
            }
            let pause = if self.lease.may_act() { self.every } else { self.every.min(UNTIL_LEASE) };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.sweep_call.heard() => {}
            }
        }
    }

    async fn sweep(&self, mustered: &mut Mustered) -> Result<(), SweepError> {
        if !self.lease.may_act() {
            return Ok(());
        }
        let lapses = self.lease.lapses();
        if lapses != mustered.lapses {
            let doubtful = self.directory.ask(Muster).await?;
            tracing::info!(
                doubtful,
                "the lease had run out; instances that may be others' by now are looked at"
            );
            // A claim that was under way may be committed only now.
            let at = Instant::now().checked_sub(MUSTER_EVERY - MUSTER_AGAIN).unwrap_or_else(Instant::now);
            *mustered = Mustered { lapses, at };
        } else if mustered.at.elapsed() >= MUSTER_EVERY {
            self.directory.ask(Muster).await?;
            mustered.at = Instant::now();
        }
        self.expire().await?;
        self.forget_the_dead().await?;
        self.adopt().await?;
        self.find_lost_hints().await
    }

    async fn expire(&self) -> Result<(), SweepError> {
        loop {
            let connection = self.shared_db.connection().await?;
            let (me, within) = (self.lease.id(), self.deadline_ms);
            let expired = instance_sweep::expire(&connection, me, ROWS_MAX, TOO_LATE, within).await?;
            if expired.is_empty() {
                return Ok(());
            }
            tracing::warn!(count = expired.len(), "instances were past their deadline");
            bell::ring(&self.bell);
        }
    }

    async fn forget_the_dead(&self) -> Result<(), SweepError> {
        let connection = self.shared_db.connection().await?;
        let silence_ms = i64::try_from(DEAD_REMEMBERED.as_millis()).unwrap_or(i64::MAX);
        replicas::forget_stale(&connection, self.lease.id(), silence_ms).await?;
        Ok(())
    }

    /// Goes on as long as something comes of it: a dead replica's hundred thousand are taken over in one go.
    async fn adopt(&self) -> Result<(), SweepError> {
        loop {
            let ids = self.find_ownerless().await?;
            if ids.is_empty() {
                return Ok(());
            }
            let adopted = self.directory.ask(Adopt { ids }).await?;
            if adopted.count == 0 || adopted.room == 0 {
                return Ok(());
            }
            tracing::debug!(adopted.count, adopted.room, "ownerless instances were adopted");
        }
    }

    async fn find_ownerless(&self) -> Result<Vec<InstanceId>, StoreError> {
        let connection = self.shared_db.connection().await?;
        instance_sweep::sweep(&connection, self.lease.id(), ROWS_MAX).await
    }

    async fn find_lost_hints(&self) -> Result<(), SweepError> {
        let connection = self.shared_db.connection().await?;
        let rows = instance_sweep::list_unsettled(&connection, self.lease.id(), ROWS_MAX).await?;
        drop(connection);
        if !rows.is_empty() {
            let revisions = rows.into_iter().map(|row| (row.id, row.revision)).collect();
            self.directory.ask(LookAfter { revisions }).await?;
        }
        Ok(())
    }
}
