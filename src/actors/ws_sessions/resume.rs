//! What one session has been sent, and how the log and the live events are joined into one story. Pure.
//!
//! A session registers at the position W up to which everything has been told. What comes after W waits in its letterbox
//! while it is sent the log in (since, W]; then the letterbox, then live. So nothing is missed, and because every
//! position that is sent must be above all that were sent before, nothing comes twice or out of order.

/// The part of the log that a session was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Where the client stood.
    pub from: i64,
    /// Where it stands now.
    pub to: i64,
    /// How many events it was sent for that.
    pub replayed: u64,
}

/// The cursor of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    sent_to: i64,
    /// Set while the log is being sent.
    resume: Option<Resumed>,
}

impl Flow {
    /// A session that begins now, at the position `registered_at`.
    pub fn from_now(registered_at: i64) -> Self {
        Self { sent_to: registered_at, resume: None }
    }

    /// A session whose client has seen everything up to `since`.
    pub fn since(since: i64, registered_at: i64) -> Self {
        Self {
            sent_to: since,
            resume: Some(Resumed { from: since, to: registered_at.max(since), replayed: 0 }),
        }
    }

    /// The position up to which everything that concerns the session has been sent.
    pub fn sent_to(&self) -> i64 {
        self.sent_to
    }

    /// What is to be read of the log next: after the first, up to and including the second. None once it is live. A
    /// client that stands ahead of its replica gets an empty span: whether its history is this one is for the log to say.
    pub fn wants_log(&self) -> Option<(i64, i64)> {
        self.resume.map(|resume| (self.sent_to, resume.to))
    }

    /// True if this event of the log is to be sent. `wanted` tells whether the client has subscribed to it.
    pub fn replay(&mut self, position: i64, wanted: bool) -> bool {
        let Some(resume) = &mut self.resume else { return false };
        if position <= self.sent_to || position > resume.to {
            return false;
        }
        self.sent_to = position;
        resume.replayed += u64::from(wanted);
        wanted
    }

    /// The log has been read up to `reached`, and everything of it was sent. With the last of it the session is live.
    pub fn replayed_to(&mut self, reached: i64) -> Option<Resumed> {
        let resume = self.resume?;
        self.sent_to = self.sent_to.max(reached.min(resume.to));
        if self.sent_to < resume.to {
            return None;
        }
        self.resume = None;
        Some(resume)
    }

    /// Whether that is the end of what it wants of the log.
    pub fn ends_at(&self, reached: i64) -> bool {
        self.resume.is_some_and(|resume| reached >= resume.to)
    }

    /// The log has to be read further, up to this position.
    pub fn extend(&mut self, to: i64) {
        if let Some(resume) = &mut self.resume {
            resume.to = resume.to.max(to);
        }
    }

    /// The log does not reach back to where the client stands, or does not know that place at all: the session is live
    /// after `live_after`. Answers with what the client has to be told is missing.
    pub fn give_up(&mut self, live_after: i64) -> Resumed {
        let from = self.sent_to;
        *self = Self::from_now(live_after);
        Resumed { from, to: live_after, replayed: 0 }
    }

    /// True if this live event is to be sent, as far as its place decides. Only for a session that is live.
    pub fn live(&mut self, position: i64) -> bool {
        if self.resume.is_some() || position <= self.sent_to {
            return false;
        }
        self.sent_to = position;
        true
    }

    /// Everything up to `position` has been told; answers with what a heartbeat says.
    pub fn beat(&mut self, position: i64) -> i64 {
        if self.resume.is_none() {
            self.sent_to = self.sent_to.max(position);
        }
        self.sent_to
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::actors::ws_sessions::channels::Topic;
    use crate::actors::ws_sessions::frame::EventFrame;
    use crate::actors::ws_sessions::letterbox::{Found, Letter, Letterbox, LetterboxLimits};
    use crate::models::RoutingKey;

    /// So small that readers are often too slow, and resumes often overrun.
    const LIMITS: LetterboxLimits = LetterboxLimits { frames_max: 4, bytes_max: 1000 };

    #[derive(Debug, Clone)]
    enum Step {
        /// Events are committed: for each, whether it is this user's.
        Commit(Vec<bool>),
        /// One of the two replicas tells so many events more.
        Tell(bool, u8),
        /// The session does some of its work: so many frames are written.
        Write(u8),
        /// Its replica sends a heartbeat.
        Beat,
        /// The connection breaks, and the client comes back to one of the replicas.
        Reconnect(bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => prop::collection::vec(any::<bool>(), 1..6).prop_map(Step::Commit),
            6 => (any::<bool>(), 1..6u8).prop_map(|(which, count)| Step::Tell(which, count)),
            6 => (1..5u8).prop_map(Step::Write),
            2 => Just(Step::Beat),
            2 => any::<bool>().prop_map(Step::Reconnect),
        ];
        prop::collection::vec(step, 0..120)
    }

    fn event(position: i64) -> Letter {
        let topic = Topic::of(&RoutingKey::INSTANCE_CREATED).unwrap();
        Letter::Event(Arc::new(EventFrame { position, topic, instance_id: None, text: "x".into() }))
    }

    /// One user's client, two replicas that are not equally far, and the log.
    struct World {
        log: Vec<bool>,
        told: [i64; 2],
        home: usize,
        flow: Flow,
        letterbox: Letterbox,
        /// The client: what it was sent, and the position that it would come back with.
        seen: Vec<i64>,
        cursor: i64,
        session_seen: Vec<i64>,
        began_at: i64,
    }

    impl World {
        fn new() -> Self {
            Self {
                log: Vec::new(),
                told: [0, 0],
                home: 0,
                flow: Flow::from_now(0),
                letterbox: Letterbox::new(false),
                seen: Vec::new(),
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

        fn tell(&mut self, replica: usize, count: i64) {
            let to = (self.told[replica] + count).min(self.log_end());
            for position in self.told[replica] + 1..=to {
                if replica == self.home && self.is_mine(position) {
                    let _full_or_closed = self.letterbox.post(event(position), LIMITS);
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

        /// One page, or one frame of the letterbox.
        fn write_one(&mut self) {
            if let Some((after, to)) = self.flow.wants_log() {
                let page: Vec<i64> =
                    (after + 1..=to).filter(|position| self.is_mine(*position)).take(2).collect();
                for position in &page {
                    if self.flow.replay(*position, true) {
                        self.receive(*position);
                    }
                }
                let reached = if page.len() < 2 { to } else { page[1] };
                while self.flow.ends_at(reached)
                    && let Some(lost_to) = self.letterbox.lost_to()
                {
                    self.flow.extend(lost_to);
                }
                if let Some(resumed) = self.flow.replayed_to(reached) {
                    self.cursor = resumed.to;
                }
                return;
            }
            match self.letterbox.take() {
                Found::Letter(Letter::Event(frame)) if self.flow.live(frame.position) => {
                    self.receive(frame.position);
                }
                Found::Letter(Letter::Beat(position)) => self.cursor = self.flow.beat(position),
                Found::Letter(Letter::Event(_)) | Found::Nothing => {}
                // Too slow: the client comes back.
                Found::Farewell(_) => self.reconnect(self.home),
            }
        }

        fn reconnect(&mut self, home: usize) {
            self.home = home;
            self.letterbox = Letterbox::new(true);
            self.flow = Flow::since(self.cursor, self.told[home]);
            self.session_seen.clear();
            self.began_at = self.cursor;
        }

        fn step(&mut self, step: &Step) {
            match step {
                Step::Commit(owners) => self.log.extend(owners),
                Step::Tell(which, count) => self.tell(usize::from(*which), i64::from(*count)),
                Step::Write(count) => (0..*count).for_each(|_| self.write_one()),
                Step::Beat => {
                    let _full_or_closed = self.letterbox.post(Letter::Beat(self.told[self.home]), LIMITS);
                }
                Step::Reconnect(which) => self.reconnect(usize::from(*which)),
            }
            let risen = [self.began_at].iter().chain(&self.session_seen).is_sorted_by(|one, next| one < next);
            assert!(risen, "a session was sent {:?} after {}", self.session_seen, self.began_at);
        }
    }

    proptest! {
        #[test]
        fn across_any_resumes_every_own_event_comes_once_and_in_order(steps in steps()) {
            let mut world = World::new();
            for step in &steps {
                world.step(step);
            }
            world.tell(0, 1000);
            world.tell(1, 1000);
            // Twice: the first time it may find that it was too slow.
            for _ in 0..2 {
                (0..2000).for_each(|_| world.write_one());
                world.step(&Step::Beat);
            }
            world.write_one();
            prop_assert_eq!(world.flow.wants_log(), None);
            let mine: Vec<i64> = (1..=world.log_end()).filter(|position| world.is_mine(*position)).collect();
            prop_assert_eq!(&world.seen, &mine);
            prop_assert_eq!(world.cursor, world.log_end());
        }
    }

    #[test]
    fn a_client_ahead_of_its_replica_is_not_sent_again_what_it_has() {
        let mut flow = Flow::since(105, 103);
        assert_eq!(flow.wants_log(), Some((105, 105)));
        assert_eq!(flow.replayed_to(105), Some(Resumed { from: 105, to: 105, replayed: 0 }));
        assert!(!flow.live(104) && !flow.live(105) && flow.live(106));
        assert_eq!(flow.beat(104), 106);
    }

    #[test]
    fn after_a_gap_the_session_is_live_from_where_it_was_registered() {
        let mut flow = Flow::since(10, 50);
        assert_eq!(flow.give_up(50), Resumed { from: 10, to: 50, replayed: 0 });
        assert!(flow.wants_log().is_none() && flow.live(51));
    }

    #[test]
    fn what_is_filtered_out_of_a_replay_is_passed_and_not_counted() {
        let mut flow = Flow::since(10, 50);
        assert!(!flow.replay(20, false) && flow.replay(30, true));
        assert_eq!(flow.replayed_to(50), Some(Resumed { from: 10, to: 50, replayed: 1 }));
    }
}
