//! Up to where everything is confirmed, and what is on its way. Pure: what was handed over and what was answered in, the
//! cursor out.
//!
//! Answers come in the order of the handing over, for that is how they are waited for: whatever RabbitMQ settled first, the
//! oldest is looked at first. So the cursor is the position before the oldest that is out.

use std::collections::VecDeque;

/// How often an event that must be routed is sent again after it came back, before it becomes a dead letter.
pub(super) const RETURNS_MAX: u32 = 5;

/// How many bytes of events are on their way at most, except that one event always may be: at a hundred kilobytes each, a
/// window's length alone would be a hundred megabytes that a stalled RabbitMQ makes us hold.
pub(super) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many events a channel begins with. Each confirm makes room for one more, so that the window doubles with each answer of all
/// that is out. A broker that is slow, and for that lost its channel, would otherwise be sent a whole window again each time: it
/// would work on what nobody waits for any more, and confirm nothing in time, for ever.
const LENGTH_FIRST: usize = 16;

/// What became of the oldest event that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// RabbitMQ has it.
    Taken,
    /// RabbitMQ had no queue for it.
    Returned,
    /// RabbitMQ does not want it.
    Refused,
}

/// Why the channel is of no more use. Everything above the cursor is to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// This event needs a queue and found none.
    Returned(i64),
    /// This event was refused.
    Refused(i64),
}

/// What to do about an event that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// For the so manieth time in a row: it is sent again.
    Again(u32),
    /// It is kept as a dead letter; what follows it goes on once [`Window::pass`] says so.
    Poison,
}

#[derive(Clone, Copy, Debug)]
struct Out {
    position: i64,
    needs_queue: bool,
    bytes: usize,
}

/// The events of one channel that are not answered yet.
#[derive(Debug)]
pub(super) struct Window {
    length_max: usize,
    /// How many may be out by now.
    length: usize,
    confirmed: i64,
    /// The last position that was handed to the channel, or that will never be.
    sent: i64,
    out: VecDeque<Out>,
    bytes: usize,
    /// After trouble nothing counts any more until a channel is opened anew: what stands behind the one that failed may be
    /// confirmed, and would carry the cursor past it.
    is_spoilt: bool,
    returned: Option<(i64, u32)>,
}

impl Window {
    /// Nothing is out, and everything up to `confirmed` was confirmed before.
    pub(super) fn new(confirmed: i64, length_max: usize) -> Self {
        Self {
            length_max,
            length: LENGTH_FIRST.min(length_max),
            confirmed,
            sent: confirmed,
            out: VecDeque::new(),
            bytes: 0,
            is_spoilt: false,
            returned: None,
        }
    }

    /// Up to here everything is confirmed.
    pub(super) fn confirmed(&self) -> i64 {
        self.confirmed
    }

    /// What comes next is the event after this one.
    pub(super) fn sent(&self) -> i64 {
        self.sent
    }

    /// The oldest position that is out.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.out.front().map(|out| out.position)
    }

    /// Whether another event may be handed over.
    pub(super) fn has_room(&self) -> bool {
        !self.is_spoilt && self.out.len() < self.length && (self.out.is_empty() || self.bytes < BYTES_MAX)
    }

    /// A channel is opened: whatever an earlier one left unanswered is sent again.
    pub(super) fn begin(&mut self) {
        self.spoil();
        self.is_spoilt = false;
        self.length = LENGTH_FIRST.min(self.length_max);
        self.sent = self.confirmed;
    }

    /// The channel is gone.
    pub(super) fn spoil(&mut self) {
        self.out.clear();
        self.bytes = 0;
        self.is_spoilt = true;
    }

    /// The event after the last was handed to the channel.
    pub(super) fn hand_over(&mut self, position: i64, needs_queue: bool, bytes: usize) {
        self.sent = position;
        self.bytes += bytes;
        self.out.push_back(Out { position, needs_queue, bytes });
    }

    /// There are no events after the last up to this position, and never will be.
    pub(super) fn skip_to(&mut self, position: i64) {
        self.sent = self.sent.max(position);
    }

    /// The oldest that is out was answered. True when the cursor went on.
    pub(super) fn answered(&mut self, answer: Answer) -> Result<bool, Trouble> {
        let Some(Out { position, needs_queue, bytes }) = self.out.pop_front() else { return Ok(false) };
        self.bytes = self.bytes.saturating_sub(bytes);
        let trouble = match answer {
            // An event of a key that no durable queue wants was taken by all who want it: by nobody.
            Answer::Returned if needs_queue => Trouble::Returned(position),
            Answer::Taken | Answer::Returned => {
                self.confirmed = position;
                self.length = (self.length + 1).min(self.length_max);
                return Ok(true);
            }
            Answer::Refused => Trouble::Refused(position),
        };
        self.spoil();
        Err(trouble)
    }

    /// An event came back that must have a queue.
    pub(super) fn came_back(&mut self, position: i64) -> Verdict {
        let times = match self.returned {
            Some((known, times)) if known == position => times + 1,
            _ => 1,
        };
        self.returned = Some((position, times));
        if times < RETURNS_MAX { Verdict::Again(times) } else { Verdict::Poison }
    }

    /// What was found to be poison is kept elsewhere by now: the cursor passes it. Only the next of all can be that.
    pub(super) fn pass(&mut self, position: i64) {
        if self.returned.is_some_and(|(known, times)| known == position && times >= RETURNS_MAX) {
            self.confirmed = self.confirmed.max(position);
            self.returned = None;
        }
    }
}

/// How many events one read takes, so that it stays near [`BYTES_MAX`] whatever is in them: as many as of the size of those
/// that were read last. Where small ones turn into the largest at once, one read is larger.
#[derive(Debug)]
pub(super) struct Appetite {
    rows_max: usize,
    rows: usize,
}

impl Appetite {
    pub(super) const fn new(rows_max: usize) -> Self {
        Self { rows_max, rows: rows_max }
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn took(&mut self, rows: usize, bytes: usize) {
        if let Some(average) = bytes.checked_div(rows) {
            self.rows = (BYTES_MAX / average.max(1)).clamp(1, self.rows_max);
        }
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
