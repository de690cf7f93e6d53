//! A queue of a test's own, kept like those that the platform's workers share.

use botberi::actors::broker::topology::{self, Argument};
use futures_util::StreamExt;
use lapin::message::BasicGetMessage;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation, Connection, ConnectionProperties};

use super::wait::{eventually, within};

/// The queue, with somebody who can publish to it and take from it.
pub(crate) struct TestQueue {
    url: String,
    pub(crate) name: &'static str,
    pub(crate) channel: Channel,
    _connection: Connection,
}

impl TestQueue {
    /// Declares it, bound to this key of `events.topic`.
    pub(crate) async fn declare(url: &str, name: &'static str, key: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        assert!(topology::declare(&channel, &[topology::dead_letters()]).await.is_ok());
        let mut arguments = FieldTable::default();
        for (name, argument) in topology::instance_hints().arguments() {
            let value = match argument {
                Argument::Text(text) => AMQPValue::LongString(text.into()),
                Argument::Number(number) => AMQPValue::LongInt(number),
            };
            arguments.insert(name.into(), value);
        }
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(name.into(), options, arguments).await.unwrap();
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(name.into(), topology::EVENTS.into(), key.into(), options, none).await.unwrap();
        Self { url: url.to_owned(), name, channel, _connection: connection }
    }

    /// Publishes to an exchange and waits until RabbitMQ has it.
    pub(crate) async fn publish(&self, exchange: &str, key: &str, body: &[u8], properties: AMQPProperties) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let promised =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await.unwrap();
        let confirm = within("a confirm", promised).await.unwrap();
        assert!(matches!(confirm, Confirmation::Ack(None)), "{confirm:?}");
    }

    /// Takes the first message so often, and each time loses its connection before it could acknowledge it.
    pub(crate) async fn cut_off(&self, times: usize) {
        for _ in 0..times {
            let connection = Connection::connect(&self.url, ConnectionProperties::default()).await.unwrap();
            let channel = connection.create_channel().await.unwrap();
            channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
            let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
            let mut messages =
                channel.basic_consume(self.name.into(), "".into(), options, none).await.unwrap();
            let _unacknowledged = within("a delivery", messages.next()).await.unwrap().unwrap();
            connection.close(320, "cut".into()).await.unwrap();
        }
    }

    /// Takes the next message, if there is one.
    pub(crate) async fn next(&self) -> Option<BasicGetMessage> {
        self.channel.basic_get(self.name.into(), BasicGetOptions { no_ack: true }).await.unwrap()
    }

    /// Waits for a message and takes it.
    pub(crate) async fn take(&self) -> BasicGetMessage {
        eventually("a message is in the queue", async || self.next().await).await
    }
}
