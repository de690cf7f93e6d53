//! One user's client, two replicas that are not equally far, a log that is cut, and memories that are short.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::actors::system::Node;
use crate::actors::ws_sessions::channels::Topic;
use crate::actors::ws_sessions::letterbox::LetterboxLimits;
use crate::actors::ws_sessions::messages::Join;
use crate::actors::ws_sessions::recent::{Missed, Recent, RecentLimits};
use crate::actors::ws_sessions::register::Owner;
use crate::actors::ws_sessions::seat::{Desk, Seat};
use crate::actors::ws_sessions::seat_list::SeatList;
use crate::actors::ws_sessions::shelf::{NoPage, Page};
use crate::actors::ws_sessions::turns::Turns;
use crate::models::store::outbox::Audience;
use crate::models::{Credential, Principal, Role, RoutingKey, SessionId, TokenId, UserId};

/// So small that readers are often too slow, and resumes often overrun.
const LIMITS: LetterboxLimits = LetterboxLimits { frames_max: 4, bytes_max: 1000 };
const PAGE_ROWS: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    /// Events are committed: for each, whether it is this user's.
    Commit(Vec<bool>),
    /// One of the two replicas tells so many events more.
    Tell(bool, u8),
    /// The session does some of its work: so many frames are written.
    Write(u8),
    /// What it asked for is brought.
    Fetch,
    /// The page that lies on its shelf is taken back.
    TakeBack,
    /// Its replica sends a heartbeat.
    Beat,
    /// The connection breaks, and the client comes back to one of the replicas.
    Reconnect(bool),
    /// A replica meets a hole that it cannot fill: it forgets what it has in memory.
    Forget(bool),
    /// The log loses its beginning, up to so many of its newest events.
    Cut(u8),
}

fn steps(cuts: u32) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => prop::collection::vec(any::<bool>(), 1..6).prop_map(Step::Commit),
        12 => (any::<bool>(), 1..6u8).prop_map(|(which, count)| Step::Tell(which, count)),
        12 => (1..5u8).prop_map(Step::Write),
        8 => Just(Step::Fetch),
        2 => Just(Step::TakeBack),
        4 => Just(Step::Beat),
        4 => any::<bool>().prop_map(Step::Reconnect),
        1 => any::<bool>().prop_map(Step::Forget),
        cuts => (0..6u8).prop_map(Step::Cut),
    ];
    prop::collection::vec(step, 0..120)
}

struct World {
    user: UserId,
    log: Vec<bool>,
    log_from: i64,
    told: [i64; 2],
    recent: [Recent; 2],
    home: usize,
    story: Story,
    /// What it has asked for and not got.
    wanted: Option<(i64, i64)>,
    from_memory: usize,
    /// The client: what it was sent, what it was told that it misses, and the position that it would come back with.
    seen: Vec<i64>,
    gaps: Vec<(i64, i64)>,
    cursor: i64,
    session_seen: Vec<i64>,
    began_at: i64,
}

/// A seat as the register gives it.
fn seated(user_id: UserId, since: Option<i64>) -> (Arc<Seat>, Seated) {
    let holder = Principal {
        user_id,
        role: Role::Viewer,
        credential: Credential::Session { session_id: SessionId::new(), token_id: TokenId::new() },
        expires_at: Timestamp::MAX,
    };
    let desk = Desk { left: SeatList::default(), lent: SeatList::default(), turns: Turns::new(1) };
    Seat::give(
        Join { holder, looked_at: Instant::now(), teams: Vec::new(), teams_as_of: 0, since },
        desk,
        &Node::root(),
    )
}

impl World {
    fn new(events_max: usize) -> Self {
        let user = UserId::new();
        let limits = RecentLimits { events_max, bytes_max: 1_000_000 };
        let (_, seated) = seated(user, None);
        Self {
            user,
            log: Vec::new(),
            log_from: 0,
            told: [0, 0],
            recent: [Recent::new(limits), Recent::new(limits)],
            home: 0,
            story: Story::new(Joined { seated, position: 0 }, None),
            wanted: None,
            from_memory: 0,
            seen: Vec::new(),
            gaps: Vec::new(),
            cursor: 0,
            session_seen: Vec::new(),
            began_at: 0,
        }
    }

    fn log_end(&self) -> i64 {
        i64::try_from(self.log.len()).unwrap()
    }

    fn is_mine(&self, position: i64) -> bool {
        self.log[usize::try_from(position - 1).unwrap()]
    }

    fn frame(&self, position: i64) -> Arc<EventFrame> {
        let topic = Topic::of(&RoutingKey::INSTANCE_CREATED).unwrap();
        Arc::new(EventFrame { position, topic, instance_id: None, text: "x".into() })
    }

    fn tell(&mut self, replica: usize, count: i64) {
        let to = (self.told[replica] + count).min(self.log_end());
        for position in self.told[replica] + 1..=to {
            let user_id = if self.is_mine(position) { self.user } else { UserId::new() };
            let frame = self.frame(position);
            let owner = Owner { user_id: Some(user_id), team_id: None };
            self.recent[replica].push(position, owner, Some(frame.clone()));
            if replica == self.home && user_id == self.user {
                let _full_or_closed = self.story.seated().letterbox.post(Letter::Event(frame), LIMITS);
            }
        }
        self.told[replica] = to;
    }

    fn receive(&mut self, position: i64) {
        assert!(self.is_mine(position), "a foreign event");
        self.session_seen.push(position);
        self.seen.push(position);
        self.cursor = position;
    }

    fn write_one(&mut self) {
        match self.story.next() {
            Next::Event(frame) => self.receive(frame.position),
            Next::Resumed(resumed) => self.cursor = resumed.to,
            Next::Gap(missing) => {
                self.gaps.push((missing.from, missing.to));
                self.cursor = missing.to;
            }
            Next::Beat(position) => self.cursor = position,
            Next::Fetch { after, to } => self.wanted = Some((after, to)),
            // Too slow: the client comes back.
            Next::Leave(_) => self.reconnect(self.home),
            Next::Nothing => {}
        }
        assert!(self.story.sent_to() >= self.cursor, "the client is ahead of its session");
    }

    fn missed(&mut self, after: i64, to: i64) -> Option<Page> {
        let missed = self.recent[self.home].missed(
            Audience { user_id: self.user, hears_own: true, teams: &[] },
            (after, to),
            PAGE_ROWS,
        );
        self.from_memory += usize::from(missed.is_some());
        missed.map(|Missed { frames, reached }| Page { frames, reached, turn: None })
    }

    fn fetch(&mut self) {
        let Some((after, to)) = self.wanted.take() else { return };
        let seat = self.story.seated().seat().clone();
        if let Some(page) = self.missed(after, to) {
            return seat.lend(page, Instant::now());
        }
        if after < to && after < self.log_from {
            return seat.shelf.refuse(NoPage::Gap);
        }
        let page = (after + 1..=to).filter(|position| self.is_mine(*position)).take(PAGE_ROWS);
        let frames: Vec<_> = page.map(|position| self.frame(position)).collect();
        let reached = if frames.len() < PAGE_ROWS { to } else { frames[PAGE_ROWS - 1].position };
        seat.lend(Page { frames, reached, turn: None }, Instant::now());
    }

    fn reconnect(&mut self, home: usize) {
        self.home = home;
        self.wanted = None;
        let (seat, seated) = seated(self.user, Some(self.cursor));
        let position = self.told[home];
        if self.cursor < position
            && let Some(page) = self.missed(self.cursor, position)
        {
            seat.lend(page, Instant::now());
        }
        self.story = Story::new(Joined { seated, position }, Some(self.cursor));
        self.session_seen.clear();
        self.began_at = self.cursor;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit(owners) => self.log.extend(owners),
            Step::Tell(which, count) => self.tell(usize::from(*which), i64::from(*count)),
            Step::Write(count) => (0..*count).for_each(|_| self.write_one()),
            Step::Fetch => self.fetch(),
            Step::TakeBack => {
                let _whatever_it_was =
                    self.story.seated().check_lent(Instant::now() + Duration::from_secs(60));
            }
            Step::Beat => {
                let beat = Letter::Beat(self.told[self.home]);
                let _full_or_closed = self.story.seated().letterbox.post(beat, LIMITS);
            }
            Step::Reconnect(which) => self.reconnect(usize::from(*which)),
            Step::Forget(which) => {
                let limits = RecentLimits { events_max: 6, bytes_max: 1_000_000 };
                self.recent[usize::from(*which)] = Recent::new(limits);
            }
            Step::Cut(kept) => self.log_from = self.log_from.max(self.log_end() - i64::from(*kept)),
        }
        let risen = [self.began_at].iter().chain(&self.session_seen).is_sorted_by(|one, next| one < next);
        assert!(risen, "a session was sent {:?} after {}", self.session_seen, self.began_at);
    }

    /// Everything is told and sent.
    fn finish(&mut self) {
        self.tell(0, 1000);
        self.tell(1, 1000);
        // Twice: the first time it may find that it was too slow.
        for _ in 0..2 {
            for _ in 0..1000 {
                self.write_one();
                self.fetch();
            }
            self.step(&Step::Beat);
        }
        self.write_one();
        assert!(!self.story.is_resuming());
        assert_eq!(self.cursor, self.log_end());
    }

    fn mine(&self) -> Vec<i64> {
        (1..=self.log_end()).filter(|position| self.is_mine(*position)).collect()
    }
}

proptest! {
    #[test]
    fn across_any_resumes_every_own_event_comes_once_and_in_order(
        events_max in prop_oneof![Just(0usize), 1..8usize, Just(1000)], steps in steps(1),
    ) {
        let mut world = World::new(events_max);
        for step in steps.iter().filter(|step| !matches!(step, Step::Cut(_))) {
            world.step(step);
        }
        world.finish();
        prop_assert!(world.gaps.is_empty());
        prop_assert_eq!(&world.seen, &world.mine());
    }

    #[test]
    fn whatever_the_log_loses_is_seen_before_or_told_to_be_missing(
        events_max in 0..8usize, steps in steps(3),
    ) {
        let mut world = World::new(events_max);
        for step in &steps {
            world.step(step);
        }
        world.finish();
        prop_assert!(world.seen.is_sorted_by(|one, next| one < next));
        let is_told_missing =
            |position: &i64| world.gaps.iter().any(|(from, to)| from < position && position <= to);
        let told: Vec<i64> =
            world.mine().into_iter().filter(|position| !is_told_missing(position)).collect();
        let seen: Vec<i64> = world.seen.iter().copied().filter(|position| !is_told_missing(position)).collect();
        prop_assert_eq!(seen, told);
    }
}

#[test]
fn who_missed_what_is_in_memory_asks_for_nothing() {
    let mut world = World::new(1000);
    world.step(&Step::Commit(vec![true; 10]));
    world.tell(1, 10);
    world.reconnect(1);
    for _ in 0..PAGE_ROWS {
        world.write_one();
    }
    assert_eq!((world.from_memory, &world.seen[..], world.wanted), (1, &[1, 2][..], None));
    // What does not fit the page is asked for, and comes from memory, too.
    world.finish();
    assert_eq!((world.from_memory, world.seen.len()), (5, 10));
}
