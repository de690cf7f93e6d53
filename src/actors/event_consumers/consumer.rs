//! The life of a consumer.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use thiserror::Error;
use tokio::time::sleep;

use crate::actors::broker::topology::{self, QueueSpec};
use crate::actors::broker::{self, BusError, RabbitmqSettings};
use crate::actors::system::{Backoff, Child, ChildSpec, Exit, Lifeline};
use crate::models::store::dead_letters::{self, NewDeadLetter};
use crate::models::store::{SharedDb, StoreError};

/// How a first refusal, and the tenth, delay the next try.
pub(super) const REFUSED: Backoff = Backoff { min: Duration::from_millis(20), max: Duration::from_secs(2) };

/// What consumers have in common.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    /// How to reach the bus.
    pub rabbitmq: RabbitmqSettings,
    /// Deliveries that may be unacknowledged, and so how large a [`Deliver`](super::Deliver) may be. On shared queues 32 at most, see
    /// [`topology`].
    pub prefetch: u16,
}

#[derive(Debug, Error)]
enum Broken {
    #[error("rabbitmq: {0}")]
    Bus(#[from] BusError),
    #[error("rabbitmq: the consumer was cancelled")]
    Cancelled,
    #[error(transparent)]
    Leaving(#[from] Leaving),
}

impl From<lapin::Error> for Broken {
    fn from(error: lapin::Error) -> Self {
        Self::Bus(error.into())
    }
}

/// Whoever the queue is read for takes nothing more: this process is about to end.
#[derive(Debug, Error)]
#[error("the reader is about to end")]
pub(in crate::actors) struct Leaving;

/// Who reads a queue.
pub(in crate::actors) trait Reader: Clone + Send + Sync + 'static {
    /// The queue is declared and bound (again), and nothing of it has been read yet.
    ///
    /// # Errors
    /// [`Leaving`], as below.
    fn begin(&self, desk: &Desk) -> impl Future<Output = Result<(), Leaving>>;

    /// Answers when nothing of the batch needs the queue any more, however long that takes: then it is acknowledged.
    ///
    /// Not by requeueing: each return counts towards the delivery limit, and an outage of a minute would make dead letters of
    /// good messages.
    ///
    /// # Errors
    /// [`Leaving`]: the connection is closed, so that others are given what it holds at once.
    fn take(&self, desk: &Desk, batch: &[Delivery]) -> impl Future<Output = Result<(), Leaving>>;
}

/// What a reader has at hand.
pub(in crate::actors) struct Desk {
    /// The name of the queue.
    pub(in crate::actors) queue: String,
    shared_db: SharedDb,
    lifeline: Lifeline,
}

impl Desk {
    /// Keeps a dead letter; answers when it is committed. Tells whether it was news.
    pub(in crate::actors) async fn keep(&self, letter: &NewDeadLetter) -> bool {
        let mut failures = 0;
        loop {
            match self.try_to_keep(letter).await {
                Ok(is_news) => {
                    if failures > 0 {
                        self.lifeline.recovered();
                    }
                    return is_news;
                }
                Err(error) => {
                    failures += 1;
                    let pause = REFUSED.pause_now(failures);
                    tracing::warn!(queue = self.queue, %error, ?pause, "a dead letter is not kept yet");
                    self.lifeline.impaired(format!("postgres: {error}"));
                    sleep(pause).await;
                }
            }
        }
    }

    async fn try_to_keep(&self, letter: &NewDeadLetter) -> Result<bool, StoreError> {
        let is_news = dead_letters::keep(&self.shared_db.connection().await?, letter).await?;
        if is_news {
            let NewDeadLetter { queue, message_id, routing_key, reason, .. } = letter;
            tracing::error!(queue, message_id, routing_key, reason, "a message became a dead letter");
            metrics::counter!("botberi_dead_letters_kept_total").increment(1);
        }
        Ok(is_news)
    }
}

/// A child that reads `queue` by way of `reader`. It is ready at once: with RabbitMQ away it is impaired.
pub(in crate::actors) fn queue_reader<R: Reader>(
    spec: ChildSpec,
    settings: ConsumerSettings,
    queue: QueueSpec,
    reader: R,
    shared_db: SharedDb,
) -> Child {
    Child::new(spec, move |lifeline| {
        let desk = Desk { queue: queue.name.clone(), shared_db: shared_db.clone(), lifeline };
        let consumer =
            Consumer { settings: settings.clone(), queue: queue.clone(), reader: reader.clone(), desk };
        Box::pin(consumer.live())
    })
}

struct Consumer<R> {
    settings: ConsumerSettings,
    queue: QueueSpec,
    reader: R,
    desk: Desk,
}

impl<R: Reader> Consumer<R> {
    async fn live(self) -> Exit {
        let backoff = self.settings.rabbitmq.backoff();
        let mut failures = 0;
        // Nothing waits for RabbitMQ to start, and nothing is called well before it is there.
        self.desk.lifeline.impaired("rabbitmq: not consuming yet");
        self.desk.lifeline.ready();
        loop {
            let broken = tokio::select! {
                biased;
                () = self.desk.lifeline.stop_requested() => return Exit::Stopped,
                broken = self.consume(&mut failures) => broken,
            };
            if matches!(broken, Broken::Leaving(_)) {
                self.desk.lifeline.stop_requested().await;
                return Exit::Stopped;
            }
            failures += 1;
            let pause = backoff.pause_now(failures);
            tracing::warn!(queue = self.queue.name, error = %broken, ?pause, "not consuming");
            self.desk.lifeline.impaired(broken.to_string());
            if self.desk.lifeline.stops_within(pause).await {
                return Exit::Stopped;
            }
        }
    }

    async fn consume(&self, failures: &mut u32) -> Broken {
        // The connection lives as long as the deliveries: dropped, it closes.
        let (_connection, channel) = match self.open().await {
            Ok(opened) => opened,
            Err(error) => return error,
        };
        match self.read(&channel, failures).await {
            Ok(()) => Broken::Cancelled,
            Err(error) => error,
        }
    }

    async fn open(&self) -> Result<(Connection, Channel), Broken> {
        let connection = broker::connect(&self.settings.rabbitmq, &self.queue.name).await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(self.settings.prefetch, BasicQosOptions::default()).await?;
        topology::declare(&channel, std::slice::from_ref(&self.queue)).await?;
        Ok((connection, channel))
    }

    async fn read(&self, channel: &Channel, failures: &mut u32) -> Result<(), Broken> {
        self.reader.begin(&self.desk).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let name = self.queue.name.as_str().into();
        let mut deliveries = channel.basic_consume(name, "".into(), options, arguments).await?;
        tracing::info!(queue = self.queue.name, "consuming");
        self.desk.lifeline.recovered();
        *failures = 0;
        while let Some(first) = deliveries.next().await {
            let mut batch = vec![first?];
            while batch.len() < usize::from(self.settings.prefetch) {
                match deliveries.next().now_or_never() {
                    Some(Some(next)) => batch.push(next?),
                    _ => break,
                }
            }
            self.reader.take(&self.desk, &batch).await?;
            if let Some(last) = batch.last() {
                channel.basic_ack(last.delivery_tag, BasicAckOptions { multiple: true }).await?;
            }
        }
        Ok(())
    }
}
