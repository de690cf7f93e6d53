//! Sends letters again, one after the other, each within one transaction: its row is locked until what became of it is written.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Connection, ErrorKind};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::{COUNT_EVERY, TICK};
use crate::actors::broker::envelope::Envelope;
use crate::actors::broker::{self, BusError, RabbitmqSettings, topology};
use crate::actors::system::{Exit, Lifeline};
use crate::models::DeadLetterId;
use crate::models::store::redrives::{self, Redrive};
use crate::models::store::{SharedDb, StoreError};

/// A transaction in which nothing happens for longer is ended by Postgres, and what was sent would be sent again.
const CONFIRM_WITHIN_MAX: Duration = Duration::from_secs(4);

/// What sends letters again is made of.
#[derive(Debug, Clone)]
pub struct RedriverParts {
    /// Where the letters and the wishes are.
    pub shared_db: SharedDb,
    /// The bus that they go back to.
    pub rabbitmq: RabbitmqSettings,
}

#[derive(Debug, Error)]
enum Broken {
    #[error("rabbitmq: {0}")]
    Bus(#[from] BusError),
    #[error("rabbitmq: no confirm within {0:?}")]
    Unconfirmed(Duration),
    #[error("postgres: {0}")]
    Store(#[from] StoreError),
}

impl From<lapin::Error> for Broken {
    fn from(error: lapin::Error) -> Self {
        Self::Bus(error.into())
    }
}

/// What RabbitMQ said of a letter.
enum Verdict {
    /// Its queue has it.
    Taken,
    /// It will not have it, and why. Its wish is over.
    Refused(String),
    /// The same, and the channel is gone with it.
    Fatal(String),
}

/// Until asked to stop. What is under way then is sent again by the next one.
pub(super) async fn live(parts: RedriverParts, lifeline: Lifeline) -> Exit {
    lifeline.ready();
    let redriver = Redriver { parts, wished: Notify::new(), lifeline };
    tokio::select! {
        () = redriver.lifeline.stop_requested() => {}
        () = redriver.for_ever() => {}
        () = redriver.listen() => {}
        () = redriver.count() => {}
    }
    Exit::Stopped
}

struct Redriver {
    parts: RedriverParts,
    wished: Notify,
    lifeline: Lifeline,
}

impl Redriver {
    async fn for_ever(&self) {
        let backoff = self.parts.rabbitmq.backoff();
        let mut failures = 0;
        loop {
            match self.carry_out(&mut failures).await {
                Ok(()) => {
                    self.lifeline.recovered();
                    failures = 0;
                    // A bell that rings while letters are sent is not lost: the permit stays.
                    let _bell_or_tick = timeout(TICK, self.wished.notified()).await;
                }
                Err(broken) => {
                    failures += 1;
                    let pause = backoff.pause_now(failures);
                    tracing::warn!(error = %broken, ?pause, "not redriving");
                    self.lifeline.impaired(broken.to_string());
                    self.note(&broken).await;
                    sleep(pause).await;
                }
            }
        }
    }

    /// Tells whoever looks at the letters what they wait for.
    async fn note(&self, broken: &Broken) {
        if let Ok(connection) = self.parts.shared_db.connection().await {
            let _in_the_log_anyway = redrives::note_error(&connection, &broken.to_string()).await;
        }
    }

    /// Sends what is wished for. It connects to RabbitMQ only if there is something.
    async fn carry_out(&self, failures: &mut u32) -> Result<(), Broken> {
        while redrives::has_wished(&self.parts.shared_db.connection().await?).await? {
            let (_connection, channel) = self.open().await?;
            loop {
                match self.send_next(&channel).await? {
                    // Others have what is left.
                    None => return Ok(()),
                    Some(Verdict::Taken | Verdict::Refused(_)) => *failures = 0,
                    Some(Verdict::Fatal(_)) => break,
                }
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<(Connection, Channel), Broken> {
        let connection = broker::connect(&self.parts.rabbitmq, "botberi redriver").await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        // RabbitMQ may have come back empty: the platform's own queues are to be had.
        topology::declare(&channel, &topology::durable_queues()).await?;
        Ok((connection, channel))
    }

    /// Sends the next one, if there is one that nobody else is sending.
    async fn send_next(&self, channel: &Channel) -> Result<Option<Verdict>, Broken> {
        let mut connection = self.parts.shared_db.connection().await?;
        let transaction = connection.transaction().await?;
        let Some(redrive) = redrives::take_wished(&transaction).await? else { return Ok(None) };
        let (id, queue) = (redrive.id, redrive.queue.clone());
        let verdict = match self.publish(channel, redrive).await {
            Err(broken @ Broken::Unconfirmed(_)) => {
                redrives::postpone(&transaction, id, &broken.to_string()).await?;
                transaction.commit().await?;
                return Err(broken);
            }
            verdict => verdict?,
        };
        match &verdict {
            Verdict::Taken => redrives::mark_redriven(&transaction, id).await?,
            Verdict::Refused(error) | Verdict::Fatal(error) => {
                redrives::give_up(&transaction, id, error).await?;
            }
        }
        transaction.commit().await?;
        tell(id, &queue, &verdict);
        Ok(Some(verdict))
    }

    /// By way of the default exchange, which knows every queue by its name and brings a message to that one alone.
    async fn publish(&self, channel: &Channel, redrive: Redrive) -> Result<Verdict, Broken> {
        let Redrive { queue, routing_key, envelope, body, redrives, .. } = redrive;
        let Some(envelope) = Envelope::unpack(&envelope) else {
            return Ok(Verdict::Refused("its envelope cannot be read".to_owned()));
        };
        let properties = envelope.again(&routing_key, redrives.saturating_add(1));
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let within = Duration::from_millis(self.parts.rabbitmq.confirm_timeout_ms).min(CONFIRM_WITHIN_MAX);
        let publishing = async {
            channel.basic_publish("".into(), queue.as_str().into(), options, &body, properties).await?.await
        };
        match timeout(within, publishing).await {
            Ok(Ok(Confirmation::Ack(None))) => Ok(Verdict::Taken),
            Ok(Ok(Confirmation::Ack(Some(_)))) => {
                Ok(Verdict::Refused(format!("there is no queue `{queue}`")))
            }
            Ok(Ok(Confirmation::Nack(_) | Confirmation::NotRequested)) => {
                Ok(Verdict::Refused(format!("the queue `{queue}` did not take it")))
            }
            // RabbitMQ closes the channel over what it does not understand, and would do so again.
            Ok(Err(error)) if is_about_the_message(&error) => {
                Ok(Verdict::Fatal(format!("RabbitMQ does not understand it: {error}")))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_elapsed) => Err(Broken::Unconfirmed(within)),
        }
    }

    /// Hears wishes at once. Without it they wait for the tick.
    async fn listen(&self) {
        let backoff = self.parts.rabbitmq.backoff();
        let mut failures = 0;
        loop {
            if let Err(error) = self.hear(&mut failures).await {
                tracing::debug!(%error, "wishes are not heard; the tick will do");
            }
            failures += 1;
            sleep(backoff.pause_now(failures)).await;
        }
    }

    async fn hear(&self, failures: &mut u32) -> Result<(), StoreError> {
        let mut connection = self.parts.shared_db.own_connection("botberi redriver").await?;
        connection.listen_for_redrives().await?;
        *failures = 0;
        // For what was wished meanwhile.
        self.wished.notify_one();
        while connection.bell().await.is_some() {
            self.wished.notify_one();
        }
        Ok(())
    }

    /// Every replica measures the same: take the largest.
    async fn count(&self) {
        loop {
            if let Ok(connection) = self.parts.shared_db.connection().await
                && let Ok(open) = redrives::count_open(&connection).await
            {
                metrics::gauge!("botberi_dead_letters_open")
                    .set(f64::from(u32::try_from(open).unwrap_or(u32::MAX)));
            }
            sleep(COUNT_EVERY).await;
        }
    }
}

fn is_about_the_message(error: &lapin::Error) -> bool {
    use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED))
}

fn tell(id: DeadLetterId, queue: &str, verdict: &Verdict) {
    match verdict {
        Verdict::Taken => {
            tracing::info!(dead_letter.id = %id, queue, "redriven");
            metrics::counter!("botberi_dead_letters_redriven_total").increment(1);
        }
        Verdict::Refused(error) | Verdict::Fatal(error) => {
            tracing::warn!(dead_letter.id = %id, queue, error, "not redriven");
        }
    }
}
