//! Hears the orders that other replicas have for this one, on `agents_worker.control.<replica>`.
//!
//! - **Owns:** a connection to RabbitMQ, and the orders that are not yet acknowledged.
//! - **Receives:** orders from the couriers of other replicas, and of this one.
//! - **Sends:** [`Obey`] to its reader; what that answers goes back to the sender, by its `reply-to` and correlation id.
//! - **Invariant:** an order is answered after its reader has taken it in, never before; one that cannot be read or taken in is
//!   answered with why. At most `ORDERS_MAX` are under way.
//! - **On failure:** the queue goes with its connection, orders in it included: their senders hear nothing, and send them
//!   again. What was missed altogether the reader's own sweep finds.

mod messages;

pub use messages::{NotObeyed, Obey};

use actix::{Actor, Context, Handler};
use futures_util::TryStreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection};

use super::broker::topology::{self, QueueSpec};
use super::broker::{self, BusError, RabbitmqSettings};
use super::system::{AskError, Child, ChildSpec, Exit, Handle, Lifeline};
use crate::models::ReplicaId;
use crate::models::control::{CONTROL_VERSION, Order, OrderReply, Refused};

/// Orders under way at once. Describing one actor may take half a second, and must not hold up the others.
const ORDERS_MAX: u16 = 64;

/// A child that reads the orders of `replica` for the actor behind `reader`. It is ready at once: with RabbitMQ away it is
/// impaired.
pub fn control<A>(spec: ChildSpec, rabbitmq: RabbitmqSettings, replica: ReplicaId, reader: Handle<A>) -> Child
where
    A: Actor<Context = Context<A>> + Handler<Obey>,
{
    Child::new(spec, move |lifeline| {
        let queue = topology::control(replica);
        let control = Control { rabbitmq: rabbitmq.clone(), queue, reader: reader.clone(), lifeline };
        Box::pin(control.live())
    })
}

struct Control<A: Actor> {
    rabbitmq: RabbitmqSettings,
    queue: QueueSpec,
    reader: Handle<A>,
    lifeline: Lifeline,
}

impl<A> Control<A>
where
    A: Actor<Context = Context<A>> + Handler<Obey>,
{
    async fn live(self) -> Exit {
        let backoff = self.rabbitmq.backoff();
        let mut failures = 0;
        self.lifeline.impaired("rabbitmq: not listening for orders yet");
        self.lifeline.ready();
        loop {
            let broken = tokio::select! {
                biased;
                () = self.lifeline.stop_requested() => return Exit::Stopped,
                broken = self.listen(&mut failures) => broken,
            };
            failures += 1;
            let pause = backoff.pause_now(failures);
            tracing::warn!(queue = self.queue.name, error = broken, ?pause, "not listening for orders");
            self.lifeline.impaired(format!("rabbitmq: {broken}"));
            if self.lifeline.stops_within(pause).await {
                return Exit::Stopped;
            }
        }
    }

    async fn listen(&self, failures: &mut u32) -> String {
        match self.listen_until_broken(failures).await {
            Ok(()) => "the consumer was cancelled".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    async fn listen_until_broken(&self, failures: &mut u32) -> Result<(), BusError> {
        // The connection lives as long as the queue: dropped, it closes.
        let (_connection, channel) = self.open().await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let name = self.queue.name.as_str().into();
        let orders = channel.basic_consume(name, "".into(), options, arguments).await?;
        tracing::info!(queue = self.queue.name, "listening for orders");
        self.lifeline.recovered();
        *failures = 0;
        let answer = |delivery| self.answer(&channel, delivery);
        orders.try_for_each_concurrent(usize::from(ORDERS_MAX), answer).await?;
        Ok(())
    }

    async fn open(&self) -> Result<(Connection, Channel), BusError> {
        let connection = broker::connect(&self.rabbitmq, &self.queue.name).await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(ORDERS_MAX, BasicQosOptions::default()).await?;
        topology::declare(&channel, std::slice::from_ref(&self.queue)).await?;
        Ok((connection, channel))
    }

    async fn answer(&self, channel: &Channel, delivery: Delivery) -> Result<(), lapin::Error> {
        let reply = self.obey(&delivery).await;
        if let Some(reply_to) = delivery.properties.reply_to() {
            // By the default exchange, and not mandatory: a sender that has gone has no use for it.
            let (key, options) = (reply_to.clone(), BasicPublishOptions::default());
            let properties = properties(&reply, &delivery);
            match reply.body() {
                Ok(body) => {
                    channel.basic_publish("".into(), key, options, &body, properties).await?;
                }
                Err(error) => tracing::error!(%error, "a reply to an order cannot be written"),
            }
        }
        channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await?;
        Ok(())
    }

    async fn obey(&self, delivery: &Delivery) -> OrderReply {
        let kind = delivery.properties.kind().as_ref().map(ToString::to_string).unwrap_or_default();
        let refused = |reason: String| OrderReply::Refused(Refused { reason });
        let order = match Order::read(&kind, &delivery.data) {
            Ok(order) => order,
            Err(error) => {
                tracing::warn!(queue = self.queue.name, kind, %error, "an order cannot be read");
                return refused(error.to_string());
            }
        };
        tracing::debug!(queue = self.queue.name, kind, "an order came");
        match self.reader.ask(Obey { order }).await {
            Ok(reply) => reply,
            Err(AskError::Reply(error)) => refused(error.to_string()),
            Err(error) => {
                tracing::warn!(queue = self.queue.name, kind, %error, "an order was not taken in");
                refused(error.to_string())
            }
        }
    }
}

fn properties(reply: &OrderReply, order: &Delivery) -> AMQPProperties {
    let mut headers = FieldTable::default();
    headers.insert("schema_version".into(), AMQPValue::LongInt(CONTROL_VERSION));
    let properties = AMQPProperties::default()
        .with_type(reply.kind().into())
        .with_content_type("application/json".into())
        .with_headers(headers);
    match order.properties.correlation_id() {
        Some(id) => properties.with_correlation_id(id.clone()),
        None => properties,
    }
}
