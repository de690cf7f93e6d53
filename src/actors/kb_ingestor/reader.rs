//! One reader: takes an entry, reads it, and says what became of it, for ever.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::desk::{Desk, Held};
use super::reading::{Outcome, read};
use crate::actors::system::{Backoff, Exit, Lifeline};
use crate::models::store::StoreError;
use crate::models::store::knowledge_work as work;

/// The pauses after the database did not answer.
const LOST: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(2) };

/// How often it is asked whether the claim still holds: so long is read, at most, what its user has called off.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// How long handing back may take when the process ends. Without it, others wait for the lease to run out.
const HANDED_BACK_WITHIN: Duration = Duration::from_secs(1);

/// What a user reads of an entry that waits for a machine on which anything can be read; and how long it waits.
const UNABLE: &str = "Documents cannot be read at the moment; it is tried again.";
const UNABLE_FOR: Duration = Duration::from_secs(5);

pub(super) struct Reader {
    desk: Desk,
    lifeline: Lifeline,
}

impl Reader {
    pub(super) const fn new(desk: Desk, lifeline: Lifeline) -> Self {
        Self { desk, lifeline }
    }

    pub(super) async fn live(self) -> Exit {
        self.lifeline.impaired("documents cannot be read: not tried yet");
        self.lifeline.ready();
        if !self.until_able().await {
            return Exit::Stopped;
        }
        let mut failures = 0;
        loop {
            let call = self.desk.parts.call.call.notified();
            tokio::pin!(call);
            // What is called from here on is heard, also while it is being looked.
            let _not_yet = call.as_mut().enable();

            let taken = tokio::select! {
                biased;
                () = self.lifeline.stop_requested() => return Exit::Stopped,
                taken = self.desk.take() => taken,
            };
            match taken {
                Ok(Some(held)) => {
                    failures = 0;
                    self.lifeline.recovered();
                    if self.attend(held).await.is_err() {
                        return Exit::Stopped;
                    }
                }
                Ok(None) => {
                    failures = 0;
                    self.lifeline.recovered();
                    tokio::select! {
                        () = self.lifeline.stop_requested() => return Exit::Stopped,
                        () = call => {}
                        () = sleep(self.desk.parts.settings.sweep()) => {}
                    }
                }
                Err(error) => {
                    failures += 1;
                    self.lifeline.impaired(format!("shared_psql: {error}"));
                    if self.lifeline.stops_within(LOST.pause_now(failures)).await {
                        return Exit::Stopped;
                    }
                }
            }
        }
    }

    /// Waits until a document can be read here at all. False when the process ends before.
    async fn until_able(&self) -> bool {
        loop {
            let tried = tokio::select! {
                () = self.lifeline.stop_requested() => return false,
                tried = self.desk.parts.extractor.probe() => tried,
            };
            let Err(error) = tried else { return true };
            tracing::warn!(%error, "documents cannot be read");
            self.lifeline.impaired(format!("documents cannot be read: {error}"));
            if self.lifeline.stops_within(UNABLE_FOR).await {
                return false;
            }
        }
    }

    /// Reads an entry to its end, or until it is not this reader's any more. `Err` when the process ends.
    async fn attend(&self, held: Held) -> Result<(), Stopping> {
        let begun = Instant::now();
        let outcome = tokio::select! {
            biased;
            () = self.lifeline.stop_requested() => {
                self.hand_back(&held, None, Duration::ZERO).await;
                return Err(Stopping);
            }
            outcome = read(&self.desk.parts, &held) => outcome,
            () = self.until_lost(&held) => {
                // Where the claim holds and the lease does not, others need not wait.
                self.hand_back(&held, None, Duration::ZERO).await;
                Outcome::Lost
            }
        };
        match &outcome {
            Outcome::Unkept(error) => {
                self.lifeline.impaired(format!("shared_psql: {error}"));
                // It is not the entry's fault. Where it cannot be handed back, it is found to be nobody's when the database is there.
                if self.lifeline.stops_within(LOST.pause_now(1)).await {
                    return Err(Stopping);
                }
                self.hand_back(&held, None, LOST.max).await;
            }
            Outcome::Unable(error) => {
                self.lifeline.impaired(format!("documents cannot be read: {error}"));
                self.hand_back(&held, Some(UNABLE), UNABLE_FOR).await;
                if self.lifeline.stops_within(UNABLE_FOR).await {
                    return Err(Stopping);
                }
            }
            _ => {}
        }
        metrics::histogram!("botberi_kb_read_seconds", "outcome" => outcome.name())
            .record(begun.elapsed().as_secs_f64());
        tracing::debug!(entry.id = %held.entry.id, outcome = outcome.name(), "an entry was attended to");
        self.desk.told();
        Ok(())
    }

    /// Comes to its end when the claim does not hold any more, or this process may not act any more.
    async fn until_lost(&self, held: &Held) {
        loop {
            sleep(ASKED_EVERY).await;
            if !self.desk.parts.lease.may_act() {
                return;
            }
            // A database that does not answer says nothing: the end of the work will show.
            if let Ok(false) = self.is_owned(held).await {
                return;
            }
        }
    }

    async fn is_owned(&self, held: &Held) -> Result<bool, StoreError> {
        let connection = self.desk.parts.shared_db.connection().await?;
        work::is_owned(&connection, held.claim).await
    }

    async fn hand_back(&self, held: &Held, reason: Option<&str>, pause: Duration) {
        let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let back = async {
            let connection = self.desk.parts.shared_db.connection().await?;
            work::hand_back(&connection, held.claim, reason, pause_ms).await
        };
        match tokio::time::timeout(HANDED_BACK_WITHIN, back).await {
            Ok(Ok(())) => self.desk.told(),
            Ok(Err(error)) => tracing::warn!(%error, "an entry was not handed back; it is taken over later"),
            Err(_late) => tracing::warn!("an entry was not handed back in time; it is taken over later"),
        }
    }
}

/// The process ends.
struct Stopping;
