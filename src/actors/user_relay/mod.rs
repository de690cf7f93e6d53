//! Hands on what happens to accounts: from the outbox of `user_psql` to the event log in `shared_psql`.
//!
//! - **Owns:** the way of account events and of teams between the two databases, and the end of what a closed account owned.
//! - **Receives:** NOTIFY from `user_psql` when sessions are revoked; without it, it looks every second.
//! - **Sends:** a ring of the bell after each commit in `shared_psql`.
//! - **Invariant:** an event is marked as handed on after it is committed in the log, where its id is unique: killed in
//!   between, it is copied again and found to be there. Positions are given in the log only. The wish to take away what a
//!   user owned is committed with the event that the account is closed, and a team is known no later than it is told of.
//! - **On failure:** holds nothing. Every broker replica tries; a transaction's lock lets one copy at a time, and goes with
//!   the transaction of a replica that was frozen.

mod copying;
mod grouping;
mod sweeping;

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, WrapFuture};
use tokio::time::sleep;

use super::bell::{self, Bell};
use super::system::{Backoff, Handle, Lifeline};
use crate::models::store::{OwnConnection, SharedDb, StoreError, UserDb, UserSide};

/// The longest delay of an event whose notification was lost, or that raises none.
const TICK: Duration = Duration::from_secs(1);

/// The pauses after a database was lost. None is longer than two ticks: a look costs next to nothing.
const LOST: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(2) };

/// What a relay is made of.
#[derive(Clone)]
pub struct UserRelayParts {
    /// Where account events happen.
    pub user_db: UserDb,
    /// Where the log is.
    pub shared_db: SharedDb,
    /// Told after each commit.
    pub bell: Handle<Bell>,
    /// Life of an access token, in seconds: what a closed account owned is looked for once more after it.
    pub access_token_seconds: u64,
}

/// The actor. Its work is one future.
pub struct UserRelay {
    parts: UserRelayParts,
    lifeline: Lifeline,
}

/// Which of the databases did not answer.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("user_psql: {0}")]
    User(StoreError),
    #[error("shared_psql: {0}")]
    Shared(StoreError),
}

impl UserRelay {
    /// The name of its handle.
    pub const NAME: &'static str = "user_relay";

    /// One that has not looked yet.
    #[must_use]
    pub const fn new(parts: UserRelayParts, lifeline: Lifeline) -> Self {
        Self { parts, lifeline }
    }
}

impl Actor for UserRelay {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        // Ends with the context: a transaction that is dropped is rolled back, and begun again by whoever looks next.
        context.spawn(self.parts.clone().for_ever(self.lifeline.clone()).into_actor(self));
        self.lifeline.impaired("user_psql: not looked yet");
        self.lifeline.ready();
    }
}

impl UserRelayParts {
    async fn for_ever(self, lifeline: Lifeline) {
        let mut failures = 0;
        loop {
            let Err(broken) = self.relay(&lifeline, &mut failures).await;
            failures += 1;
            let pause = LOST.pause_now(failures);
            tracing::warn!(error = %broken, ?pause, "not relaying");
            lifeline.impaired(broken.to_string());
            sleep(pause).await;
        }
    }

    async fn relay(
        &self,
        lifeline: &Lifeline,
        failures: &mut u32,
    ) -> Result<std::convert::Infallible, Broken> {
        let mut wake = self.listen().await?;
        let settles_ms = self.access_token_seconds.saturating_mul(1_000);
        let settles_ms = settles_ms.saturating_add(sweeping::SETTLES_AFTER_TOKENS_MS);
        let settles_ms = i64::try_from(settles_ms).unwrap_or(i64::MAX);
        loop {
            // By turns: the events of others do not wait for the end of a user with a hundred thousand instances.
            let copied = copying::copy_some(&self.user_db, &self.shared_db).await?;
            let grouped = grouping::group_some(&self.user_db, &self.shared_db).await?;
            let swept = sweeping::sweep_some(&self.shared_db, settles_ms).await?;
            if copied || swept {
                bell::ring(&self.bell);
            }
            lifeline.recovered();
            *failures = 0;
            if copied || grouped || swept {
                continue;
            }
            tokio::select! {
                rung = wake.bell() => if rung.is_none() {
                    wake = self.listen().await?;
                },
                () = sleep(TICK) => {}
            }
        }
    }

    async fn listen(&self) -> Result<OwnConnection<UserSide>, Broken> {
        let connection = self.user_db.own_connection("botberi user_relay").await.map_err(Broken::User)?;
        connection.listen().await.map_err(Broken::User)?;
        Ok(connection)
    }
}
