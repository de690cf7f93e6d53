//! How far the events of the bus have been told, and what is missing in between. Pure.
//!
//! The queue of a replica gets every position, so a jump is a hole: RabbitMQ was away, the queue was full, a message
//! was a dead letter. What is in the hole is read from the log; what comes meanwhile is held back, newest first to be
//! kept, because the log has all of it anyway.

use std::collections::VecDeque;

/// What has to be read before more can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing.
    Nothing,
    /// The end of the log, because what came last may be missing.
    Watermark {
        /// Which doubt asks; see [`Positions::watermark`].
        doubt: u64,
    },
    /// The log after one position up to and including another.
    Log {
        /// Everything up to here has been told.
        after: i64,
        /// The end of what is known to be missing.
        to: i64,
    },
}

/// The cursor over all events, with those that wait for a hole before them to be filled.
#[derive(Debug)]
pub(super) struct Positions<E> {
    /// Everything up to here has been told; none before the first watermark.
    last: Option<i64>,
    /// The log has everything up to here.
    target: i64,
    /// The newest run of events that came without a hole among them.
    held: VecDeque<E>,
    held_from: i64,
    held_max: usize,
    doubts: u64,
    is_doubtful: bool,
}

impl<E> Positions<E> {
    /// A cursor that does not know yet where it stands. Of the events behind a hole it holds `held_max` at most; the
    /// log is asked for the others.
    pub(super) fn new(held_max: usize) -> Self {
        Self {
            last: None,
            target: 0,
            held: VecDeque::new(),
            held_from: 0,
            held_max: held_max.max(1),
            doubts: 0,
            is_doubtful: true,
        }
    }

    /// The position up to which everything has been told, once that is known.
    pub(super) fn last(&self) -> Option<i64> {
        self.last
    }

    /// The queue was bound again, or has been quiet for long: what came last may be missing, and no jump would show it.
    pub(super) fn doubt(&mut self) {
        self.doubts += 1;
        self.is_doubtful = true;
    }

    /// What to read next.
    pub(super) fn need(&self) -> Need {
        let Some(last) = self.last.filter(|_| !self.is_doubtful) else {
            return Need::Watermark { doubt: self.doubts };
        };
        let to = if self.held.is_empty() { self.target } else { self.held_from - 1 };
        if to > last { Need::Log { after: last, to } } else { Need::Nothing }
    }

    /// An event of the bus. It is given back if it is the next to be told; then [`Positions::release`] may have more.
    pub(super) fn offer(&mut self, position: i64, event: E) -> Option<E> {
        let Some(last) = self.last else {
            self.hold(position, event);
            return None;
        };
        if position == last + 1 {
            self.last = Some(position);
            return Some(event);
        }
        if position > last {
            self.hold(position, event);
        }
        None
    }

    /// The end of the log, read after that doubt; the answer to [`Need::Watermark`]. The first one is where the telling begins.
    pub(super) fn watermark(&mut self, doubt: u64, end: i64) {
        self.last.get_or_insert(end);
        self.target = self.target.max(end);
        // One that was read before the newest doubt says nothing about what was lost before that.
        if doubt == self.doubts {
            self.is_doubtful = false;
        }
    }

    /// True if an event of the log is to be told, which moves the cursor to it. The log may skip what it no longer has.
    pub(super) fn read(&mut self, position: i64) -> bool {
        let is_new = self.last.is_some_and(|last| position > last);
        if is_new {
            self.last = Some(position);
        }
        is_new
    }

    /// The log was read to the end of a [`Need::Log`], whatever was in it.
    pub(super) fn read_to(&mut self, to: i64) {
        self.last = self.last.map(|last| last.max(to));
    }

    /// The next event that was held back, once nothing is missing before it.
    pub(super) fn release(&mut self) -> Option<(i64, E)> {
        let last = self.last?;
        while self.held_from <= last + 1 {
            let event = self.held.pop_front()?;
            let position = self.held_from;
            self.held_from += 1;
            if position > last {
                self.last = Some(position);
                return Some((position, event));
            }
        }
        None
    }

    fn hold(&mut self, position: i64, event: E) {
        let next = self.held_from + i64::try_from(self.held.len()).unwrap_or(i64::MAX);
        if self.held.is_empty() || position > next {
            self.held.clear();
            self.held_from = position;
        } else if position < next {
            return;
        }
        self.target = self.target.max(position);
        self.held.push_back(event);
        if self.held.len() > self.held_max {
            self.held.pop_front();
            self.held_from += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::actors::ws_sessions::channels::Topic;
    use crate::actors::ws_sessions::frame::EventFrame;
    use crate::actors::ws_sessions::recent::{Recent, RecentLimits};
    use crate::actors::ws_sessions::register::Owner;
    use crate::models::store::outbox::Audience;
    use crate::models::{RoutingKey, UserId};

    /// What happens to the queue of one replica, in the order in which it happens.
    #[derive(Debug, Clone)]
    enum Step {
        /// The publisher sends this many new events; all arrive.
        Publish(u8),
        /// It sends this many that never arrive (and are in the log).
        Lose(u8),
        /// It sends the newest ones again.
        Repeat(u8),
        /// The queue was gone, and this many events with it, and is bound again.
        Rebind(u8),
        /// The replica starts to read what it needs.
        Ask,
        /// The log loses its beginning, up to so many of its newest events.
        Forget(u8),
        /// What it asked for arrives, at most so many rows of it.
        Answer(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (1..6u8).prop_map(Step::Publish),
            2 => (1..4u8).prop_map(Step::Lose),
            2 => (1..8u8).prop_map(Step::Repeat),
            1 => (0..4u8).prop_map(Step::Rebind),
            4 => Just(Step::Ask),
            1 => (0..6u8).prop_map(Step::Forget),
            4 => (1..5u8).prop_map(Step::Answer),
        ];
        prop::collection::vec(step, 0..80)
    }

    /// A replica that tells events to a list and keeps the newest, a log that has all of them unless it is cut, and a read
    /// that takes its time.
    struct Replica {
        positions: Positions<i64>,
        told: Vec<i64>,
        recent: Recent,
        user: UserId,
        log_from: i64,
        log_end: i64,
        asked: Option<(Need, i64)>,
    }

    impl Replica {
        fn new(start: i64, held_max: usize, events_max: usize) -> Self {
            Self {
                positions: Positions::new(held_max),
                told: Vec::new(),
                recent: Recent::new(RecentLimits { events_max, bytes_max: 1_000_000 }),
                user: UserId::new(),
                log_from: 0,
                log_end: start,
                asked: None,
            }
        }

        fn tell(&mut self, position: i64) {
            self.told.push(position);
            let owner = Owner { user_id: Some(self.user), team_id: None };
            let topic = Topic::of(&RoutingKey::INSTANCE_CREATED).unwrap();
            let frame = EventFrame { position, topic, instance_id: None, text: "x".into() };
            self.recent.push(position, owner, Some(std::sync::Arc::new(frame)));
        }

        /// Whatever is answered from memory is all that is between two positions, and nothing that was not told.
        fn check_memory(&self) {
            for after in self.log_end - 12..=self.log_end {
                for to in after..=self.log_end {
                    let Some(missed) = self.recent.missed(
                        Audience { user_id: self.user, hears_own: true, teams: &[] },
                        (after, to),
                        1000,
                    ) else {
                        continue;
                    };
                    let positions: Vec<i64> = missed.frames.iter().map(|frame| frame.position).collect();
                    assert_eq!(positions, (after + 1..=to).collect::<Vec<i64>>());
                    assert!(positions.iter().all(|position| self.told.contains(position)));
                }
            }
        }

        fn deliver(&mut self, position: i64) {
            if let Some(event) = self.positions.offer(position, position) {
                assert_eq!(event, position);
                self.tell(event);
            }
            self.release();
        }

        fn release(&mut self) {
            while let Some((position, event)) = self.positions.release() {
                assert_eq!(event, position);
                self.tell(event);
            }
        }

        fn ask(&mut self) {
            if self.asked.is_none() {
                self.asked = Some((self.positions.need(), self.log_end));
            }
        }

        fn answer(&mut self, rows: i64) {
            match self.asked.take() {
                Some((Need::Watermark { doubt }, end)) => self.positions.watermark(doubt, end),
                Some((Need::Log { after, to }, end)) => {
                    assert!(to <= end, "asked for what is not in the log");
                    let page_end = to.min(after + rows);
                    for position in after + 1..=page_end {
                        if position > self.log_from && self.positions.read(position) {
                            self.tell(position);
                        }
                    }
                    self.positions.read_to(page_end);
                }
                Some((Need::Nothing, _)) | None => {}
            }
            self.release();
        }

        fn step(&mut self, step: &Step) {
            match *step {
                Step::Publish(count) => {
                    for _ in 0..count {
                        self.log_end += 1;
                        self.deliver(self.log_end);
                    }
                }
                Step::Lose(count) => self.log_end += i64::from(count),
                Step::Repeat(count) => {
                    for position in (self.log_end - i64::from(count) + 1).max(1)..=self.log_end {
                        self.deliver(position);
                    }
                }
                Step::Rebind(lost) => {
                    self.log_end += i64::from(lost);
                    self.positions.doubt();
                }
                Step::Ask => self.ask(),
                Step::Forget(kept) => self.log_from = self.log_from.max(self.log_end - i64::from(kept)),
                Step::Answer(rows) => self.answer(i64::from(rows)),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_the_queue_loses_or_repeats_all_is_told_once_and_in_order(
            start in 0..5i64, held_max in 1..6usize, events_max in 0..9usize, steps in steps(), is_last in any::<bool>(),
        ) {
            let mut replica = Replica::new(start, held_max, events_max);
            for step in &steps {
                replica.step(step);
                replica.check_memory();
            }
            // The next event shows what was lost at the end, or that there is none for a while; then it only has to read.
            if is_last {
                replica.positions.doubt();
            } else {
                replica.step(&Step::Publish(1));
            }
            let mut reads = 0;
            while replica.positions.need() != Need::Nothing || replica.asked.is_some() {
                replica.ask();
                replica.answer(3);
                reads += 1;
                prop_assert!(reads < 500, "reads for ever");
            }
            prop_assert_eq!(replica.positions.last(), Some(replica.log_end));
            replica.check_memory();
            let first = replica.told.first().copied().unwrap_or(replica.log_end + 1);
            prop_assert!(first > start);
            prop_assert!(replica.told.is_sorted_by(|one, next| one < next));
            // Only what the log lost may be left out.
            let missing = |position: &i64| !replica.told.contains(position);
            let missing: Vec<i64> = (first..=replica.log_end).filter(missing).collect();
            prop_assert!(missing.iter().all(|position| *position <= replica.log_from), "{:?}", missing);
            prop_assert!(replica.positions.held.is_empty());
        }
    }

    #[test]
    fn what_is_held_back_is_bounded_and_the_log_is_asked_for_the_rest() {
        let mut positions = Positions::new(3);
        positions.watermark(0, 10);
        for position in 12..=100 {
            assert_eq!(positions.offer(position, position), None);
        }
        assert_eq!(positions.held.len(), 3);
        assert_eq!(positions.need(), Need::Log { after: 10, to: 97 });
    }

    #[test]
    fn a_watermark_from_before_the_newest_doubt_does_not_end_the_asking() {
        let mut positions = Positions::<()>::new(3);
        positions.doubt();
        positions.watermark(0, 10);
        assert_eq!(positions.need(), Need::Watermark { doubt: 1 });
        positions.watermark(1, 12);
        assert_eq!(positions.need(), Need::Log { after: 10, to: 12 });
    }

    #[test]
    fn what_the_log_no_longer_has_is_passed_over() {
        let mut positions = Positions::new(3);
        positions.watermark(0, 10);
        assert_eq!(positions.offer(20, 20), None);
        assert!(positions.read(15));
        positions.read_to(19);
        assert_eq!(positions.release(), Some((20, 20)));
        assert_eq!(positions.need(), Need::Nothing);
    }
}
