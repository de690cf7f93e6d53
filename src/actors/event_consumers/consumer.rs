//! The life of a consumer.

use std::time::Duration;

use actix::{Actor, Context, Handler};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::time::sleep;

use super::{Bound, BusEvent, Deliver, NotTaken, decode};
use crate::actors::broker::topology::{self, QueueSpec};
use crate::actors::broker::{self, BusError, REQUEST_ID, RabbitmqSettings, TRACEPARENT};
use crate::actors::system::{AskError, Backoff, Child, ChildSpec, Exit, Handle, Lifeline};
use crate::models::Origin;
use crate::models::store::dead_letters::{self, NewDeadLetter};
use crate::models::store::{SharedDb, StoreError};

/// How an actor's first refusal, and the tenth, delay the next try.
const REFUSED: Backoff = Backoff { min: Duration::from_millis(20), max: Duration::from_secs(2) };

/// What consumers have in common.
#[derive(Debug, Clone)]
pub struct ConsumerSettings {
    /// How to reach the bus.
    pub rabbitmq: RabbitmqSettings,
    /// Deliveries that may be unacknowledged, and so how large a [`Deliver`] may be. On shared queues 32 at most, see
    /// [`topology`].
    pub prefetch: u16,
}

#[derive(Debug, Error)]
enum Broken {
    #[error("rabbitmq: {0}")]
    Bus(#[from] BusError),
    #[error("rabbitmq: the consumer was cancelled")]
    Cancelled,
    #[error("the reader is about to end")]
    Leaving,
}

impl From<lapin::Error> for Broken {
    fn from(error: lapin::Error) -> Self {
        Self::Bus(error.into())
    }
}

/// A child that reads `queue` for the actor behind `reader`. It is ready at once: with RabbitMQ away it is impaired.
pub fn consumer<A>(
    spec: ChildSpec,
    settings: ConsumerSettings,
    queue: QueueSpec,
    reader: Handle<A>,
    shared_db: SharedDb,
) -> Child
where
    A: Actor<Context = Context<A>> + Handler<Bound> + Handler<Deliver>,
{
    Child::new(spec, move |lifeline| {
        let consumer = Consumer {
            settings: settings.clone(),
            queue: queue.clone(),
            reader: reader.clone(),
            shared_db: shared_db.clone(),
            lifeline,
        };
        Box::pin(consumer.live())
    })
}

struct Consumer<A: Actor> {
    settings: ConsumerSettings,
    queue: QueueSpec,
    reader: Handle<A>,
    shared_db: SharedDb,
    lifeline: Lifeline,
}

impl<A> Consumer<A>
where
    A: Actor<Context = Context<A>> + Handler<Bound> + Handler<Deliver>,
{
    async fn live(self) -> Exit {
        let backoff = self.settings.rabbitmq.backoff();
        let mut failures = 0;
        // Nothing waits for RabbitMQ to start, and nothing is called well before it is there.
        self.lifeline.impaired("rabbitmq: not consuming yet");
        self.lifeline.ready();
        loop {
            let broken = tokio::select! {
                biased;
                () = self.lifeline.stop_requested() => return Exit::Stopped,
                broken = self.consume(&mut failures) => broken,
            };
            if matches!(broken, Broken::Leaving) {
                self.lifeline.stop_requested().await;
                return Exit::Stopped;
            }
            failures += 1;
            let pause = backoff.pause_now(failures);
            tracing::warn!(queue = self.queue.name, error = %broken, ?pause, "not consuming");
            self.lifeline.impaired(broken.to_string());
            if self.lifeline.stops_within(pause).await {
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
        self.until_taken(|| Bound).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let name = self.queue.name.as_str().into();
        let mut deliveries = channel.basic_consume(name, "".into(), options, arguments).await?;
        tracing::info!(queue = self.queue.name, "consuming");
        self.lifeline.recovered();
        *failures = 0;
        while let Some(first) = deliveries.next().await {
            let mut batch = vec![first?];
            while batch.len() < usize::from(self.settings.prefetch) {
                match deliveries.next().now_or_never() {
                    Some(Some(next)) => batch.push(next?),
                    _ => break,
                }
            }
            self.handle(channel, &batch).await?;
        }
        Ok(())
    }

    async fn handle(&self, channel: &Channel, batch: &[Delivery]) -> Result<(), Broken> {
        let mut events: Vec<BusEvent> = Vec::with_capacity(batch.len());
        for delivery in batch {
            let key = delivery.routing_key.as_str();
            // What external workers report is no event: the broker has a queue for it, and whoever hears everything passes
            // over it.
            if key.starts_with("report.") {
                continue;
            }
            match decode(key, origin(delivery), &delivery.data) {
                Ok(event) => {
                    tracing::debug!(
                        queue = self.queue.name,
                        event.kind = key,
                        event.position = event.position,
                        request.id = event.origin.request_id,
                        trace.id = event.origin.trace_id(),
                        "event taken"
                    );
                    events.push(event);
                }
                Err(error) => self.bury(delivery, &error.to_string()).await,
            }
        }
        if !events.is_empty() {
            self.until_taken(|| Deliver { events: events.clone() }).await?;
        }
        if let Some(last) = batch.last() {
            channel.basic_ack(last.delivery_tag, BasicAckOptions { multiple: true }).await?;
        }
        Ok(())
    }

    /// Asks until the actor has taken it. Not by requeueing: each return counts towards the delivery limit, and an
    /// outage of a minute would make dead letters of good messages.
    async fn until_taken<M>(&self, message: impl Fn() -> M) -> Result<(), Broken>
    where
        M: actix::Message<Result = Result<(), NotTaken>> + Send + 'static,
        A: Handler<M>,
    {
        let mut refusals = 0;
        while let Err(error) = self.reader.ask(message()).await {
            if matches!(error, AskError::Reply(NotTaken::Leaving)) {
                return Err(Broken::Leaving);
            }
            refusals += 1;
            let pause = REFUSED.pause_now(refusals);
            tracing::warn!(queue = self.queue.name, reader = self.reader.name(), %error, ?pause, "not taken");
            sleep(pause).await;
        }
        Ok(())
    }

    /// What cannot be read is kept with the reason, and blocks nothing behind it.
    async fn bury(&self, delivery: &Delivery, reason: &str) {
        let routing_key = delivery.routing_key.as_str();
        tracing::error!(queue = self.queue.name, routing_key, reason, "a message became a dead letter");
        let event_id = message_id(delivery);
        let letter = NewDeadLetter {
            queue: &self.queue.name,
            event_id: &event_id,
            routing_key,
            reason,
            headers: &Value::Object(serde_json::Map::new()),
            body: &delivery.data,
        };
        let mut failures = 0;
        while let Err(error) = self.keep(&letter).await {
            failures += 1;
            self.lifeline.impaired(format!("postgres: {error}"));
            sleep(REFUSED.pause_now(failures)).await;
        }
        if failures > 0 {
            self.lifeline.recovered();
        }
    }

    async fn keep(&self, letter: &NewDeadLetter<'_>) -> Result<(), StoreError> {
        let connection = self.shared_db.connection().await?;
        let _new_or_known = dead_letters::insert(&connection, letter).await?;
        Ok(())
    }
}

/// The id in the message's properties. A message without one is told apart by what it says.
fn message_id(delivery: &Delivery) -> String {
    match delivery.properties.message_id() {
        Some(stated) => stated.to_string(),
        None => URL_SAFE_NO_PAD.encode(Sha256::digest(&delivery.data)),
    }
}

/// What the headers say that the message followed from; nothing, if they make no sense.
fn origin(delivery: &Delivery) -> Origin {
    let headers = delivery.properties.headers().as_ref().map(FieldTable::inner);
    let text = |name: &str| match headers.and_then(|headers| headers.get(name)) {
        Some(AMQPValue::LongString(text)) => str::from_utf8(text.as_bytes()).ok(),
        _ => None,
    };
    Origin::read(text(REQUEST_ID).map(str::to_owned), text(TRACEPARENT))
}
