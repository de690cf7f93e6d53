//! Who publishes: one leader, and standbys that wait for its lock or find it paused.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use super::PublisherParts;
use super::leader;
use crate::actors::system::{Backoff, Lifeline};
use crate::models::store::{OwnConnection, SharedSide, StoreError, publisher};

/// How often a standby looks for the lock and at the leader's beat.
const LOOK: Duration = Duration::from_millis(500);

/// A leader beats at least once a second; one that has not for so long is paused (SIGSTOP, a frozen machine) and keeps its
/// session and so its lock until a standby ends that session. Shorter deposes leaders that are merely slow.
const STALE_MS: i64 = 5_000;

/// The pauses after the database was lost.
const LOST: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(5) };

/// Leads whenever it can, until it is asked to stop.
pub(super) async fn serve(parts: PublisherParts, bell: Rc<Notify>, lifeline: Lifeline) {
    let mut failures = 0;
    loop {
        let ended = serve_once(&parts, &bell, &lifeline, &mut failures).await;
        let reason = match ended {
            Ok(()) => return,
            Err(StoreError::StaleEpoch) => "another replica has taken over".to_owned(),
            Err(error) => {
                lifeline.impaired(format!("postgres: {error}"));
                error.to_string()
            }
        };
        failures += 1;
        let pause = LOST.pause_now(failures);
        tracing::warn!(reason, ?pause, "not publishing");
        if lifeline.stops_within(pause).await {
            return;
        }
    }
}

async fn serve_once(
    parts: &PublisherParts,
    bell: &Notify,
    lifeline: &Lifeline,
    failures: &mut u32,
) -> Result<(), StoreError> {
    let connection = tokio::select! {
        () = lifeline.stop_requested() => return Ok(()),
        connection = parts.shared_db.own_connection("botberi event_publisher") => connection?,
    };
    let mut told = false;
    while !publisher::try_leadership(&connection).await? {
        lifeline.recovered();
        *failures = 0;
        if !std::mem::replace(&mut told, true) {
            tracing::info!("standing by: another replica publishes");
        }
        depose_if_stale(&connection).await?;
        if lifeline.stops_within(LOOK).await {
            return Ok(());
        }
    }
    let lead = publisher::lead(&connection, parts.replica).await?;
    tracing::info!(
        epoch = lead.epoch,
        published = lead.published_position,
        placed = lead.last_position,
        "leading"
    );
    // The sender takes it back once it can publish.
    lifeline.impaired("rabbitmq: not publishing yet");
    *failures = 0;
    leader::lead(parts, &connection, lead, bell, lifeline).await
}

/// Ends the session of a leader that holds the lock and does not beat.
async fn depose_if_stale(connection: &OwnConnection<SharedSide>) -> Result<(), StoreError> {
    if publisher::depose(connection, STALE_MS).await? {
        tracing::warn!(silence_ms = STALE_MS, "the leader does not beat; its session was ended");
    }
    Ok(())
}
