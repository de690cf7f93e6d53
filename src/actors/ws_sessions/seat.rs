//! A session's place in the register, seen from both sides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use uuid::Uuid;

use super::letterbox::Letterbox;
use super::messages::Join;
use super::seat_list::SeatList;
use super::shelf::{Lent, Page, Shelf};
use super::turns::{Turn, Turns};
use crate::actors::system::{Node, woken_together};
use crate::models::store::outbox::Audience;
use crate::models::{Credential, CredentialId, TeamId, UserId};

/// What the register and the session share.
#[derive(Debug)]
pub struct Seat {
    /// The session's own id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: UserId,
    /// Whether it gets those of what is theirs alone: not with the key of a team.
    pub(super) hears_own: bool,
    /// The teams whose events it gets.
    pub teams: Box<[TeamId]>,
    /// How much had been heard of changes before they were looked up.
    pub(super) teams_as_of: u64,
    /// As of which revision of each of them.
    revisions: Box<[i64]>,
    /// Where events wait for it.
    pub letterbox: Letterbox,
    pub(super) credential: CredentialId,
    pub(super) expires_at: Timestamp,
    pub(super) shelf: Shelf,
    heard: AtomicBool,
    silent_beats: AtomicU8,
    /// A page had to be taken back from it.
    is_slow: AtomicBool,
    desk: Desk,
}

/// What seats have of their register.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    /// Seats that were given back and are still in the register.
    pub(super) left: SeatList,
    /// Those that were lent pages.
    pub(super) lent: SeatList,
    pub(super) turns: Turns,
}

/// The session's side of its seat. However the session ends, dropping this gives the seat back.
pub struct Seated {
    seat: Arc<Seat>,
    node: Arc<Node>,
}

impl Seat {
    /// Gives a seat, and shows it in the tree as long as it is held.
    pub(super) fn give(join: Join, desk: Desk, node: &Arc<Node>) -> (Arc<Self>, Seated) {
        let Join { holder, teams, teams_as_of, since, looked_at: _ } = join;
        let is_of_team = matches!(holder.credential, Credential::ApiKey { team_id: Some(_), .. });
        let seat = Arc::new(Self {
            id: Uuid::now_v7(),
            user_id: holder.user_id,
            hears_own: !is_of_team,
            teams_as_of,
            revisions: teams.iter().map(|membership| membership.revision).collect(),
            teams: teams.into_iter().map(|membership| membership.team_id).collect(),
            letterbox: Letterbox::new(since.is_some()),
            credential: holder.credential_id(),
            expires_at: holder.expires_at,
            shelf: Shelf::default(),
            heard: AtomicBool::new(false),
            silent_beats: AtomicU8::new(0),
            is_slow: AtomicBool::new(false),
            desk,
        });
        node.members().fetch_add(1, Ordering::Relaxed);
        (seat.clone(), Seated { seat, node: node.clone() })
    }

    /// Whose events it gets.
    pub(super) fn audience(&self) -> Audience<'_> {
        Audience { user_id: self.user_id, hears_own: self.hears_own, teams: &self.teams }
    }

    /// As of which revision of the team it gets its events; `None` if it does not.
    pub(super) fn revision_of(&self, team: TeamId) -> Option<i64> {
        let place = self.teams.iter().position(|known| *known == team)?;
        self.revisions.get(place).copied()
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

    /// Waits for its turn to be read a page of the log.
    pub(super) async fn take_turn(&self) -> Option<Turn> {
        woken_together(self.desk.turns.take(self.is_slow.load(Ordering::Relaxed))).await
    }

    /// Lends it a page.
    pub(super) fn lend(self: &Arc<Self>, page: Page, now: Instant) {
        if self.shelf.lend(page, now) {
            self.desk.lent.push(self.clone());
        }
    }

    /// Takes its page back if that is overdue.
    pub(super) fn check_lent(&self, now: Instant) -> Lent {
        let lent = self.shelf.check(now);
        if lent == Lent::TakenBack {
            self.is_slow.store(true, Ordering::Relaxed);
            self.letterbox.wake();
        }
        lent
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
        self.seat.shelf.close();
        self.seat.desk.left.push(self.seat.clone());
        self.node.members().fetch_sub(1, Ordering::Relaxed);
    }
}
