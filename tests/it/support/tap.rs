//! Hears everything that is told on a test's bus, in order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use botberi::actors::broker::topology;

use super::wait::within;

/// The pause while RabbitMQ is away.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// How long a node that is frozen is waited for.
const ONE_TRY_WITHIN: Duration = Duration::from_secs(10);

/// One message as it stood on the bus.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) position: i64,
    pub(crate) key: String,
    pub(crate) body: Value,
    pub(crate) properties: AMQPProperties,
}

impl Heard {
    /// Whether it speaks of that instance.
    pub(crate) fn is_of(&self, instance: &str) -> bool {
        self.body["instance_id"] == instance
    }
}

/// Everything so far.
#[derive(Default)]
struct Log {
    all: Vec<Heard>,
    /// Every position up to here was heard.
    whole_to: i64,
    beyond: BTreeSet<i64>,
}

impl Log {
    fn hear(&mut self, heard: Heard) {
        if heard.position > self.whole_to {
            self.beyond.insert(heard.position);
        }
        while self.beyond.remove(&(self.whole_to + 1)) {
            self.whole_to += 1;
        }
        self.all.push(heard);
    }
}

/// A queue of its own that is bound to every key of `events.topic`. It goes past every fault proxy.
pub(crate) struct Tap {
    log: watch::Receiver<Log>,
    listening: JoinHandle<()>,
}

impl Tap {
    /// Listens from now on. One that is `lasting` outlives a restart of RabbitMQ, which makes confirms slower.
    ///
    /// Of several addresses it takes whichever answers: they are the nodes of a cluster, in which its queue has copies.
    pub(crate) async fn on(urls: &[String], lasting: bool) -> Self {
        let (tell, log) = watch::channel(Log::default());
        let mut queue = Queue::open_any(urls, lasting).await.unwrap();
        let urls = urls.to_vec();
        let listening = tokio::spawn(async move {
            loop {
                queue.read(&tell).await;
                queue = Queue::open_again(&urls, lasting).await;
            }
        });
        Self { log, listening }
    }

    /// Waits until `find` answers something of all that was heard.
    pub(crate) async fn until<T>(&self, what: &str, find: impl Fn(&[Heard]) -> Option<T>) -> T {
        let mut log = self.log.clone();
        let mut found = None;
        let search = log.wait_for(|log| {
            found = find(&log.all);
            found.is_some()
        });
        within(what, search).await.expect("the tap was closed");
        found.unwrap()
    }

    /// Waits for an event of an instance with that status.
    pub(crate) async fn until_status(&self, instance: &str, status: &str) -> Heard {
        let of_it = |heard: &&Heard| heard.is_of(instance) && heard.body["status"] == status;
        self.until(&format!("{instance} is {status}"), |all| all.iter().find(of_it).cloned()).await
    }

    /// Waits until every position up to this one was heard.
    pub(crate) async fn until_position(&self, position: i64) {
        let mut log = self.log.clone();
        let what = format!("position {position} is on the bus");
        within(&what, log.wait_for(|log| log.whole_to >= position)).await.expect("the tap was closed");
    }

    /// Up to where every position was heard.
    pub(crate) fn whole_to(&self) -> i64 {
        self.log.borrow().whole_to
    }

    /// Whether anything was heard since then.
    pub(crate) fn has_heard_since(&self, moment: Instant) -> bool {
        self.log.borrow().all.last().is_some_and(|heard| heard.at >= moment)
    }

    /// All that was heard by now.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.log.borrow().all.clone()
    }

    /// Waits for an event of an instance with that key.
    pub(crate) async fn until_key(&self, instance: &str, key: &str) -> Heard {
        let of_it = |heard: &&Heard| heard.is_of(instance) && heard.key == key;
        self.until(&format!("{key} of {instance}"), |all| all.iter().find(of_it).cloned()).await
    }

    /// Waits until an instance has gone through these statuses, one after the other, from the first on. Events that repeat
    /// the status before them are of a wish, or of another column.
    pub(crate) async fn until_story(&self, instance: &str, statuses: &[&str]) {
        let gone_through = |all: &[Heard]| {
            let mut story = statuses_of(all, instance);
            story.dedup();
            (story == statuses).then_some(())
        };
        self.until(&format!("{instance} has gone through {statuses:?}"), gone_through).await;
    }

    /// The statuses that were told of an instance, each event once.
    pub(crate) fn statuses_of(&self, instance: &str) -> Vec<String> {
        statuses_of(&self.heard(), instance)
    }

    /// The keys of what was told of an instance, each event once.
    pub(crate) fn keys_of(&self, instance: &str) -> Vec<String> {
        firsts(&self.heard())
            .into_iter()
            .filter(|heard| heard.is_of(instance))
            .map(|heard| heard.key)
            .collect()
    }

    /// What was told of an instance, for the message of a test that fails.
    pub(crate) fn story_of(&self, instance: &str) -> String {
        let of_it = self.heard().into_iter().filter(|heard| heard.is_of(instance));
        of_it.map(|heard| format!("{} {} {}\n", heard.position, heard.key, heard.body)).collect()
    }

    /// Fails unless all events came, in order, from the first position on without a gap; the same ones may have come
    /// again. Of each thing the revisions must come in order, too.
    pub(crate) fn assert_whole(&self) {
        let all = self.heard();
        let firsts = firsts(&all);
        let positions: Vec<i64> = firsts.iter().map(|heard| heard.position).collect();
        let expected: Vec<i64> = (1..=i64::try_from(positions.len()).unwrap()).collect();
        assert_eq!(positions, expected, "positions have gaps, or came out of order");

        let mut revisions = HashMap::new();
        for heard in &firsts {
            let (Some(id), Some(revision)) = (thing(&heard.body).as_str(), heard.body["revision"].as_i64())
            else {
                continue;
            };
            let before = revisions.insert(id, revision).unwrap_or_default();
            assert_eq!(revision, before + 1, "the revisions of {id} are not in order");
        }
        for heard in &all {
            let first = &firsts[usize::try_from(heard.position - 1).unwrap()];
            assert_eq!(heard.body, first.body, "a position was given twice");
        }
    }
}

/// What an event is about: an entry is something of its own in its instance.
fn thing(body: &Value) -> &Value {
    body.get("entry_id").unwrap_or(&body["instance_id"])
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct Queue {
    messages: Consumer,
    channel: Channel,
    _connection: Connection,
}

impl Queue {
    async fn open_any(urls: &[String], lasting: bool) -> Result<Self, lapin::Error> {
        let closed = lapin::ErrorKind::InvalidConnectionState(lapin::ConnectionState::Closed);
        let mut failed = closed.into();
        for url in urls {
            // A lost node is noticed soon, and one that is frozen is not waited for.
            let url = format!("{url}?heartbeat=2");
            let connecting = Connection::connect(&url, ConnectionProperties::default());
            let connection = match timeout(ONE_TRY_WITHIN, connecting).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => {
                    failed = error;
                    continue;
                }
                Err(_elapsed) => continue,
            };
            match timeout(ONE_TRY_WITHIN, Self::open(&connection, lasting, urls.len() > 1)).await {
                Ok(Ok((messages, channel))) => {
                    return Ok(Self { messages, channel, _connection: connection });
                }
                Ok(Err(error)) => failed = error,
                Err(_elapsed) => {}
            }
            // Half opened it would become a reader beside the next one, and take half of what there is.
            let _it_may_be_gone = timeout(ONE_TRY_WITHIN, connection.close(200, "given up".into())).await;
        }
        Err(failed)
    }

    async fn open(
        connection: &Connection,
        lasting: bool,
        copied: bool,
    ) -> Result<(Consumer, Channel), lapin::Error> {
        let channel = connection.create_channel().await?;
        if topology::declare(&channel, &[]).await.is_err() {
            return Err(lapin::ErrorKind::InvalidConnectionState(lapin::ConnectionState::Closed).into());
        }
        let kind =
            QueueDeclareOptions { durable: lasting, exclusive: !lasting, ..QueueDeclareOptions::default() };
        let mut arguments = FieldTable::default();
        if copied {
            arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
            // A reader whose node is gone is one to the queue until that is noticed, and is given every other message. With this
            // the next one waits, and what was given to the lost one comes first.
            arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        }
        channel.queue_declare("tap".into(), kind, arguments).await?;
        let (bind, arguments) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind("tap".into(), topology::EVENTS.into(), "#".into(), bind, arguments).await?;
        let options = BasicConsumeOptions::default();
        let messages =
            channel.basic_consume("tap".into(), "tap".into(), options, FieldTable::default()).await?;
        Ok((messages, channel))
    }

    async fn open_again(urls: &[String], lasting: bool) -> Self {
        loop {
            match Self::open_any(urls, lasting).await {
                Ok(queue) => return queue,
                Err(_still_away) => sleep(BETWEEN_TRIES).await,
            }
        }
    }

    /// Reads until the connection ends.
    async fn read(&mut self, tell: &watch::Sender<Log>) {
        while let Some(Ok(message)) = self.messages.next().await {
            let tag = message.delivery_tag;
            if let Some(heard) = heard(message) {
                tell.send_modify(|log| log.hear(heard));
            }
            if self.channel.basic_ack(tag, BasicAckOptions::default()).await.is_err() {
                return;
            }
        }
    }
}

/// What a test itself has published may be no event.
fn heard(message: Delivery) -> Option<Heard> {
    let body = serde_json::from_slice::<Value>(&message.data).ok()?;
    let position = body["position"].as_i64()?;
    let at = Instant::now();
    Some(Heard { at, position, key: message.routing_key.to_string(), body, properties: message.properties })
}

fn statuses_of(all: &[Heard], instance: &str) -> Vec<String> {
    let of_it: Vec<Heard> = all.iter().filter(|heard| heard.is_of(instance)).cloned().collect();
    firsts(&of_it).into_iter().filter_map(|heard| heard.body["status"].as_str().map(str::to_owned)).collect()
}

/// Each position once, in the order in which it was heard first.
fn firsts(all: &[Heard]) -> Vec<Heard> {
    let mut seen = HashSet::new();
    all.iter().filter(|heard| seen.insert(heard.position)).cloned().collect()
}
