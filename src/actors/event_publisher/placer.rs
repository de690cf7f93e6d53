//! Gives positions to committed rows, and tells the sender.

use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use super::PublisherParts;
use super::leader::Progress;
use super::sender::weight;
use super::window::Appetite;
use crate::actors::system::Lifeline;
use crate::models::StoredEvent;
use crate::models::store::{OwnConnection, SharedSide, StoreError, outbox, publisher};

/// A batch that is larger is not handed over to the sender, who reads it from the log when it gets there: eight batches of
/// the largest events would be a gigabyte.
const HANDED_OVER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often the publisher's row is written at least. Standbys depose a leader that is silent ten times as long.
const BEAT: Duration = Duration::from_millis(500);

pub(super) struct Placer<'a> {
    connection: &'a OwnConnection<SharedSide>,
    epoch: i64,
    appetite: Appetite,
    pace: Pace,
    progress: Progress,
    ahead: mpsc::Sender<Vec<StoredEvent>>,
    /// When the publisher's row was last written.
    beat: Instant,
}

impl<'a> Placer<'a> {
    pub(super) fn new(
        parts: &PublisherParts,
        connection: &'a OwnConnection<SharedSide>,
        epoch: i64,
        progress: Progress,
        ahead: mpsc::Sender<Vec<StoredEvent>>,
    ) -> Self {
        let settings = &parts.settings;
        let pace = Pace {
            awake_for: Duration::from_millis(settings.awake_ms),
            poll: Duration::from_millis(settings.poll_ms),
            tick: Duration::from_millis(settings.tick_ms),
            awake_since_row: None,
        };
        Self {
            connection,
            epoch,
            appetite: Appetite::new(settings.batch_rows_max),
            pace,
            progress,
            ahead,
            beat: Instant::now(),
        }
    }

    /// Looks into the outbox whenever it may hold something, until asked to stop.
    pub(super) async fn run(mut self, bell: &Notify, lifeline: &Lifeline) -> Result<(), StoreError> {
        let mut rung = true;
        loop {
            let rows_max = self.appetite.rows();
            let found = if self.is_worth_placing(rung).await? { self.place().await? } else { 0 };
            if found > 0 && !self.pace.is_awake() {
                // From here on writers who come by plain SQL need not notify: we look by ourselves.
                publisher::wake(self.connection).await?;
            }
            let now = Instant::now();
            self.pace.looked(found, now);
            if found >= rows_max {
                rung = true;
                continue;
            }
            if self.pace.falls_asleep(now) {
                // Between our last look and the release a writer may have kept silent because we were awake: look again.
                publisher::sleep(self.connection).await?;
                rung = false;
                continue;
            }
            rung = tokio::select! {
                () = lifeline.stop_requested() => return Ok(()),
                () = bell.notified() => true,
                () = sleep(self.pace.pause()) => false,
            };
        }
    }

    /// Placing writes the publisher's row, and so costs a flush even where there was nothing to place: a look that nobody
    /// rang for asks first. The beat is due all the same.
    async fn is_worth_placing(&self, rung: bool) -> Result<bool, StoreError> {
        Ok(rung || self.beat.elapsed() >= BEAT || outbox::has_unplaced(self.connection).await?)
    }

    async fn place(&mut self) -> Result<usize, StoreError> {
        let confirmed = self.progress.confirmed.get();
        let limit = i64::try_from(self.appetite.rows()).unwrap_or(i64::MAX);
        let placed = publisher::place(self.connection, self.epoch, confirmed, limit).await?;
        self.beat = Instant::now();
        let found = placed.len();
        if let Some(last) = placed.last() {
            self.progress.placed.set(last.position);
            let bytes = placed.iter().map(weight).sum();
            self.appetite.took(found, bytes);
            // A sender that is behind sees the jump in positions and reads the log. It is woken in any case.
            let batch = if bytes <= HANDED_OVER_BYTES_MAX { placed } else { Vec::new() };
            let _full = self.ahead.try_send(batch);
        }
        Ok(found)
    }
}

/// When to look again.
struct Pace {
    awake_for: Duration,
    poll: Duration,
    tick: Duration,
    /// When the last row was found, while awake.
    awake_since_row: Option<Instant>,
}

impl Pace {
    fn is_awake(&self) -> bool {
        self.awake_since_row.is_some()
    }

    fn looked(&mut self, found: usize, now: Instant) {
        if found > 0 {
            self.awake_since_row = Some(now);
        }
    }

    /// True once, when it has been awake long enough for nothing.
    fn falls_asleep(&mut self, now: Instant) -> bool {
        let over = self.awake_since_row.is_some_and(|row| now.duration_since(row) >= self.awake_for);
        if over {
            self.awake_since_row = None;
        }
        over
    }

    fn pause(&self) -> Duration {
        if self.is_awake() { self.poll } else { self.tick }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_polls_while_rows_come_and_ticks_after_they_stop() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace {
            awake_for: Duration::from_millis(250),
            poll: Duration::from_millis(5),
            tick: Duration::from_secs(1),
            awake_since_row: None,
        };
        assert_eq!(pace.pause(), Duration::from_secs(1));
        pace.looked(3, at(0));
        assert_eq!(pace.pause(), Duration::from_millis(5));
        pace.looked(1, at(200));
        assert!(!pace.falls_asleep(at(300)));
        pace.looked(0, at(449));
        assert!(!pace.falls_asleep(at(449)));
        assert!(pace.falls_asleep(at(450)));
        assert!(!pace.falls_asleep(at(451)), "only once");
        assert_eq!(pace.pause(), Duration::from_secs(1));
    }
}
