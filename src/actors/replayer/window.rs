//! Publishes some events and waits until all of them are confirmed.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use lapin::options::BasicPublishOptions;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation};
use tokio::time::{Instant, timeout_at};

use super::rounds::Broken;
use crate::actors::broker::topology::{self, EVENTS};
use crate::actors::event_publisher;
use crate::models::{ReplayId, StoredEvent};

/// Gives how many they were. An event that no queue takes counts as published if nobody waits for its kind; if a durable queue
/// has to, the topology has been lost, and it comes again on a new channel, which declares it.
pub(super) async fn publish<'a>(
    channel: &Channel,
    replay: ReplayId,
    events: impl Iterator<Item = &'a StoredEvent>,
    within: Duration,
) -> Result<u64, Broken> {
    let deadline = Instant::now() + within;
    let mut confirms = FuturesOrdered::new();
    for event in events {
        let (channel, key) = (channel.clone(), event.routing_key.as_str().into());
        let (body, properties) = (event.message_body(), properties(event, replay));
        let position = event.position;
        let must_arrive = topology::has_durable_queue(&event.routing_key);
        confirms.push_back(async move {
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let promised =
                channel.basic_publish(EVENTS.into(), key, options, body.as_bytes(), properties).await?;
            Ok::<_, lapin::Error>((position, must_arrive, promised.await?))
        });
    }
    let mut sent = 0;
    while let Some(confirm) =
        timeout_at(deadline, confirms.next()).await.map_err(|_elapsed| Broken::Unconfirmed(within))?
    {
        match confirm? {
            (position, true, Confirmation::Ack(Some(_))) => return Err(Broken::Returned(position)),
            (_, _, Confirmation::Ack(_)) => sent += 1,
            (position, _, Confirmation::Nack(_) | Confirmation::NotRequested) => {
                return Err(Broken::Refused(position));
            }
        }
    }
    Ok(sent)
}

/// Those of the first time, and a mark: a consumer that keeps no positions can tell the two apart.
fn properties(event: &StoredEvent, replay: ReplayId) -> AMQPProperties {
    let properties = event_publisher::properties(event);
    let mut headers: FieldTable = properties.headers().clone().unwrap_or_default();
    headers.insert("x-replayed".into(), AMQPValue::Boolean(true));
    headers.insert("x-replay-id".into(), AMQPValue::LongString(replay.to_string().into()));
    properties.with_headers(headers)
}
