//! Wakes the event publisher after a commit, wherever it runs.
//!
//! - **Owns:** the pace at which this process rings the doorbell: at once, then at most every 2 ms.
//! - **Receives:** [`Ring`] from every actor that has just committed something.
//! - **Sends:** a NOTIFY on `instances_notify`, outside of the writer's transaction: inside, it would hold a
//!   database-wide lock past the flush of every commit.
//! - **Invariant:** a ring after the last commit is never swallowed, only delayed.
//! - **On failure:** keeps no state; a lost ring delays events until the publisher's own tick (1 s).

mod messages;

pub use messages::Ring;

use std::time::Duration;

use actix::fut::ActorFutureExt;
use actix::{Actor, AsyncContext, Context, Handler, WrapFuture};
use tokio::time::sleep;

use crate::actors::system::{Handle, Lifeline};
use crate::models::store::{SharedDb, StoreError, outbox};

/// Rings closer together than this are one. Shorter spends Postgres on bells; longer is latency for whoever commits
/// while a bell is still ringing.
const PAUSE: Duration = Duration::from_millis(2);

/// The doorbell of this process.
pub struct Bell {
    shared_db: SharedDb,
    lifeline: Lifeline,
    ringing: bool,
    again: bool,
}

impl Bell {
    /// The name of its handle.
    pub const NAME: &'static str = "bell";

    /// A silent bell.
    pub fn new(shared_db: SharedDb, lifeline: Lifeline) -> Self {
        Self { shared_db, lifeline, ringing: false, again: false }
    }

    fn ring(&mut self, context: &mut Context<Self>) {
        self.ringing = true;
        self.again = false;
        let shared_db = self.shared_db.clone();
        let ring = async move {
            if let Err(error) = ring_once(&shared_db).await {
                tracing::debug!(%error, "the bell was not heard; the publisher's tick will do");
            }
            sleep(PAUSE).await;
        };
        context.spawn(ring.into_actor(self).map(|(), bell, context| {
            bell.ringing = false;
            if bell.again {
                bell.ring(context);
            }
        }));
    }
}

async fn ring_once(shared_db: &SharedDb) -> Result<(), StoreError> {
    outbox::ring(&shared_db.connection().await?).await
}

impl Actor for Bell {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.lifeline.ready();
    }
}

impl Handler<Ring> for Bell {
    type Result = ();

    fn handle(&mut self, _ring: Ring, context: &mut Self::Context) {
        if self.ringing {
            self.again = true;
        } else {
            self.ring(context);
        }
    }
}

/// Rings after a commit. A full mailbox means that a ring is waiting there already, and a bell between two lives that the
/// publisher's tick will do: neither is the caller's trouble.
pub fn ring(bell: &Handle<Bell>) {
    let _told_or_needless = bell.tell(Ring);
}
