//! Takes away what is older than it is to be kept, in one of the two databases.
//!
//! - **Owns:** nothing but the rhythm: soon after the start, then every `retention.interval_ms`, less a random part.
//! - **Receives:** no messages.
//! - **Sends:** nothing; what goes by age raises no event.
//! - **Invariant:** nothing goes before its time; of the event log only a beginning goes, and only what is published.
//! - **On failure:** holds nothing. Every replica tries; a lock inside each statement lets one delete at a time.
//!
//! It deletes a little, waits a little, and so on: locks are short, and autovacuum keeps up. An outage is logged and
//! counted, and not shown as a part that is unwell: whoever serves requests beside it can.

mod rounds;
mod settings;

pub use settings::RetentionSettings;

use actix::{Actor, AsyncContext, Context, WrapFuture};

use self::rounds::{Rounds, SharedTables, UserTables};
use super::system::Lifeline;
use crate::models::store::{SharedDb, UserDb};

/// One of the databases, with what is kept there.
#[derive(Debug, Clone)]
pub enum KeptIn {
    /// `user_psql`.
    User(UserDb),
    /// `shared_psql`.
    Shared(SharedDb),
}

/// The actor, for one database.
pub struct Retention {
    kept_in: KeptIn,
    settings: RetentionSettings,
    lifeline: Lifeline,
}

impl Retention {
    /// The name of the handle of the one for `shared_psql`.
    pub const SHARED: &'static str = "shared_retention";
    /// The name of the handle of the one for `user_psql`.
    pub const USER: &'static str = "user_retention";

    /// One that has not looked yet.
    #[must_use]
    pub const fn new(kept_in: KeptIn, settings: RetentionSettings, lifeline: Lifeline) -> Self {
        Self { kept_in, settings, lifeline }
    }
}

impl Actor for Retention {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let settings = self.settings.clone();
        // Rounds end with the context: what was deleted by then is deleted, the rest is old tomorrow too.
        match self.kept_in.clone() {
            KeptIn::User(db) => {
                let rounds = Rounds::new(settings, UserTables(db));
                context.spawn(rounds.for_ever().into_actor(self));
            }
            KeptIn::Shared(db) => {
                let rounds = Rounds::new(settings, SharedTables(db));
                context.spawn(rounds.for_ever().into_actor(self));
            }
        }
        self.lifeline.ready();
    }
}
