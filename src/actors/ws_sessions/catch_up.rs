//! Reads from the log what the queue did not bring, one piece after another, for as long as anything is missing.

use std::time::Duration;

use actix::fut::ActorFutureExt;
use actix::{AsyncContext, Context, WrapFuture};
use tokio::time::{Instant, sleep};

use super::positions::Need;
use super::sessions::WsSessions;
use crate::actors::system::Backoff;
use crate::models::StoredEvent;
use crate::models::store::StoreError;

/// Rows of one read: few enough for the letterboxes of those whom all of them concern, and for memory with large bodies.
const PAGE_ROWS: i64 = 128;

/// How long a crowded letterbox may keep the next page waiting. One that nobody empties is full a few pages later.
const ROOM_WITHIN: Duration = Duration::from_millis(200);

/// How often it is looked whether there is room again.
const ROOM_TICK: Duration = Duration::from_millis(2);

/// How the first and later failures delay the next read while Postgres is away.
const AWAY: Backoff = Backoff { min: Duration::from_millis(50), max: Duration::from_secs(2) };

enum Read {
    /// `told`: up to where everything had been told before the end was asked for.
    Watermark {
        doubt: u64,
        told: Option<i64>,
        end: i64,
    },
    Page {
        after: i64,
        to: i64,
        events: Vec<StoredEvent>,
    },
}

impl WsSessions {
    /// Begins to read what is missing, unless nothing is or it is being read already.
    pub(super) fn catch_up(&mut self, context: &mut Context<Self>) {
        if !self.catching_up {
            self.read_next(0, context);
        }
    }

    fn read_next(&mut self, failures: u32, context: &mut Context<Self>) {
        let need = self.positions.need();
        self.catching_up = need != Need::Nothing;
        if !self.catching_up {
            return;
        }
        let log = self.log.clone();
        let told = self.positions.last();
        let (crowded, limits) = (self.register.take_crowded(), self.settings.letterbox());
        let read = async move {
            if failures > 0 {
                sleep(AWAY.pause_now(failures)).await;
            }
            // The log is read faster than any peer reads: that a peer is not as fast does not make it slow.
            let deadline = Instant::now() + ROOM_WITHIN;
            while crowded.iter().any(|seat| seat.letterbox.is_crowded(limits)) && Instant::now() < deadline {
                sleep(ROOM_TICK).await;
            }
            match need {
                Need::Nothing => Ok(None),
                Need::Watermark { doubt } => {
                    let end = log.watermark().await?;
                    Ok(Some(Read::Watermark { doubt, told, end }))
                }
                Need::Log { after, to } => {
                    let events = log.range(after, to, PAGE_ROWS).await?;
                    Ok(Some(Read::Page { after, to, events }))
                }
            }
        };
        context.spawn(read.into_actor(self).map(move |read: Result<_, StoreError>, sessions, context| {
            let failures = match read {
                Ok(read) => {
                    sessions.lifeline.recovered();
                    sessions.apply(read);
                    0
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(%error, "the event log cannot be read; events behind a hole wait");
                    }
                    sessions.lifeline.impaired(format!("postgres: {error}"));
                    failures.saturating_add(1)
                }
            };
            sessions.read_next(failures, context);
        }));
    }

    fn apply(&mut self, read: Option<Read>) {
        match read {
            None => {}
            // A position is in the log before it is on the bus. What was told since the question proves nothing: live events
            // go on meanwhile, and may overtake the answer.
            Some(Read::Watermark { told: Some(told), end, .. }) if told > end => {
                self.lifeline.fail(format!("the event log was put back: it ends at {end}"));
            }
            Some(Read::Watermark { doubt, end, .. }) => self.positions.watermark(doubt, end),
            Some(Read::Page { after, to, events }) => self.apply_page(after, to, &events),
        }
        self.release_held();
    }

    fn apply_page(&mut self, after: i64, to: i64, events: &[StoredEvent]) {
        metrics::counter!("botberi_ws_events_from_log_total").increment(events.len() as u64);
        // Positions have no gaps, so a page that is not whole lost something to the log's retention.
        let page_to = if events.len() < PAGE_ROWS as usize {
            to
        } else {
            events.last().map_or(to, |last| last.position)
        };
        let is_whole = i64::try_from(events.len()) == Ok(page_to - after);
        if !is_whole {
            tracing::error!(
                after,
                to = page_to,
                found = events.len(),
                "events are missing that the log no longer has"
            );
            self.begin_again();
        }
        for event in events {
            if self.positions.read(event.position) {
                self.tell_logged(event);
            }
        }
        self.positions.read_to(page_to);
    }
}
