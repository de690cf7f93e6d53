//! Notices a thread that an actor does not give back. Nothing can cancel it, so all that is left is to say who it is and
//! to end the process; the supervisor above the process begins again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::node::{Node, lock};

/// The watcher itself must not spin.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(1);

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
static SEATS: Mutex<Vec<Weak<Seat>>> = Mutex::new(Vec::new());

/// What one thread is in the middle of.
#[derive(Default)]
pub(super) struct Seat {
    /// Microseconds since [`EPOCH`], plus one, so that 0 can say that the thread is in no actor.
    since_us: AtomicU64,
    who: Mutex<Weak<Node>>,
}

impl Seat {
    fn since_us(&self) -> u64 {
        self.since_us.load(Ordering::Acquire)
    }
}

thread_local! {
    static SEAT: Arc<Seat> = {
        let seat = Arc::new(Seat::default());
        let mut seats = lock(&SEATS);
        seats.retain(|other| other.strong_count() > 0);
        seats.push(Arc::downgrade(&seat));
        seat
    };
}

fn now_us() -> u64 {
    u64::try_from(EPOCH.elapsed().as_micros()).unwrap_or(u64::MAX - 1) + 1
}

/// The thread is inside `node`'s code until the answer is dropped.
pub(super) fn enter(node: &Arc<Node>) -> Inside {
    SEAT.with(|seat| {
        let mut who = lock(&seat.who);
        if Weak::as_ptr(&who) != Arc::as_ptr(node) {
            *who = Arc::downgrade(node);
        }
        drop(who);
        seat.since_us.store(now_us(), Ordering::Release);
    });
    Inside
}

pub(super) struct Inside;

impl Drop for Inside {
    fn drop(&mut self) {
        SEAT.with(|seat| seat.since_us.store(0, Ordering::Release));
    }
}

/// Watches every thread that runs supervised children, until it is dropped.
pub struct BlockedThreads {
    over: Arc<AtomicBool>,
}

impl BlockedThreads {
    /// Calls `tell` with the path of a child that has kept its thread for longer than `limit`: once per stay. What is
    /// too low calls a long computation blocked (which belongs on a blocking pool anyway); too high, and everything else
    /// on that thread stands still for as long.
    pub fn watch(limit: Duration, tell: impl Fn(&str, Duration) + Send + 'static) -> std::io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        thread::Builder::new().name("blocked-threads".to_owned()).spawn(move || {
            let mut told = Vec::new();
            while !ended.load(Ordering::Acquire) {
                thread::sleep((limit / 4).max(LOOK_EVERY_MIN));
                look(limit, &tell, &mut told);
            }
        })?;
        Ok(Self { over })
    }
}

/// The stays that were told of and are not yet over: whose, and since when.
pub(super) type Told = Vec<(Weak<Seat>, u64)>;

/// Tells of every stay over `limit` that has not been told of.
pub(super) fn look(limit: Duration, tell: &impl Fn(&str, Duration), told: &mut Told) {
    told.retain(|(seat, since_us)| seat.upgrade().is_some_and(|seat| seat.since_us() == *since_us));
    let seats: Vec<Arc<Seat>> = lock(&SEATS).iter().filter_map(Weak::upgrade).collect();
    for seat in seats {
        let since_us = seat.since_us();
        let stay = Duration::from_micros(now_us().saturating_sub(since_us));
        let is_told = told.iter().any(|(other, _)| Weak::as_ptr(other) == Arc::as_ptr(&seat));
        if since_us == 0 || stay < limit || is_told {
            continue;
        }
        let who = lock(&seat.who).upgrade();
        // Looked at again: by now the thread may be in another actor, who has done no wrong.
        if let Some(node) = who
            && seat.since_us() == since_us
        {
            told.push((Arc::downgrade(&seat), since_us));
            tell(node.path(), stay);
        }
    }
}

impl Drop for BlockedThreads {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
    }
}
