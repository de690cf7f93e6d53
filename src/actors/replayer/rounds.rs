//! Looks for a replay, carries it out, and goes on after outages.

use std::rc::Rc;
use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use lapin::{Channel, Connection};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::ReplayerParts;
use super::window;
use crate::actors::broker::{self, BusError, topology};
use crate::actors::system::Lifeline;
use crate::models::store::{StoreError, outbox, replays};
use crate::models::{Replay, ReplayId, ReplicaId};

/// How long a replica that says nothing keeps its replay. Shorter than a confirm may take would have two replicas send the
/// same; longer delays the one that goes on after a crash.
pub(super) const LEASE: Duration = Duration::from_secs(15);

/// No pause between two tries is longer, so that a replica keeps its replay through an outage of RabbitMQ.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Positions that are read at once where few of them are meant.
const ROWS_MIN: i64 = 256;

#[derive(Debug, Error)]
pub(super) enum Broken {
    #[error("rabbitmq: {0}")]
    Bus(#[from] BusError),
    #[error("rabbitmq: no confirm within {0:?}")]
    Unconfirmed(Duration),
    #[error("rabbitmq: refused position {0}")]
    Refused(i64),
    #[error("rabbitmq: returned position {0}, for which it must have a queue")]
    Returned(i64),
    #[error("postgres: {0}")]
    Store(#[from] StoreError),
}

impl From<lapin::Error> for Broken {
    fn from(error: lapin::Error) -> Self {
        Self::Bus(error.into())
    }
}

/// Carries out whatever is wished for, until asked to stop; then lets others go on with it.
pub(super) async fn serve(parts: ReplayerParts, wished: Rc<Notify>, lifeline: Lifeline) {
    let round = Round { parts };
    tokio::select! {
        () = lifeline.stop_requested() => {}
        () = round.for_ever(&wished, &lifeline) => {}
    }
    if let Ok(connection) = round.parts.shared_db.connection().await {
        // Otherwise they wait for the lease to run out.
        let _others_wait = replays::release(&connection, round.parts.replica).await;
    }
}

struct Round {
    parts: ReplayerParts,
}

impl Round {
    async fn for_ever(&self, wished: &Notify, lifeline: &Lifeline) {
        let backoff = self.parts.rabbitmq.backoff();
        let tick = Duration::from_millis(self.parts.settings.tick_ms);
        let mut failures = 0;
        loop {
            let mut under_way = None;
            match self.carry_out(&mut under_way, &mut failures).await {
                Ok(()) => {
                    lifeline.recovered();
                    failures = 0;
                    // A bell that rings while one is under way is not lost: the permit stays.
                    tokio::select! {
                        () = wished.notified() => {}
                        () = sleep(tick) => {}
                    }
                }
                Err(broken) => {
                    failures += 1;
                    let pause = backoff.pause_now(failures).min(PAUSE_MAX);
                    tracing::warn!(error = %broken, ?pause, "not replaying");
                    lifeline.impaired(broken.to_string());
                    self.note(under_way, &broken).await;
                    sleep(pause).await;
                }
            }
        }
    }

    /// Tells whoever asks for the replay what it waits for.
    async fn note(&self, under_way: Option<ReplayId>, broken: &Broken) {
        let Some(id) = under_way else { return };
        if let Ok(connection) = self.parts.shared_db.connection().await {
            let _in_the_log_anyway =
                replays::note_error(&connection, (id, self.parts.replica), &broken.to_string()).await;
        }
    }

    /// Claims the open replay, if there is one to be had, and brings it to its end.
    async fn carry_out(&self, under_way: &mut Option<ReplayId>, failures: &mut u32) -> Result<(), Broken> {
        let claimed =
            replays::claim(&self.parts.shared_db.connection().await?, self.me(), lease_ms()).await?;
        let Some(replay) = claimed else { return Ok(()) };
        *under_way = Some(replay.id);
        let (_connection, channel) = self.open().await?;
        tracing::info!(
            replay.id = %replay.id,
            after = replay.position,
            to = replay.to_position,
            "replaying"
        );
        let mut position = replay.position;
        while position < replay.to_position {
            let began = Instant::now();
            let (reached, sent) = self.send_some(&channel, &replay, position).await?;
            position = reached;
            let connection = self.parts.shared_db.connection().await?;
            let mine = (replay.id, self.me());
            let still_mine = replays::advance(&connection, mine, position, sent, lease_ms()).await?;
            drop(connection);
            if !still_mine {
                tracing::info!(replay.id = %replay.id, position, "the replay is over, or another's");
                return Ok(());
            }
            *failures = 0;
            sleep(self.pace(sent).saturating_sub(began.elapsed())).await;
        }
        replays::finish(&self.parts.shared_db.connection().await?, (replay.id, self.me())).await?;
        tracing::info!(replay.id = %replay.id, "replayed");
        Ok(())
    }

    async fn open(&self) -> Result<(Connection, Channel), Broken> {
        let connection = broker::connect(&self.parts.rabbitmq, "botberi replayer").await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        // RabbitMQ may have come back empty: what is sent before the queues are there goes nowhere.
        topology::declare(&channel, &topology::durable_queues()).await?;
        Ok((connection, channel))
    }

    /// Publishes the next events after `position` and waits for their confirms. Gives how far that went, and how many were
    /// sent.
    async fn send_some(
        &self,
        channel: &Channel,
        replay: &Replay,
        position: i64,
    ) -> Result<(i64, i64), Broken> {
        let limit = self.rows(replay);
        let connection = self.parts.shared_db.connection().await?;
        let events = outbox::range(&connection, position, replay.to_position, limit).await?;
        // Nobody else should wait for this connection while RabbitMQ thinks.
        drop(connection);
        let full = i64::try_from(events.len()).is_ok_and(|found| found == limit);
        // Fewer than asked for: the rest of the window is not there. Retention may have overtaken the replay.
        let reached = events.last().filter(|_| full).map_or(replay.to_position, |last| last.position);
        let meant = events.iter().filter(|event| match &replay.routing_key {
            Some(pattern) => pattern.matches(&event.routing_key),
            None => true,
        });
        let within = Duration::from_millis(self.parts.rabbitmq.confirm_timeout_ms).min(LEASE / 2);
        let sent = window::publish(channel, replay.id, meant, within).await?;
        metrics::counter!("botberi_events_replayed_total").increment(sent);
        Ok((reached, i64::try_from(sent).unwrap_or(i64::MAX)))
    }

    /// At most what may be sent in a second, so that the pause after it is never longer than one.
    fn rows(&self, replay: &Replay) -> i64 {
        let settings = &self.parts.settings;
        let rows = i64::from(settings.window_max.min(settings.events_per_second_max));
        if replay.routing_key.is_some() { rows.max(ROWS_MIN) } else { rows }
    }

    /// How long so many events may take at least.
    fn pace(&self, sent: i64) -> Duration {
        let seconds = f64::from(i32::try_from(sent).unwrap_or(i32::MAX))
            / f64::from(self.parts.settings.events_per_second_max);
        Duration::from_secs_f64(seconds).min(LEASE / 3)
    }

    const fn me(&self) -> ReplicaId {
        self.parts.replica
    }
}

fn lease_ms() -> i64 {
    i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)
}
