//! This process among its peers: one row in `replicas`, renewed for as long as it lives.
//!
//! - **Owns:** this process's row in `replicas`, and a connection of its own: a pool that is busy must not make a healthy
//!   process look dead.
//! - **Receives:** nothing. Orders of other replicas come to the directory, by the queue `agents_worker.control.<replica>`.
//! - **Sends:** nothing. Whoever is about to act as an owner asks the [`ReplicaLease`] that is shared with it.
//! - **Invariant:** the lease that it shares ends before the row can look stale to others, by the database's clock.
//! - **On failure:** a rebuilt one goes on with the same id and the same lease. While Postgres is away it is impaired and
//!   connects again with backoff; the lease meanwhile runs out by itself.
//!
//! Start it before everything that owns instances, so that in the reverse order of stopping it leaves after them.

mod beating;
mod lease;

pub use beating::ReplicaSettings;
pub use lease::ReplicaLease;

use std::time::Duration;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Running, WrapFuture};
use tokio::time::timeout;

use crate::actors::system::Lifeline;
use crate::models::store::SharedDb;

use beating::Beating;

/// How long leaving may take. Longer holds up the end of the process; a row that stays is found stale soon enough.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The keeper of this process's row.
pub struct Replica {
    beating: Beating,
    lifeline: Lifeline,
    leaving: bool,
}

impl Replica {
    /// The name of its handle.
    pub const NAME: &'static str = "replica";

    /// Not registered yet. `roles` are shown to operators; `lease` is the one that owners ask.
    #[must_use]
    pub fn new(
        shared_db: SharedDb,
        roles: Vec<String>,
        lease: ReplicaLease,
        settings: ReplicaSettings,
        lifeline: Lifeline,
    ) -> Self {
        let beating = Beating::new(shared_db, roles, lease, settings, lifeline.clone());
        Self { beating, lifeline, leaving: false }
    }
}

impl Actor for Replica {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(self.beating.clone().for_ever().into_actor(self));
        // Not only after the first beat: with Postgres away the process starts all the same, and waits for it.
        self.lifeline.ready();
    }

    fn stopping(&mut self, context: &mut Self::Context) -> Running {
        if self.leaving || !self.lifeline.is_stopping() {
            return Running::Stop;
        }
        self.leaving = true;
        let beating = self.beating.clone();
        let leave = async move {
            if timeout(LEAVE_WITHIN, beating.leave()).await.is_err() {
                tracing::warn!(
                    "the row of this replica could not be taken away in time; others will find it stale"
                );
            }
        };
        context.spawn(leave.into_actor(self).map(|(), _, context| context.stop()));
        Running::Continue
    }
}
