//! Where a session finds the page of history that it has asked for. It is lent for a while, and then taken back: a
//! session whose peer does not read is not polled, and cannot give anything back itself. It asks again, after what it
//! has sent of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::frame::EventFrame;
use super::turns::Turn;

/// How long a page is lent. Shorter takes pages from peers far away in the middle of them; longer, and those that do
/// not read keep others waiting.
const LENT_FOR: Duration = Duration::from_secs(1);

/// Some of a user's history.
#[derive(Debug)]
pub struct Page {
    /// In the order of their positions.
    pub(super) frames: Vec<Arc<EventFrame>>,
    /// Up to here there is nothing else for this session.
    pub(super) reached: i64,
    /// Ends when the page has been written, or is taken back. None for what was in memory anyway.
    pub(super) turn: Option<Turn>,
}

/// What a session finds.
#[derive(Debug)]
pub(super) enum Leaf {
    /// Nothing yet.
    Nothing,
    /// The next event.
    Event(Arc<EventFrame>),
    /// The page was read to its end: up to here there is nothing else.
    End(i64),
    /// The page is gone: it has to be asked for again.
    TakenBack,
    /// There is no such history.
    Gap,
    /// It cannot be had now.
    Unavailable,
}

/// Why there is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPage {
    Gap,
    Unavailable,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    there: There,
    /// Somebody will look whether it is overdue.
    is_watched: bool,
    /// The session has gone: nothing is put here any more.
    is_closed: bool,
}

#[derive(Debug, Default)]
enum There {
    #[default]
    Nothing,
    Page {
        frames: std::vec::IntoIter<Arc<EventFrame>>,
        reached: i64,
        until: Instant,
        _turn: Option<Turn>,
    },
    TakenBack,
    None(NoPage),
}

/// What became of a page that was lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lent {
    /// It may stay.
    Still,
    /// It was given back.
    Returned,
    /// It was overdue.
    TakenBack,
}

impl Shelf {
    /// Lends a page, unless the session has gone meanwhile. True if somebody has to watch it from now on.
    pub(super) fn lend(&self, Page { frames, reached, turn }: Page, now: Instant) -> bool {
        let mut inside = self.lock();
        if inside.is_closed {
            return false;
        }
        inside.there =
            There::Page { frames: frames.into_iter(), reached, until: now + LENT_FOR, _turn: turn };
        !std::mem::replace(&mut inside.is_watched, true)
    }

    /// Says that there is none.
    pub(super) fn refuse(&self, why: NoPage) {
        self.lock().there = There::None(why);
    }

    /// Takes what is next.
    pub(super) fn next(&self) -> Leaf {
        let mut inside = self.lock();
        let leaf = match &mut inside.there {
            There::Nothing => return Leaf::Nothing,
            There::Page { frames, reached, .. } => match frames.next() {
                Some(frame) => return Leaf::Event(frame),
                None => Leaf::End(*reached),
            },
            There::TakenBack => Leaf::TakenBack,
            There::None(NoPage::Gap) => Leaf::Gap,
            There::None(NoPage::Unavailable) => Leaf::Unavailable,
        };
        inside.there = There::Nothing;
        leaf
    }

    /// Whether nothing is there, and nothing has been.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.lock().there, There::Nothing)
    }

    /// Takes the page back if it is overdue. Unless it may stay, nobody watches it from now on.
    pub(super) fn check(&self, now: Instant) -> Lent {
        let mut inside = self.lock();
        let lent = match &inside.there {
            There::Page { until, .. } if *until > now => return Lent::Still,
            There::Page { .. } => Lent::TakenBack,
            There::Nothing | There::TakenBack | There::None(_) => Lent::Returned,
        };
        if lent == Lent::TakenBack {
            inside.there = There::TakenBack;
        }
        inside.is_watched = false;
        lent
    }

    /// The session has gone. A page that comes too late must not keep its turn.
    pub(super) fn close(&self) {
        let mut inside = self.lock();
        inside.is_closed = true;
        inside.there = There::Nothing;
    }

    /// Nothing here panics while it holds the lock, so a poisoned one still guards sound data.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_watched_until_it_is_returned_or_overdue() {
        let page = || Page { frames: Vec::new(), reached: 7, turn: None };
        let (shelf, start) = (Shelf::default(), Instant::now());
        assert!(shelf.lend(page(), start));
        assert!(matches!(shelf.next(), Leaf::End(7)));
        assert!(!shelf.lend(page(), start), "it is watched already");
        assert_eq!(shelf.check(start), Lent::Still);
        assert_eq!(shelf.check(start + LENT_FOR), Lent::TakenBack);
        assert_eq!(shelf.check(start + LENT_FOR), Lent::Returned);
        assert!(matches!(shelf.next(), Leaf::TakenBack));
        assert!(matches!(shelf.next(), Leaf::Nothing));
        assert!(shelf.lend(page(), start));
        shelf.close();
        assert!(!shelf.lend(page(), start) && shelf.is_empty());
    }
}
