//! Publishes positioned events in order and counts their confirms.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{Channel, Confirmation, Connection};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::PublisherParts;
use super::leader::Progress;
use super::window::{Answer, Appetite, BYTES_MAX, Trouble, Verdict, Window};
use crate::actors::broker::topology::{self, EVENTS};
use crate::actors::broker::{self, BusError, REQUEST_ID, RabbitmqSettings, TRACEPARENT};
use crate::actors::system::Lifeline;
use crate::models::store::dead_letters::{self, NewDeadLetter};
use crate::models::store::{OwnConnection, SharedSide, StoreError, outbox};
use crate::models::{Origin, RoutingKey, SCHEMA_VERSION, StoredEvent};

/// How often the connection is looked at while there is nothing to publish: how late `/readyz` names an outage that
/// nothing else has run into.
const IDLE_LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Error)]
enum Broken {
    #[error("rabbitmq: {0}")]
    Bus(#[from] BusError),
    #[error("rabbitmq: no confirm for position {position} within {within:?}")]
    Unconfirmed { position: i64, within: Duration },
    #[error("rabbitmq: refused position {position}")]
    Refused { position: i64 },
    #[error("rabbitmq: no queue takes {key} (position {position}); the topology is declared again")]
    Returned { position: i64, key: RoutingKey },
    #[error("rabbitmq: the connection is gone")]
    Gone,
    #[error("postgres: {0}")]
    Store(#[from] StoreError),
}

impl From<lapin::Error> for Broken {
    fn from(error: lapin::Error) -> Self {
        Self::Bus(error.into())
    }
}

type Confirm = std::pin::Pin<Box<dyn Future<Output = Result<Confirmation, lapin::Error>>>>;

/// What stands beside the window's entries, in the same order.
struct Sent {
    key: RoutingKey,
    deadline: Instant,
}

pub(super) struct Sender<'a> {
    connection: &'a OwnConnection<SharedSide>,
    rabbitmq: RabbitmqSettings,
    window_max: usize,
    progress: Progress,
    window: Window,
    /// What the placer has just placed; may have holes, which the log fills.
    ahead: mpsc::Receiver<Vec<StoredEvent>>,
    ready: Ready,
    appetite: Appetite,
    sent: VecDeque<Sent>,
    confirms: FuturesOrdered<Confirm>,
    /// Kept beside the window, so that an orderly stop can still wait for its confirms.
    connection_to_bus: Option<Connection>,
}

/// Events that are next, and what they weigh.
#[derive(Default)]
struct Ready {
    events: VecDeque<StoredEvent>,
    bytes: usize,
}

impl Ready {
    fn add(&mut self, batch: Vec<StoredEvent>) {
        self.bytes += batch.iter().map(weight).sum::<usize>();
        self.events.extend(batch);
    }

    fn pop(&mut self) -> Option<StoredEvent> {
        let event = self.events.pop_front()?;
        self.bytes = self.bytes.saturating_sub(weight(&event));
        Some(event)
    }

    fn next(&self) -> Option<i64> {
        self.events.front().map(|event| event.position)
    }

    /// Whether another batch may be taken in beside this.
    fn has_room(&self, events_max: usize) -> bool {
        self.events.len() < events_max && self.bytes < BYTES_MAX
    }
}

/// What an event takes, nearly: all but its body is small.
pub(super) fn weight(event: &StoredEvent) -> usize {
    event.body.get().len() + 512
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        parts: &PublisherParts,
        connection: &'a OwnConnection<SharedSide>,
        progress: Progress,
        ahead: mpsc::Receiver<Vec<StoredEvent>>,
    ) -> Self {
        Self {
            connection,
            rabbitmq: parts.rabbitmq.clone(),
            window_max: parts.settings.window_max,
            window: Window::new(progress.confirmed.get(), parts.settings.window_max),
            progress,
            ahead,
            ready: Ready::default(),
            appetite: Appetite::new(parts.settings.window_max),
            sent: VecDeque::new(),
            confirms: FuturesOrdered::new(),
            connection_to_bus: None,
        }
    }

    /// Publishes until the database is lost, which ends leadership; the loss of RabbitMQ only delays it.
    pub(super) async fn run(&mut self, lifeline: &Lifeline) -> StoreError {
        let backoff = self.rabbitmq.backoff();
        let mut failures = 0;
        loop {
            let broken = match self.publish(lifeline, &mut failures).await {
                Broken::Store(error) => return error,
                broken => broken,
            };
            self.forget_unconfirmed();
            failures += 1;
            let pause = backoff.pause_now(failures);
            let (confirmed, placed) = (self.progress.confirmed.get(), self.progress.placed.get());
            tracing::warn!(error = %broken, confirmed, placed, ?pause, "not publishing");
            lifeline.impaired(broken.to_string());
            sleep(pause).await;
            if let Broken::Returned { position, key } = broken
                && let Err(error) = self.came_back(position, &key).await
            {
                return error;
            }
        }
    }

    /// Waits for the confirms that are still out.
    pub(super) async fn drain(&mut self) {
        while let Some(confirm) = self.confirms.next().await {
            if self.confirmed(confirm).is_err() {
                return;
            }
        }
    }

    /// Whatever a channel left unconfirmed is sent again, from the log. At once, and not when the next channel is there:
    /// a stop in between drains, and the confirms behind one that failed would carry the cursor past it.
    fn forget_unconfirmed(&mut self) {
        self.window.spoil();
        self.sent.clear();
        self.confirms = FuturesOrdered::new();
        self.ready = Ready::default();
        self.connection_to_bus = None;
    }

    async fn publish(&mut self, lifeline: &Lifeline, failures: &mut u32) -> Broken {
        let (connection, channel) = match self.open().await {
            Ok(opened) => opened,
            Err(error) => return error,
        };
        self.connection_to_bus = Some(connection);
        self.window.begin();
        lifeline.recovered();
        let confirmed_before = self.progress.confirmed.get();
        loop {
            // Not at the opening: a broker that accepts connections and refuses messages would be tried without a pause.
            if self.progress.confirmed.get() > confirmed_before {
                *failures = 0;
            }
            if let Err(broken) = self.step(&channel).await {
                return broken;
            }
        }
    }

    async fn open(&self) -> Result<(Connection, Channel), Broken> {
        let connection = broker::connect(&self.rabbitmq, "botberi event_publisher").await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        topology::declare(&channel, &topology::durable_queues()).await?;
        tracing::info!(from = self.progress.confirmed.get() + 1, "publishing");
        Ok((connection, channel))
    }

    /// Fills the window, then waits for whatever comes first: a confirm, its deadline, or more to send.
    async fn step(&mut self, channel: &Channel) -> Result<(), Broken> {
        self.fill(channel).await?;
        let deadline = self.sent.front().map(|oldest| oldest.deadline);
        match self.window.oldest().zip(deadline) {
            Some((position, deadline)) => tokio::select! {
                biased;
                confirm = timeout_at(deadline, self.confirms.next()) => match confirm {
                    Ok(Some(confirm)) => self.confirmed(confirm)?,
                    _ => {
                        let within = Duration::from_millis(self.rabbitmq.confirm_timeout_ms);
                        return Err(Broken::Unconfirmed { position, within });
                    }
                },
                // What does not fit in stays where it is; where that is full, the placer leaves it to the log.
                Some(batch) = self.ahead.recv(), if self.ready.has_room(self.window_max) && self.window.has_room() => {
                    self.ready.add(batch);
                }
            },
            None => tokio::select! {
                Some(batch) = self.ahead.recv() => self.ready.add(batch),
                // Whoever has nothing to say does not notice by itself that nobody listens any more.
                () = sleep(IDLE_LOOK) => {
                    if !channel.status().connected() {
                        return Err(Broken::Gone);
                    }
                }
            },
        }
        Ok(())
    }

    async fn fill(&mut self, channel: &Channel) -> Result<(), Broken> {
        // No more than this: where confirms are slower than commits, it would grow without a bound. What the placer then cannot
        // hand over is read from the log.
        while self.ready.has_room(self.window_max)
            && let Ok(batch) = self.ahead.try_recv()
        {
            self.ready.add(batch);
        }
        while self.window.has_room() && self.window.sent() < self.progress.placed.get() {
            while self.ready.next().is_some_and(|position| position <= self.window.sent()) {
                let _sent_before = self.ready.pop();
            }
            match self.ready.next() {
                Some(next) if next == self.window.sent() + 1 => {
                    if let Some(event) = self.ready.pop() {
                        self.send(channel, &event);
                    }
                }
                _ => self.read_log().await?,
            }
        }
        Ok(())
    }

    /// Replaces what is ready by what the log has after the last position sent.
    async fn read_log(&mut self) -> Result<(), Broken> {
        let sent = self.window.sent();
        let events = self.log_after(sent, self.appetite.rows()).await?;
        // Positions are never missing from the log above the cursor. If retention or a hand at the database has made a
        // hole, standing still would help nobody.
        if let Some(first) = events.first()
            && first.position > sent + 1
        {
            tracing::error!(from = sent + 1, to = first.position - 1, "positions are gone from the log");
            self.window.skip_to(first.position - 1);
        } else if events.is_empty() {
            tracing::error!(from = sent + 1, "positions are gone from the log");
            self.window.skip_to(self.progress.placed.get());
        }
        self.ready = Ready::default();
        self.appetite.took(events.len(), events.iter().map(weight).sum());
        self.ready.add(events);
        Ok(())
    }

    async fn log_after(&self, position: i64, rows_max: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        outbox::range(self.connection, position, self.progress.placed.get(), limit).await
    }

    fn send(&mut self, channel: &Channel, event: &StoredEvent) {
        let (channel, key, properties) =
            (channel.clone(), event.routing_key.as_str().into(), properties(event));
        let body = event.message_body();
        self.confirms.push_back(Box::pin(async move {
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            channel.basic_publish(EVENTS.into(), key, options, body.as_bytes(), properties).await?.await
        }));
        self.window.hand_over(event.position, topology::has_durable_queue(&event.routing_key), weight(event));
        self.sent.push_back(Sent {
            key: event.routing_key.clone(),
            deadline: Instant::now() + Duration::from_millis(self.rabbitmq.confirm_timeout_ms),
        });
    }

    fn confirmed(&mut self, confirm: Result<Confirmation, lapin::Error>) -> Result<(), Broken> {
        let answer = match confirm? {
            // An ack alone does not prove routing: a mandatory message that no queue took is returned, then acked.
            Confirmation::Ack(Some(_)) => Answer::Returned,
            Confirmation::Ack(None) => Answer::Taken,
            Confirmation::Nack(_) | Confirmation::NotRequested => Answer::Refused,
        };
        let Some(Sent { key, .. }) = self.sent.pop_front() else { return Ok(()) };
        match self.window.answered(answer) {
            Ok(went_on) => {
                self.progress.confirmed.set(self.window.confirmed());
                if went_on {
                    metrics::counter!("botberi_events_published_total").increment(1);
                }
                Ok(())
            }
            Err(Trouble::Returned(position)) => Err(Broken::Returned { position, key }),
            Err(Trouble::Refused(position)) => Err(Broken::Refused { position }),
        }
    }

    /// An event that must have a queue found none. Opening the channel again declares the topology; if that does not help
    /// for this very event, it is kept as a dead letter rather than stopping all that follow.
    async fn came_back(&mut self, position: i64, key: &RoutingKey) -> Result<(), StoreError> {
        let verdict = self.window.came_back(position);
        tracing::error!(position, %key, ?verdict, "RabbitMQ has no queue for an event that needs one");
        if verdict != Verdict::Poison {
            return Ok(());
        }
        for event in self.log_after(position - 1, 1).await? {
            let body = event.message_body();
            let letter = NewDeadLetter {
                queue: EVENTS.to_owned(),
                message_id: event.event_id.to_string(),
                routing_key: key.to_string(),
                reason: "no queue took it".to_owned(),
                headers: serde_json::json!({}),
                envelope: Vec::new(),
                body_bytes: i64::try_from(body.len()).unwrap_or(i64::MAX),
                body: body.into_bytes(),
                obstacle: Some(format!("no queue has ever had it: replay position {position} of the log")),
                death: String::new(),
                died_at: None,
            };
            if dead_letters::keep(self.connection, &letter).await? {
                metrics::counter!("botberi_dead_letters_kept_total").increment(1);
            }
        }
        self.window.pass(position);
        self.progress.confirmed.set(self.window.confirmed());
        Ok(())
    }
}

/// Contract, section 7: persistent, and everything a consumer may want to know without reading the body.
pub(in crate::actors) fn properties(event: &StoredEvent) -> AMQPProperties {
    let mut headers = FieldTable::default();
    headers.insert("schema_version".into(), AMQPValue::LongInt(SCHEMA_VERSION));
    headers.insert("position".into(), AMQPValue::LongLongInt(event.position));
    let Origin { request_id, .. } = &event.origin;
    for (name, value) in [(REQUEST_ID, request_id.clone()), (TRACEPARENT, event.origin.traceparent_text())] {
        if let Some(value) = value {
            headers.insert(name.into(), AMQPValue::LongString(value.into()));
        }
    }
    let key: LongString = event.routing_key.as_str().into();
    AMQPProperties::default()
        .with_message_id(event.event_id.to_string().into())
        .with_type(key.to_string().into())
        .with_content_type("application/json".into())
        .with_delivery_mode(2)
        .with_headers(headers)
}
