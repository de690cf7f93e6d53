//! Who is connected, who gets what, and what falls due for each session. No timers of its own, no I/O.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use super::error::JoinError;
use super::farewell::Farewell;
use super::frame::EventFrame;
use super::letterbox::{Letter, LetterboxLimits, NotPosted, Room};
use super::messages::Join;
use super::regrouping::Regrouping;
use super::seat::{Desk, Seat, Seated};
use super::seat_list::SeatList;
use super::settings::WebsocketSettings;
use super::shelf::Lent;
use super::turns::Turns;
use crate::actors::system::Node;
use crate::models::{CredentialId, TeamId, UserId};

/// A peer that has been silent for so many heartbeats is gone.
const SILENT_BEATS_MAX: u8 = 2;

/// The sessions of one replica.
pub(super) struct Register {
    node: Arc<Node>,
    limits: LetterboxLimits,
    heartbeat: Duration,
    sessions_max: usize,
    sessions_per_user_max: usize,
    count: usize,
    by_user: HashMap<UserId, Vec<Arc<Seat>>>,
    by_team: HashMap<TeamId, Vec<Arc<Seat>>>,
    /// The next heartbeat or the end of the credential of each, soonest first.
    due: BinaryHeap<Reverse<Due>>,
    desk: Desk,
    /// Those whose letterbox has become more than half full lately.
    crowded: Vec<Arc<Seat>>,
}

struct Due {
    at: Instant,
    seat: Arc<Seat>,
}

/// Whose an event is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) user_id: Option<UserId>,
    pub(super) team_id: Option<TeamId>,
}

impl Register {
    pub(super) fn new(settings: &WebsocketSettings, node: Arc<Node>) -> Self {
        Self {
            node,
            limits: settings.letterbox(),
            heartbeat: settings.heartbeat(),
            sessions_max: settings.sessions_max,
            sessions_per_user_max: settings.sessions_per_user_max,
            count: 0,
            by_user: HashMap::new(),
            by_team: HashMap::new(),
            due: BinaryHeap::new(),
            desk: Desk {
                left: SeatList::default(),
                lent: SeatList::default(),
                turns: Turns::new(settings.replay_pages_max),
            },
            crowded: Vec::new(),
        }
    }

    /// Gives a seat to the holder of a credential.
    pub(super) fn seat(&mut self, join: Join, now: Instant) -> Result<Seated, JoinError> {
        self.forget_departed();
        if self.count >= self.sessions_max {
            return Err(JoinError::ReplicaFull);
        }
        let of_user = self.by_user.get(&join.holder.user_id).map_or(0, Vec::len);
        if of_user >= self.sessions_per_user_max {
            return Err(JoinError::TooManyOfUser { max: self.sessions_per_user_max });
        }
        let (seat, seated) = Seat::give(join, self.desk.clone(), &self.node);
        self.count += 1;
        self.by_user.entry(seat.user_id).or_default().push(seat.clone());
        for team_id in &seat.teams {
            self.by_team.entry(*team_id).or_default().push(seat.clone());
        }
        // The first beat comes at a random moment, so that sessions which came together do not stay in step.
        let first_beat = now + self.heartbeat.mul_f64(rand::random::<f64>());
        self.push_due(first_beat, now, seat);
        Ok(seated)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether an event of this owner is for anybody here: most events are not, and are then never written as frames.
    pub(super) fn concerns(&self, owner: Owner) -> bool {
        match owner {
            Owner { team_id: Some(team_id), .. } => self.by_team.contains_key(&team_id),
            Owner { user_id: Some(user_id), .. } => self.by_user.contains_key(&user_id),
            Owner { user_id: None, team_id: None } => false,
        }
    }

    /// Puts an event into the letterboxes of those whom it concerns: what belongs to a team is its members', and else its owner's.
    pub(super) fn post(&mut self, owner: Owner, frame: &Arc<EventFrame>) {
        let Self { by_user, by_team, crowded, limits, .. } = self;
        if let Some(team_id) = owner.team_id {
            by_team.get(&team_id).into_iter().flatten().for_each(|seat| post(seat, frame, *limits, crowded));
        } else if let Some(user_id) = owner.user_id {
            let own = by_user.get(&user_id).into_iter().flatten().filter(|seat| seat.hears_own);
            own.for_each(|seat| post(seat, frame, *limits, crowded));
        }
    }

    /// Those whose letterbox has become more than half full since the last time.
    pub(super) fn take_crowded(&mut self) -> Vec<Arc<Seat>> {
        std::mem::take(&mut self.crowded)
    }

    /// Sends the heartbeats that are due and ends the sessions whose credential has expired or whose peer is gone.
    /// `position`: everything up to it has been posted.
    pub(super) fn beat(&mut self, position: i64, now: Instant) {
        self.forget_departed();
        while self.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(Due { seat, .. })) = self.due.pop() else { return };
            if !seat.letterbox.is_open() {
                continue;
            }
            if seat.expires_at <= Timestamp::now() {
                seat.letterbox.dismiss(Farewell::Expired);
            } else if seat.silent_beats() >= SILENT_BEATS_MAX {
                seat.letterbox.dismiss(Farewell::Silent);
            } else {
                seat.letterbox.ask_for_ping();
                let _told_to_go_if_full = seat.letterbox.post(Letter::Beat(position), self.limits);
                self.push_due(now + self.heartbeat, now, seat);
            }
        }
    }

    /// Takes back the pages of those who let them lie.
    pub(super) fn take_pages_back(&self, now: Instant) {
        for seat in self.desk.lent.take() {
            match seat.check_lent(now) {
                Lent::Still => self.desk.lent.push(seat),
                Lent::Returned => {}
                Lent::TakenBack => metrics::counter!("botberi_ws_pages_taken_back_total").increment(1),
            }
        }
    }

    /// Ends sessions of one user: those of one sign-in or API key, or all of them.
    pub(super) fn revoke(&self, user_id: UserId, credential: Option<CredentialId>) {
        let seats = self.by_user.get(&user_id).into_iter().flatten();
        let meant = seats.filter(|seat| credential.is_none_or(|ended| seat.credential == ended));
        meant.for_each(|seat| seat.letterbox.dismiss(Farewell::Expired));
    }

    /// Ends sessions of a user who is in fewer teams, or may do less there: those whose teams were looked up before so much was
    /// heard of changes.
    pub(super) fn end_if_older(&self, user_id: UserId, heard: u64) {
        let seats = self.by_user.get(&user_id).into_iter().flatten();
        let older = seats.filter(|seat| seat.teams_as_of < heard);
        older.for_each(|seat| seat.letterbox.dismiss(Farewell::Expired));
    }

    /// Has the sessions come again of a user whose part in a team has changed, unless they have heard of it already.
    pub(super) fn regroup(&self, user_id: UserId, regrouping: &Regrouping) {
        for seat in self.by_user.get(&user_id).into_iter().flatten() {
            if let Some(farewell) = regrouping.farewell(seat.revision_of(regrouping.team_id)) {
                seat.letterbox.dismiss(farewell);
            }
        }
    }

    /// Every seat, in no order.
    pub(super) fn seats(&self) -> Vec<Arc<Seat>> {
        self.by_user.values().flatten().cloned().collect()
    }

    /// Ends every session.
    pub(super) fn dismiss_all(&self, farewell: Farewell) {
        self.by_user.values().flatten().for_each(|seat| seat.letterbox.dismiss(farewell));
    }

    /// Takes out those whose session is gone.
    pub(super) fn forget_departed(&mut self) {
        for seat in self.desk.left.take() {
            self.count -= 1;
            forget(&mut self.by_user, &seat.user_id, seat.id);
            for team_id in &seat.teams {
                forget(&mut self.by_team, team_id, seat.id);
            }
        }
    }

    fn push_due(&mut self, beat_at: Instant, now: Instant, seat: Arc<Seat>) {
        let left = Timestamp::now().duration_until(seat.expires_at);
        let expires_at = now + Duration::try_from(left).unwrap_or_default();
        self.due.push(Reverse(Due { at: beat_at.min(expires_at), seat }));
    }
}

fn post(seat: &Arc<Seat>, frame: &Arc<EventFrame>, limits: LetterboxLimits, crowded: &mut Vec<Arc<Seat>>) {
    match seat.letterbox.post(Letter::Event(frame.clone()), limits) {
        Ok(Room::Enough) | Err(NotPosted::Closed) => {}
        Ok(Room::Scarce) => crowded.push(seat.clone()),
        Err(NotPosted::Full) => {
            tracing::info!(session.id = %seat.id, user.id = %seat.user_id, "a session reads too slowly and is closed");
            metrics::counter!("botberi_ws_slow_sessions_total").increment(1);
        }
    }
}

fn forget<K: Eq + std::hash::Hash>(seats: &mut HashMap<K, Vec<Arc<Seat>>>, key: &K, id: Uuid) {
    let Some(of_key) = seats.get_mut(key) else { return };
    of_key.retain(|seat| seat.id != id);
    if of_key.is_empty() {
        seats.remove(key);
    }
}

/// The register's end, a panic's included, must not leave sessions behind that nothing comes to any more.
impl Drop for Register {
    fn drop(&mut self) {
        self.dismiss_all(Farewell::Drained);
        self.desk.left.close();
        self.desk.lent.close();
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
