//! The counts of one shard: each runs for a window of 60 s that begins with its first request, as its key in Redis does.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::counter::Counter;

/// How long requests are counted until the count begins anew.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Windows that have ended and are taken away by one that begins: more than one, so that they grow fewer.
const ENDED_TAKEN_AWAY: usize = 4;

/// Where a count stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Requests that one window may hold.
    pub limit: u32,
    /// Those that it still may.
    pub remaining: u32,
    /// Seconds until the next window, at least 1.
    pub reset_seconds: u64,
}

/// One count that Redis has to be told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delta {
    pub(super) counter: Counter,
    pub(super) by: i64,
    window: u64,
}

#[derive(Debug)]
struct Window {
    /// Another one each time that the count begins anew.
    number: u64,
    ends: Instant,
    /// Admitted by this replica.
    here: i64,
    /// Of those, the ones that Redis was told of.
    told: i64,
    /// Of the told ones, those that nobody knows Redis has heard of: its answer did not come.
    doubtful: i64,
    /// Admitted by other replicas, as far as Redis has said.
    elsewhere: i64,
    /// Whether it is on the list of changes.
    is_listed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Windows {
    by_counter: HashMap<Counter, Window>,
    /// In the order of their beginnings. What is not in the map with this number is gone.
    begun: VecDeque<(Counter, u64)>,
    changed: Vec<Counter>,
    last_number: u64,
}

impl Windows {
    /// Counts a request, if there is room for it. The number is how many Redis was not told of yet.
    pub(super) fn take(
        &mut self,
        counter: Counter,
        limit: u32,
        length_max: usize,
        now: Instant,
    ) -> (Result<Standing, Standing>, i64) {
        let is_running = self.by_counter.get(&counter).is_some_and(|window| now < window.ends);
        if !is_running {
            self.begin(counter, length_max, now);
        }
        let Some(window) = self.by_counter.get_mut(&counter) else {
            return (Ok(Standing { limit, remaining: limit, reset_seconds: WINDOW.as_secs() }), 0);
        };
        let room = i64::from(limit) - window.here - window.elsewhere;
        if room <= 0 {
            return (Err(window.standing(limit, now)), 0);
        }
        window.here += 1;
        let outcome = (Ok(window.standing(limit, now)), window.here - window.told);
        if !window.is_listed {
            window.is_listed = true;
            self.list(counter, length_max);
        }
        outcome
    }

    /// Notes that Redis has to be told. While it is away nobody takes what is noted, and counts come and go: those that are
    /// gone are struck off once they are more than those that are there.
    fn list(&mut self, counter: Counter, length_max: usize) {
        if self.changed.len() >= 2 * length_max.max(1) {
            let mut kept = HashSet::new();
            let by_counter = &self.by_counter;
            self.changed.retain(|known| by_counter.contains_key(known) && kept.insert(*known));
        }
        self.changed.push(counter);
    }

    /// Undoes a count: the request was refused for another reason.
    pub(super) fn give_back(&mut self, counter: Counter) {
        if let Some(window) = self.by_counter.get_mut(&counter) {
            window.here = (window.here - 1).max(0);
        }
    }

    /// What Redis was not told of yet. From now on it counts as told.
    pub(super) fn take_changes(&mut self, into: &mut Vec<Delta>) {
        for counter in self.changed.drain(..) {
            let Some(window) = self.by_counter.get_mut(&counter) else { continue };
            window.is_listed = false;
            let by = window.here - window.told;
            window.told = window.here;
            if by != 0 {
                into.push(Delta { counter, by, window: window.number });
            }
        }
    }

    /// What Redis has answered: the count of all replicas, and how long its window still lasts.
    pub(super) fn settle(&mut self, delta: &Delta, total: i64, left: Option<Duration>, now: Instant) {
        let Some(window) = self.by_counter.get_mut(&delta.counter) else { return };
        // What comes after the end says nothing of the window that the next request begins.
        if window.number != delta.window || now >= window.ends {
            return;
        }
        if total < window.told - window.doubtful {
            // Redis has forgotten what it was told: its window has ended before ours, and only this much is in the new one.
            window.here = (window.here - window.told + total).max(0);
            window.told = total;
            window.doubtful = 0;
        }
        window.elsewhere = (total - window.told).max(0);
        if let Some(left) = left {
            window.ends = now + left.min(WINDOW);
        }
    }

    /// Nobody knows whether Redis has heard: it counts as told, for what is told twice counts twice.
    pub(super) fn doubt(&mut self, delta: &Delta) {
        let Some(window) = self.by_counter.get_mut(&delta.counter) else { return };
        if window.number == delta.window {
            window.doubtful += delta.by.max(0);
        }
    }

    /// Redis could not be told: it will be tried again.
    pub(super) fn untold(&mut self, delta: &Delta) {
        let Some(window) = self.by_counter.get_mut(&delta.counter) else { return };
        if window.number == delta.window {
            window.told -= delta.by;
            if !window.is_listed {
                window.is_listed = true;
                self.changed.push(delta.counter);
            }
        }
    }

    fn begin(&mut self, counter: Counter, length_max: usize, now: Instant) {
        let is_listed = self.by_counter.remove(&counter).is_some_and(|window| window.is_listed);
        let mut looks = 0;
        while let Some((oldest, number)) = self.begun.front().copied() {
            let is_gone = self.by_counter.get(&oldest).is_none_or(|window| window.number != number);
            let has_ended = self.by_counter.get(&oldest).is_some_and(|window| window.ends <= now);
            let is_over = self.by_counter.len() >= length_max;
            let is_spare = (is_gone || has_ended) && looks < ENDED_TAKEN_AWAY;
            if !is_over && !is_spare {
                break;
            }
            looks += 1;
            self.begun.pop_front();
            if !is_gone {
                self.by_counter.remove(&oldest);
            }
        }
        self.last_number += 1;
        let number = self.last_number;
        let window =
            Window { number, ends: now + WINDOW, here: 0, told: 0, doubtful: 0, elsewhere: 0, is_listed };
        self.by_counter.insert(counter, window);
        self.begun.push_back((counter, number));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize, usize) {
        (self.by_counter.len(), self.begun.len(), self.changed.len())
    }
}

impl Window {
    fn standing(&self, limit: u32, now: Instant) -> Standing {
        let left = self.ends.saturating_duration_since(now);
        let reset_seconds = (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1);
        let remaining = (i64::from(limit) - self.here - self.elsewhere).max(0);
        Standing { limit, remaining: u32::try_from(remaining).unwrap_or(u32::MAX), reset_seconds }
    }
}
