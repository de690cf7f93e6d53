//! The connection, and who waits for what on it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation, Connection, Consumer};
use tokio::sync::oneshot;
use tokio::time::sleep;
use uuid::Uuid;

use super::CourierError;
use crate::actors::broker::topology::{self, AGENTS};
use crate::actors::broker::{self, BusError, RabbitmqSettings};
use crate::actors::system::Lifeline;
use crate::models::ReplicaId;
use crate::models::control::{CONTROL_VERSION, Order, OrderReply};

/// RabbitMQ's name for "answer on the channel that this came from".
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// How long an order may lie unread. Whoever was away for longer sweeps when it is back, and needs no old orders.
const LIES_MS_MAX: &str = "10000";

struct Reply {
    kind: String,
    body: Vec<u8>,
}

/// Shared by the courier and the answers that it works out.
#[derive(Default)]
pub(super) struct Line {
    channel: RefCell<Option<Channel>>,
    waiting: RefCell<HashMap<u64, oneshot::Sender<Reply>>>,
    last: Cell<u64>,
}

impl Line {
    /// Keeps a connection until it is dropped.
    pub(super) async fn keep(self: Rc<Self>, rabbitmq: RabbitmqSettings, lifeline: Lifeline) {
        let backoff = rabbitmq.backoff();
        let mut failures = 0;
        lifeline.impaired("rabbitmq: not connected yet");
        loop {
            let broken = match open(&rabbitmq).await {
                Ok((connection, channel, replies)) => {
                    failures = 0;
                    self.channel.replace(Some(channel));
                    lifeline.recovered();
                    let broken = self.hear(replies).await;
                    drop(connection);
                    broken
                }
                Err(error) => error.to_string(),
            };
            self.channel.replace(None);
            // Whoever still waits is told that it is in vain.
            self.waiting.borrow_mut().clear();
            failures += 1;
            let pause = backoff.pause_now(failures);
            tracing::warn!(error = broken, ?pause, "no orders are carried");
            lifeline.impaired(format!("rabbitmq: {broken}"));
            sleep(pause).await;
        }
    }

    /// Gives each reply to whoever waits for it, until the connection breaks.
    async fn hear(&self, mut replies: Consumer) -> String {
        while let Some(reply) = replies.next().await {
            match reply {
                Ok(delivery) => self.give(delivery),
                Err(error) => return error.to_string(),
            }
        }
        "the connection is gone".to_owned()
    }

    fn give(&self, delivery: Delivery) {
        let number = delivery.properties.correlation_id().as_ref().and_then(|id| id.as_str().parse().ok());
        let Some(asker) = number.and_then(|number: u64| self.waiting.borrow_mut().remove(&number)) else {
            // Too late: its asker has given up.
            return;
        };
        let kind = delivery.properties.kind().as_ref().map(ToString::to_string).unwrap_or_default();
        let _gone = asker.send(Reply { kind, body: delivery.data });
    }

    /// Sends an order and waits for its reply, as long as the connection lasts.
    pub(super) async fn carry(&self, to: ReplicaId, order: &Order) -> Result<OrderReply, CourierError> {
        let channel = self.channel.borrow().clone();
        let channel = channel.ok_or_else(|| CourierError::Away("not connected".to_owned()))?;
        let (number, replied) = self.wait();
        // Forgotten however this ends, so that nothing is left of one that was dropped.
        let _forgotten = Forgotten { line: self, number };
        self.send(&channel, to, order, number).await?;
        let reply =
            replied.await.map_err(|_cleared| CourierError::Away("the connection broke".to_owned()))?;
        Ok(OrderReply::read(&reply.kind, &reply.body)?)
    }

    fn wait(&self) -> (u64, oneshot::Receiver<Reply>) {
        let number = self.last.get() + 1;
        self.last.set(number);
        let (reply, replied) = oneshot::channel();
        self.waiting.borrow_mut().insert(number, reply);
        (number, replied)
    }

    async fn send(
        &self,
        channel: &Channel,
        to: ReplicaId,
        order: &Order,
        number: u64,
    ) -> Result<(), CourierError> {
        let body = order.body()?;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (key, properties) = (to.to_string(), properties(order, number));
        let away = |error: lapin::Error| CourierError::Away(error.to_string());
        let sent = channel.basic_publish(AGENTS.into(), key.as_str().into(), options, &body, properties);
        match sent.await.map_err(away)?.await.map_err(away)? {
            // Nobody is bound under that id: it was returned first, and acknowledged then.
            Confirmation::Ack(Some(_)) => Err(CourierError::NotThere),
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                Err(CourierError::Away("it refused the order".to_owned()))
            }
        }
    }
}

struct Forgotten<'a> {
    line: &'a Line,
    number: u64,
}

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        self.line.waiting.borrow_mut().remove(&self.number);
    }
}

async fn open(rabbitmq: &RabbitmqSettings) -> Result<(Connection, Channel, Consumer), BusError> {
    let connection = broker::connect(rabbitmq, "botberi courier").await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    topology::declare(&channel, &[]).await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let replies = channel.basic_consume(REPLY_TO.into(), "".into(), options, FieldTable::default()).await?;
    Ok((connection, channel, replies))
}

fn properties(order: &Order, number: u64) -> AMQPProperties {
    let mut headers = FieldTable::default();
    headers.insert("schema_version".into(), AMQPValue::LongInt(CONTROL_VERSION));
    AMQPProperties::default()
        .with_message_id(Uuid::now_v7().to_string().into())
        .with_type(order.kind().into())
        .with_content_type("application/json".into())
        .with_delivery_mode(2)
        .with_correlation_id(number.to_string().into())
        .with_reply_to(REPLY_TO.into())
        .with_expiration(LIES_MS_MAX.into())
        .with_headers(headers)
}
