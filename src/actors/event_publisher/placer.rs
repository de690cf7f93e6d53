//! Gives positions to committed rows, and tells the sender.

use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::PublisherParts;
use super::leader::{Ended, Progress};
use crate::actors::system::Lifeline;
use crate::models::StoredEvent;
use crate::models::store::{StoreError, outbox};

pub(super) struct Placer<'a> {
    client: &'a Client,
    epoch: i64,
    batch_rows_max: usize,
    pace: Pace,
    progress: Progress,
    ahead: mpsc::Sender<Vec<StoredEvent>>,
}

impl<'a> Placer<'a> {
    pub(super) fn new(
        parts: &PublisherParts,
        client: &'a Client,
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
        Self { client, epoch, batch_rows_max: settings.batch_rows_max, pace, progress, ahead }
    }

    /// Looks into the outbox whenever it may hold something, until asked to stop or deposed.
    pub(super) async fn run(mut self, bell: &Notify, lifeline: &Lifeline) -> Result<Ended, StoreError> {
        loop {
            let found = match self.place().await? {
                Some(found) => found,
                None => return Ok(Ended::Deposed),
            };
            if found > 0 && !self.pace.is_awake() {
                // From here on writers who come by plain SQL need not notify: we look by ourselves.
                outbox::hold_awake_lock(self.client).await?;
            }
            let now = Instant::now();
            self.pace.looked(found, now);
            if found >= self.batch_rows_max {
                continue;
            }
            if self.pace.falls_asleep(now) {
                // Between our last look and the release a writer may have kept silent because we were awake: look again.
                outbox::release_awake_lock(self.client).await?;
                continue;
            }
            tokio::select! {
                () = lifeline.stop_requested() => return Ok(Ended::AskedTo),
                () = bell.notified() => {}
                () = sleep(self.pace.pause()) => {}
            }
        }
    }

    /// `None` when the epoch is no longer ours.
    async fn place(&self) -> Result<Option<usize>, StoreError> {
        let confirmed = self.progress.confirmed.get();
        let Some(placed) = outbox::place(self.client, self.epoch, confirmed, self.batch_rows_max).await? else {
            return Ok(None);
        };
        let found = placed.len();
        if let Some(last) = placed.last() {
            self.progress.placed.set(last.position);
            // A sender that is behind sees the jump in positions and reads the log.
            let _full = self.ahead.try_send(placed);
        }
        Ok(Some(found))
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
