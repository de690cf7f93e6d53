//! Publishes windows of the event log once more, for administrators, and tells them how far publishing is.
//!
//! - **Owns:** replays: one at a time on the whole platform, each a row that any broker replica carries out.
//! - **Receives:** [`FindOutbox`], [`StartReplay`], [`FindReplay`] and [`CancelReplay`] from `http::broker`.
//! - **Sends:** confirmed, persistent publishes to `events.topic`, with the message ids, bodies and headers of the first time
//!   and `x-replayed`, on a connection of its own; the publisher's cursor is not touched.
//! - **Invariant:** a replay's position never passes an event that RabbitMQ has not confirmed.
//! - **On failure:** whoever claims the row next goes on after its position; up to a window is sent twice. That another
//!   replica goes on takes as long as the lease of `rounds.rs` when the first one was killed.

mod error;
mod messages;
mod rounds;
mod settings;
mod window;

pub use error::ReplayError;
pub use messages::{CancelReplay, FindOutbox, FindReplay, Outbox, StartReplay};
pub use settings::ReplayerSettings;

use std::rc::Rc;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Running, WrapFuture};
use tokio::sync::Notify;

use super::broker::RabbitmqSettings;
use super::system::{Answer, Lifeline};
use crate::models::store::{SharedDb, outbox, publisher, replays};
use crate::models::{NewReplay, Replay, ReplayId, ReplicaId};

/// A leader beats at least every two seconds; one that has not for so long is deposed by whoever stands by, so nobody
/// publishes.
const LEADER_SILENCE_MS_MAX: i64 = 5_000;

/// What a replayer is made of.
#[derive(Debug, Clone)]
pub struct ReplayerParts {
    /// Who it works for.
    pub replica: ReplicaId,
    /// Where the log and the wishes are.
    pub shared_db: SharedDb,
    /// The bus that it publishes to.
    pub rabbitmq: RabbitmqSettings,
    /// Its own settings.
    pub settings: ReplayerSettings,
}

/// The actor. Its work is one future, `rounds::serve`; its answers overlap with it and with each other.
pub struct Replayer {
    parts: ReplayerParts,
    lifeline: Lifeline,
    wished: Rc<Notify>,
    at_work: bool,
}

impl Replayer {
    /// The name of its handle.
    pub const NAME: &'static str = "replayer";

    /// One that has not looked yet.
    #[must_use]
    pub fn new(parts: ReplayerParts, lifeline: Lifeline) -> Self {
        Self { parts, lifeline, wished: Rc::new(Notify::new()), at_work: false }
    }
}

impl Actor for Replayer {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.at_work = true;
        let work = rounds::serve(self.parts.clone(), self.wished.clone(), self.lifeline.clone());
        context.spawn(work.into_actor(self).map(|(), replayer, context| {
            replayer.at_work = false;
            context.stop();
        }));
        self.lifeline.ready();
    }

    /// Stays until the replay is given to others: `serve` sees the same request to stop.
    fn stopping(&mut self, _context: &mut Self::Context) -> Running {
        if self.at_work { Running::Continue } else { Running::Stop }
    }
}

impl Handler<FindOutbox> for Replayer {
    type Result = Answer<Result<Outbox, ReplayError>>;

    fn handle(&mut self, _find: FindOutbox, _context: &mut Self::Context) -> Self::Result {
        let shared_db = self.parts.shared_db.clone();
        self.lifeline.answer(async move { find_outbox(&shared_db).await })
    }
}

async fn find_outbox(shared_db: &SharedDb) -> Result<Outbox, ReplayError> {
    let connection = shared_db.connection().await?;
    let pending = outbox::pending_stats(&connection).await?;
    let state = publisher::state(&connection).await?;
    let first_position = outbox::first_position(&connection).await?;
    let is_led = state.silence_ms.is_some_and(|silence| silence < LEADER_SILENCE_MS_MAX);
    Ok(Outbox {
        pending: pending.unplaced + pending.unpublished,
        unplaced: pending.unplaced,
        unpublished: pending.unpublished,
        oldest_age_ms: pending.oldest_age_ms,
        published_total: pending.published_total,
        leader: state.replica_id.filter(|_| is_led),
        leader_silence_ms: state.silence_ms,
        epoch: state.epoch,
        first_position,
        last_position: state.last_position,
    })
}

impl Handler<StartReplay> for Replayer {
    type Result = Answer<Result<Replay, ReplayError>>;

    fn handle(&mut self, start: StartReplay, _context: &mut Self::Context) -> Self::Result {
        let (shared_db, wished) = (self.parts.shared_db.clone(), self.wished.clone());
        self.lifeline.answer(async move {
            let replay = start_replay(&shared_db, start).await?;
            wished.notify_one();
            Ok(replay)
        })
    }
}

async fn start_replay(shared_db: &SharedDb, start: StartReplay) -> Result<Replay, ReplayError> {
    let StartReplay { from_position, to_position, routing_key, by, origin } = start;
    let connection = shared_db.connection().await?;
    let first = outbox::first_position(&connection).await?.ok_or(ReplayError::Empty)?;
    let last = publisher::state(&connection).await?.published_position;
    let to_position = to_position.unwrap_or(last);
    if last < first {
        return Err(ReplayError::Empty);
    }
    if from_position < first || to_position > last || from_position > to_position {
        return Err(ReplayError::OutOfRange { first, last });
    }
    let new = NewReplay { from_position, to_position, routing_key };
    match replays::insert(&connection, ReplayId::new(), &new, by, &origin).await? {
        Some(replay) => Ok(replay),
        None => Err(ReplayError::UnderWay(replays::find_open(&connection).await?)),
    }
}

impl Handler<FindReplay> for Replayer {
    type Result = Answer<Result<Replay, ReplayError>>;

    fn handle(&mut self, FindReplay { id }: FindReplay, _context: &mut Self::Context) -> Self::Result {
        let shared_db = self.parts.shared_db.clone();
        self.lifeline.answer(async move {
            let connection = shared_db.connection().await?;
            replays::find(&connection, id).await?.ok_or(ReplayError::NotFound(id))
        })
    }
}

impl Handler<CancelReplay> for Replayer {
    type Result = Answer<Result<Replay, ReplayError>>;

    fn handle(&mut self, cancel: CancelReplay, _context: &mut Self::Context) -> Self::Result {
        let CancelReplay { id, origin } = cancel;
        let shared_db = self.parts.shared_db.clone();
        self.lifeline.answer(async move {
            let connection = shared_db.connection().await?;
            if replays::cancel(&connection, id, &origin).await? {
                tracing::info!(replay.id = %id, "the replay was cancelled");
            }
            replays::find(&connection, id).await?.ok_or(ReplayError::NotFound(id))
        })
    }
}
