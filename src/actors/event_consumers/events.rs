//! Reads a queue of events for an actor.

use actix::{Actor, Context, Handler};
use lapin::message::Delivery;
use tokio::time::sleep;

use super::consumer::{ConsumerSettings, Desk, Leaving, REFUSED, Reader, queue_reader};
use super::letter::{Death, letter, published_as};
use super::{Bound, BusEvent, Deliver, NotTaken, decode};
use crate::actors::broker::envelope::text_header;
use crate::actors::broker::topology::QueueSpec;
use crate::actors::broker::{REQUEST_ID, TRACEPARENT};
use crate::actors::system::{AskError, Child, ChildSpec, Handle};
use crate::models::Origin;
use crate::models::store::SharedDb;

/// How often the actor may die over one event. Fewer than the restarts that its supervisor bears, or it would fall with it.
const DEATHS_MAX: u32 = 3;

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
    queue_reader(spec, settings, queue, EventReader { actor: reader }, shared_db)
}

/// How asking an actor to take something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// It has it.
    Taken,
    /// It died over it as often as it may.
    Died,
}

struct EventReader<A: Actor> {
    actor: Handle<A>,
}

impl<A: Actor> Clone for EventReader<A> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone() }
    }
}

impl<A> Reader for EventReader<A>
where
    A: Actor<Context = Context<A>> + Handler<Bound> + Handler<Deliver>,
{
    async fn begin(&self, desk: &Desk) -> Result<(), Leaving> {
        let _it_cannot_be_to_blame = self.until_taken(desk, || Bound, u32::MAX).await?;
        Ok(())
    }

    async fn take(&self, desk: &Desk, batch: &[Delivery]) -> Result<(), Leaving> {
        let mut events: Vec<(&Delivery, BusEvent)> = Vec::with_capacity(batch.len());
        for delivery in batch {
            let key = published_as(delivery, delivery.exchange.as_str());
            // What external workers report is no event: the broker has a queue for it, and whoever hears everything passes
            // over it.
            if key.starts_with("report.") {
                continue;
            }
            match decode(key, origin(delivery), &delivery.data) {
                Ok(event) => {
                    tracing::debug!(
                        queue = desk.queue,
                        event.kind = key,
                        event.position = event.position,
                        request.id = event.origin.request_id,
                        trace.id = event.origin.trace_id(),
                        "event taken"
                    );
                    events.push((delivery, event));
                }
                Err(error) => bury(desk, delivery, error.to_string()).await,
            }
        }
        self.deliver(desk, &events).await
    }
}

impl<A> EventReader<A>
where
    A: Actor<Context = Context<A>> + Handler<Bound> + Handler<Deliver>,
{
    /// All at once; if the actor dies over them, one by one, so that only the one that kills it is given up.
    async fn deliver(&self, desk: &Desk, events: &[(&Delivery, BusEvent)]) -> Result<(), Leaving> {
        if events.is_empty() {
            return Ok(());
        }
        let all = || Deliver { events: events.iter().map(|(_, event)| event.clone()).collect() };
        if self.until_taken(desk, all, 1).await? == Taking::Taken {
            return Ok(());
        }
        for (delivery, event) in events {
            let one = || Deliver { events: vec![event.clone()] };
            if self.until_taken(desk, one, DEATHS_MAX).await? == Taking::Died {
                let reason = format!("{} died {DEATHS_MAX} times over it", self.actor.name());
                bury(desk, delivery, reason).await;
            }
        }
        Ok(())
    }

    /// Asks until the actor has taken it, or has died over it so often.
    async fn until_taken<M>(
        &self,
        desk: &Desk,
        message: impl Fn() -> M,
        deaths_max: u32,
    ) -> Result<Taking, Leaving>
    where
        M: actix::Message<Result = Result<(), NotTaken>> + Send + 'static,
        A: Handler<M>,
    {
        let (mut refusals, mut deaths) = (0, 0);
        loop {
            let before = self.actor.deaths();
            let Err(error) = self.actor.ask(message()).await else { return Ok(Taking::Taken) };
            if matches!(error, AskError::Reply(NotTaken::Leaving)) {
                return Err(Leaving);
            }
            refusals += 1;
            let pause = REFUSED.pause_now(refusals);
            tracing::warn!(queue = desk.queue, reader = self.actor.name(), %error, ?pause, "not taken");
            sleep(pause).await;
            // An answer that was given up as too slow is lost, too; the actor lives on, and is not to be blamed for an outage.
            if matches!(error, AskError::Lost { .. }) && self.actor.deaths() > before {
                deaths += 1;
                if deaths >= deaths_max {
                    return Ok(Taking::Died);
                }
            }
        }
    }
}

/// What cannot be digested is kept with the reason, and blocks nothing behind it.
async fn bury(desk: &Desk, delivery: &Delivery, reason: String) {
    let routing_key = published_as(delivery, delivery.exchange.as_str()).to_owned();
    let death = Death { queue: Some(desk.queue.clone()), routing_key, reason, at: None };
    let _new_or_known = desk.keep(&letter(delivery, death, &desk.queue)).await;
}

/// What the headers say that the message followed from; nothing, if they make no sense.
fn origin(delivery: &Delivery) -> Origin {
    let text = |name| text_header(&delivery.properties, name);
    Origin::read(text(REQUEST_ID).map(str::to_owned), text(TRACEPARENT))
}
