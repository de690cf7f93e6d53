//! Hears the doorbell.
//!
//! - **Owns:** the connection that LISTENs; pools throw notifications away.
//! - **Receives:** NOTIFY on `instances_notify`, whoever sent it.
//! - **Sends:** [`OutboxRang`] to the event publisher, which looks into the outbox. The payload is not read: the outbox is
//!   the truth.
//! - **Invariant:** after each (re)connect it rings once itself, for what it may have missed.
//! - **On failure:** the publisher's own tick finds the rows a second later.

use crate::actors::event_publisher::{EventPublisher, OutboxRang};
use crate::actors::system::{Backoff, Child, ChildSpec, Exit, Handle, Lifeline};
use crate::models::store::{SharedDb, StoreError};

/// A child that listens for the publisher behind `publisher`. It is ready at once: with Postgres away it is impaired.
pub fn notify_listener(
    spec: ChildSpec,
    shared_db: SharedDb,
    backoff: Backoff,
    publisher: Handle<EventPublisher>,
) -> Child {
    Child::new(spec, move |lifeline| Box::pin(live(shared_db.clone(), backoff, publisher.clone(), lifeline)))
}

async fn live(
    shared_db: SharedDb,
    backoff: Backoff,
    publisher: Handle<EventPublisher>,
    lifeline: Lifeline,
) -> Exit {
    lifeline.impaired("postgres: not listening yet");
    lifeline.ready();
    let mut failures = 0;
    loop {
        let heard = tokio::select! {
            biased;
            () = lifeline.stop_requested() => return Exit::Stopped,
            heard = listen(&shared_db, &publisher, &lifeline, &mut failures) => heard,
        };
        let reason = heard.err().map_or_else(|| "the connection ended".to_owned(), |error| error.to_string());
        failures += 1;
        let pause = backoff.pause_now(failures);
        tracing::warn!(reason, ?pause, "not listening");
        lifeline.impaired(format!("postgres: {reason}"));
        if lifeline.stops_within(pause).await {
            return Exit::Stopped;
        }
    }
}

async fn listen(
    shared_db: &SharedDb,
    publisher: &Handle<EventPublisher>,
    lifeline: &Lifeline,
    failures: &mut u32,
) -> Result<(), StoreError> {
    let mut connection = shared_db.own_connection("botberi notify_listener").await?;
    connection.listen().await?;
    lifeline.recovered();
    *failures = 0;
    ring(publisher);
    while connection.bell().await.is_some() {
        ring(publisher);
    }
    Ok(())
}

/// A publisher that is being rebuilt looks into the outbox anyway, and a full mailbox holds a bell already.
fn ring(publisher: &Handle<EventPublisher>) {
    let _told_or_needless = publisher.tell(OutboxRang);
}
