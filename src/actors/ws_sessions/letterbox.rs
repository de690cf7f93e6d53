//! Where events wait for one session: bounded in frames and in bytes, shared between the register and the session.
//!
//! Not the session's mailbox: that one counts messages and not bytes, and a session whose peer does not read is not
//! polled at all, so it could not even be told to go. Here the verdict overtakes what waits.
//!
//! A session that still reads its history is behind by nature: when its box is full, what is in it is thrown away, and it
//! has that from the log, too.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::farewell::Farewell;
use super::frame::EventFrame;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// A queue that had a burst gives its memory back when it is empty; below this many slots it is not worth it.
const SLOTS_KEPT: usize = 16;

/// How much may wait for one session.
#[derive(Debug, Clone, Copy)]
pub(super) struct LetterboxLimits {
    /// Frames.
    pub frames_max: usize,
    /// Bytes of their text; a single frame may be larger.
    pub bytes_max: usize,
}

/// What waits.
#[derive(Debug, Clone)]
pub enum Letter {
    /// An event.
    Event(Arc<EventFrame>),
    /// Everything that concerns the session up to this position was put in before.
    Beat(i64),
}

/// How much room is left after a letter was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Enough.
    Enough,
    /// With this letter the box became more than half full.
    Scarce,
}

/// Why a letter was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotPosted {
    /// It would not fit: the session has been told to go.
    Full,
    /// The session has gone or has been told to go.
    Closed,
}

/// What the session finds.
#[derive(Debug)]
pub enum Found {
    /// The next letter.
    Letter(Letter),
    /// Nothing at present.
    Nothing,
    /// It has to go; nothing may be sent any more but this.
    Farewell(Farewell),
}

/// See the module.
#[derive(Debug)]
pub struct Letterbox {
    inside: Mutex<Inside>,
    ping_due: AtomicBool,
    reader: AtomicWaker,
}

#[derive(Debug, Default)]
struct Inside {
    waiting: VecDeque<Letter>,
    bytes: usize,
    farewell: Option<Farewell>,
    gone: bool,
    /// Its session reads the log.
    is_resuming: bool,
    /// Letters up to this position were thrown away; set only while it is resuming.
    lost_to: Option<i64>,
}

impl Letterbox {
    pub(super) fn new(is_resuming: bool) -> Self {
        let inside = Inside { is_resuming, ..Inside::default() };
        Self { inside: Mutex::new(inside), ping_due: AtomicBool::new(false), reader: AtomicWaker::new() }
    }

    /// Puts a letter in and wakes the session.
    pub(super) fn post(&self, letter: Letter, limits: LetterboxLimits) -> Result<Room, NotPosted> {
        let mut inside = self.lock();
        if inside.gone || inside.farewell.is_some() {
            return Err(NotPosted::Closed);
        }
        if let (Letter::Beat(position), Some(Letter::Beat(last))) = (&letter, inside.waiting.back_mut()) {
            *last = *position;
            return Ok(Room::Enough);
        }
        let bytes = letter.bytes();
        if inside.lost_to.is_some() {
            inside.lost_to = Some(letter.position());
            return Ok(Room::Enough);
        }
        let is_full = inside.waiting.len() >= limits.frames_max
            || (inside.bytes > 0 && inside.bytes + bytes > limits.bytes_max);
        let posted = if is_full && inside.is_resuming {
            inside.empty();
            inside.lost_to = Some(letter.position());
            Ok(Room::Enough)
        } else if is_full {
            inside.dismiss(Farewell::Slow);
            Err(NotPosted::Full)
        } else {
            let had_room = !inside.is_crowded(limits);
            inside.bytes += bytes;
            inside.waiting.push_back(letter);
            Ok(if had_room && inside.is_crowded(limits) { Room::Scarce } else { Room::Enough })
        };
        drop(inside);
        self.reader.wake();
        posted
    }

    /// Whether it is more than half full.
    pub(super) fn is_crowded(&self, limits: LetterboxLimits) -> bool {
        self.lock().is_crowded(limits)
    }

    /// Tells the session to go. The first farewell stays.
    pub(super) fn dismiss(&self, farewell: Farewell) {
        self.lock().dismiss(farewell);
        self.reader.wake();
    }

    /// Asks the session to ping its peer, the next time that it can.
    pub(super) fn ask_for_ping(&self) {
        self.ping_due.store(true, Ordering::Relaxed);
        self.reader.wake();
    }

    /// Wakes the session: there is something for it beside its letters.
    pub(super) fn wake(&self) {
        self.reader.wake();
    }

    /// The session is gone: nothing is kept for it.
    pub(super) fn abandon(&self) {
        let mut inside = self.lock();
        inside.gone = true;
        inside.empty();
    }

    pub(super) fn is_open(&self) -> bool {
        let inside = self.lock();
        !inside.gone && inside.farewell.is_none()
    }

    /// The session's task is to be woken when something comes.
    pub fn watch(&self, reader: &Waker) {
        self.reader.register(reader);
    }

    /// To be asked when the session has sent what it wanted of the log: up to where it has to read on, because letters up
    /// to there were thrown away. None: it is live from now on.
    pub fn lost_to(&self) -> Option<i64> {
        let mut inside = self.lock();
        let lost_to = inside.lost_to.take();
        inside.is_resuming = lost_to.is_some();
        lost_to
    }

    /// Takes the next letter.
    pub fn take(&self) -> Found {
        let mut inside = self.lock();
        if let Some(farewell) = inside.farewell {
            return Found::Farewell(farewell);
        }
        let Some(letter) = inside.waiting.pop_front() else { return Found::Nothing };
        inside.bytes -= letter.bytes();
        if inside.waiting.is_empty() && inside.waiting.capacity() > SLOTS_KEPT {
            inside.waiting = VecDeque::new();
        }
        Found::Letter(letter)
    }

    /// The farewell, if the session has been told to go. For a session that is not reading its letters yet.
    pub fn farewell(&self) -> Option<Farewell> {
        self.lock().farewell
    }

    /// True once after each request for a ping.
    pub fn takes_ping(&self) -> bool {
        self.ping_due.load(Ordering::Relaxed) && self.ping_due.swap(false, Ordering::Relaxed)
    }

    /// Nothing here panics while it holds the lock, so a poisoned one still guards sound data.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn is_crowded(&self, limits: LetterboxLimits) -> bool {
        self.waiting.len() > limits.frames_max / 2 || self.bytes > limits.bytes_max / 2
    }

    fn dismiss(&mut self, farewell: Farewell) {
        self.farewell.get_or_insert(farewell);
        self.empty();
    }

    fn empty(&mut self) {
        self.waiting = VecDeque::new();
        self.bytes = 0;
    }
}

impl Letter {
    fn position(&self) -> i64 {
        match self {
            Self::Event(frame) => frame.position,
            Self::Beat(position) => *position,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Event(frame) => frame.text.len(),
            Self::Beat(_) => 0,
        }
    }
}

#[cfg(all(test, feature = "models"))]
#[path = "meetings.rs"]
mod meetings;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::ws_sessions::channels::Topic;
    use crate::models::RoutingKey;

    const LIMITS: LetterboxLimits = LetterboxLimits { frames_max: 4, bytes_max: 100 };

    fn event(position: i64, bytes: usize) -> Letter {
        let topic = Topic::of(&RoutingKey::INSTANCE_CREATED).unwrap();
        let text = "x".repeat(bytes).into_boxed_str();
        Letter::Event(Arc::new(EventFrame { position, topic, instance_id: None, text }))
    }

    #[test]
    fn a_full_box_is_emptied_and_says_goodbye_before_anything_else() {
        let letterbox = Letterbox::new(false);
        for position in 0..4 {
            letterbox.post(event(position, 1), LIMITS).unwrap();
        }
        assert_eq!(letterbox.post(event(4, 1), LIMITS), Err(NotPosted::Full));
        assert_eq!(letterbox.post(event(5, 1), LIMITS), Err(NotPosted::Closed));
        assert!(matches!(letterbox.take(), Found::Farewell(Farewell::Slow)));
    }

    #[test]
    fn bytes_are_bounded_and_a_single_large_frame_passes() {
        let letterbox = Letterbox::new(false);
        letterbox.post(event(1, 1000), LIMITS).unwrap();
        assert!(matches!(letterbox.take(), Found::Letter(Letter::Event(_))));
        letterbox.post(event(2, 60), LIMITS).unwrap();
        letterbox.post(event(3, 40), LIMITS).unwrap();
        assert_eq!(letterbox.post(event(4, 1), LIMITS), Err(NotPosted::Full));
    }

    #[test]
    fn beats_of_a_session_that_does_not_read_become_one() {
        let letterbox = Letterbox::new(false);
        for position in 0..100 {
            letterbox.post(Letter::Beat(position), LIMITS).unwrap();
        }
        assert!(matches!(letterbox.take(), Found::Letter(Letter::Beat(99))));
        assert!(matches!(letterbox.take(), Found::Nothing));
    }

    #[test]
    fn a_full_box_of_a_resuming_session_is_emptied_and_says_how_far_the_log_must_be_read() {
        let letterbox = Letterbox::new(true);
        for position in 0..100 {
            letterbox.post(event(position, 1), LIMITS).unwrap();
        }
        assert_eq!(letterbox.lost_to(), Some(99));
        letterbox.post(event(100, 1), LIMITS).unwrap();
        assert_eq!(letterbox.lost_to(), None);
        assert!(matches!(letterbox.take(), Found::Letter(Letter::Event(frame)) if frame.position == 100));
        for position in 101..105 {
            letterbox.post(event(position, 1), LIMITS).unwrap();
        }
        assert_eq!(letterbox.post(event(105, 1), LIMITS), Err(NotPosted::Full));
    }

    #[test]
    fn an_abandoned_box_takes_nothing() {
        let letterbox = Letterbox::new(false);
        letterbox.abandon();
        assert_eq!(letterbox.post(event(1, 1), LIMITS), Err(NotPosted::Closed));
        assert!(!letterbox.is_open());
    }
}
