//! A session's place in the register, seen from both sides.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use super::letterbox::Letterbox;
use super::messages::Join;
use crate::actors::system::Node;
use crate::models::{SessionId, TeamId, UserId};

/// What the register and the session share.
#[derive(Debug)]
pub struct Seat {
    /// The socket's own id.
    pub id: Uuid,
    /// Whose events it gets.
    pub user_id: UserId,
    /// The teams whose events it gets, too.
    pub teams: Box<[TeamId]>,
    /// Where events wait for it.
    pub letterbox: Letterbox,
    pub(super) sign_in: SessionId,
    pub(super) expires_at: Timestamp,
    heard: AtomicBool,
    silent_beats: AtomicU8,
    left: Departures,
}

/// The session's side of its seat. However the session ends, dropping this gives the seat back.
pub struct Seated {
    seat: Arc<Seat>,
    node: Arc<Node>,
}

/// Seats that were given back and are still in the register. It holds as many as there are sessions at most.
#[derive(Debug, Clone, Default)]
pub(super) struct Departures(Arc<Mutex<Vec<Arc<Seat>>>>);

impl Departures {
    pub(super) fn take(&self) -> Vec<Arc<Seat>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Gives a seat, and shows it in the tree as long as it is held.
    pub(super) fn give(join: Join, left: Departures, node: &Arc<Node>) -> (Arc<Self>, Seated) {
        let Join { holder, teams, is_resuming } = join;
        let seat = Arc::new(Self {
            id: Uuid::now_v7(),
            user_id: holder.user_id,
            teams: teams.into_boxed_slice(),
            letterbox: Letterbox::new(is_resuming),
            sign_in: holder.session_id,
            expires_at: holder.expires_at,
            heard: AtomicBool::new(false),
            silent_beats: AtomicU8::new(0),
            left,
        });
        node.members().fetch_add(1, Ordering::Relaxed);
        (seat.clone(), Seated { seat, node: node.clone() })
    }

    /// The peer has given a sign of life.
    pub fn heard(&self) {
        if !self.heard.load(Ordering::Relaxed) {
            self.heard.store(true, Ordering::Relaxed);
        }
    }

    /// How many heartbeats there were since the last sign of life. Counts one.
    pub(super) fn silent_beats(&self) -> u8 {
        if self.heard.swap(false, Ordering::Relaxed) {
            self.silent_beats.store(0, Ordering::Relaxed);
            return 0;
        }
        self.silent_beats.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }
}

impl std::ops::Deref for Seated {
    type Target = Seat;

    fn deref(&self) -> &Seat {
        &self.seat
    }
}

impl std::fmt::Debug for Seated {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.seat.fmt(formatter)
    }
}

impl Seated {
    /// The seat, for asking in its name.
    pub fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seat.letterbox.abandon();
        self.seat.left.lock().push(self.seat.clone());
        self.node.members().fetch_sub(1, Ordering::Relaxed);
    }
}
