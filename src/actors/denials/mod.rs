//! What was denied, counted here and written into the audit log a little later.
//!
//! - **Owns:** the rhythm of writing, every two seconds. The counts are in [`Denials`], where listeners add without asking.
//! - **Receives:** no messages.
//! - **Sends:** nothing.
//! - **Invariant:** a denial is in one count, and a count in one row; however many are denied, the memory has a bound.
//! - **On failure:** what is counted stays; what Postgres did not take is counted again. Counts of a process that is killed are lost,
//!   those of the last two seconds.

mod tally;

pub use tally::{Denials, Denied};

use std::time::Duration;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Running, WrapFuture};

use super::system::Lifeline;
use crate::models::store::{SharedDb, StoreError, denials};

/// How old a count is when it is written. Longer makes fewer rows of a flood, and loses more with a process that is killed.
const WRITTEN_EVERY: Duration = Duration::from_secs(2);

/// The actor.
pub struct DenialRecorder {
    denials: Denials,
    shared_db: SharedDb,
    lifeline: Lifeline,
    at_work: bool,
}

impl DenialRecorder {
    /// The name of its handle.
    pub const NAME: &'static str = "denials";

    /// One that has written nothing yet.
    #[must_use]
    pub const fn new(denials: Denials, shared_db: SharedDb, lifeline: Lifeline) -> Self {
        Self { denials, shared_db, lifeline, at_work: false }
    }
}

impl Actor for DenialRecorder {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.at_work = true;
        let (denials, shared_db, lifeline) =
            (self.denials.clone(), self.shared_db.clone(), self.lifeline.clone());
        let work = async move {
            while !lifeline.stops_within(WRITTEN_EVERY).await {
                write(&denials, &shared_db).await;
            }
            // Listeners stop first: what they have denied until then is all there is.
            write(&denials, &shared_db).await;
        };
        context.spawn(work.into_actor(self).map(|(), recorder, context| {
            recorder.at_work = false;
            context.stop();
        }));
        self.lifeline.ready();
    }

    /// Stays until the last counts are written: the work sees the same request to stop.
    fn stopping(&mut self, _context: &mut Self::Context) -> Running {
        if self.at_work { Running::Continue } else { Running::Stop }
    }
}

async fn write(denials: &Denials, shared_db: &SharedDb) {
    let taken = denials.take();
    if taken.is_empty() {
        return;
    }
    if let Err(error) = insert(shared_db, &taken).await {
        tracing::warn!(%error, counts = taken.len(), "what was denied is not in the audit log yet");
        // An answer that was lost may make a row twice: rather that than none.
        denials.give_back(taken);
    }
}

async fn insert(shared_db: &SharedDb, taken: &[Denied]) -> Result<(), StoreError> {
    denials::insert(&shared_db.connection().await?, taken).await
}
