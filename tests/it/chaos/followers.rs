//! Users who watch: whenever a session ends they come back and resume.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use crate::support::client::Caller;

use super::checker::{Frame, Says, Session};
use super::lines::{Line, Wire};
use super::recorder::Recorder;

const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// How long after the end of the run one may take to see the rest.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(30);

/// How somebody watches.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    /// Reads as fast as it can.
    Swift,
    /// Stops reading now and then.
    Slow,
    /// Wants to hear of one instance only.
    Narrow(String),
}

/// One of them.
pub(super) struct Follower {
    pub(super) name: String,
    pub(super) user: String,
    pub(super) caller: Caller,
    pub(super) wire: Wire,
    pub(super) manner: Manner,
    /// Watches at one replica, and not by way of the edge.
    pub(super) is_direct: bool,
    pub(super) recorder: Recorder,
    /// Becomes the last position there is when the run is over.
    pub(super) last: watch::Receiver<Option<i64>>,
    pub(super) seed: u64,
}

impl Follower {
    /// Until it has seen everything.
    pub(super) async fn follow(self) {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut since = None;
        let mut last = self.last.clone();
        let until_over = async move {
            // Its end is that of the run.
            drop(last.wait_for(Option::is_some).await);
            tokio::time::sleep(CATCHES_UP_WITHIN).await;
        };
        let mut reached = 0;
        tokio::select! {
            () = async {
                while !self.has_seen_all(since) {
                    since = self.one_session(since, &mut random).await;
                    reached = since.unwrap_or_default();
                }
            } => {}
            () = until_over => {
                // It never came so far: whatever it lacks is missing.
                let says = Says::Reached(self.last.borrow().unwrap_or_default());
                let frames = vec![Frame { at: self.recorder.now(), says }];
                let mut session = self.session(since, reached);
                (session.frames, session.end) = (frames, "it did not catch up".to_owned());
                self.recorder.session(session);
            }
        }
    }

    fn has_seen_all(&self, since: Option<i64>) -> bool {
        matches!((*self.last.borrow(), since), (Some(last), Some(since)) if since >= last)
    }

    fn session(&self, since: Option<i64>, greeted_at: i64) -> Session {
        let only = match &self.manner {
            Manner::Narrow(instance) => Some(instance.clone()),
            Manner::Swift | Manner::Slow => None,
        };
        Session {
            follower: self.name.clone(),
            user: self.user.clone(),
            only,
            since,
            greeted_at,
            frames: Vec::new(),
            end: String::new(),
            is_direct: self.is_direct,
        }
    }

    /// Answers with where the next one has to resume.
    async fn one_session(&self, since: Option<i64>, random: &mut StdRng) -> Option<i64> {
        let Some((mut line, greeted_at)) = Line::open(&self.caller, self.wire, &self.manner, since).await
        else {
            tokio::time::sleep(AFTER_REFUSAL).await;
            return since;
        };
        let mut session = self.session(since, greeted_at);
        // It breaks without a word after so many frames, if nobody else ends it before.
        let frames_max = random.random_range(5..400);
        let mut position = session.since.unwrap_or(session.greeted_at);
        session.end = loop {
            if session.frames.len() >= frames_max {
                break "broken by its client".to_owned();
            }
            if matches!(self.manner, Manner::Slow) && random.random_bool(0.02) {
                tokio::time::sleep(Duration::from_millis(random.random_range(200..3_000))).await;
            }
            match line.next().await {
                Err(end) => break end,
                Ok(said) => {
                    for says in said {
                        position = self.note(says, &mut session, position);
                    }
                }
            }
            if self.has_seen_all(Some(position)) {
                break "it has seen all".to_owned();
            }
        };
        self.recorder.session(session);
        Some(position)
    }

    /// Writes a frame down, and answers with the position that is reached.
    fn note(&self, says: Says, session: &mut Session, position: i64) -> i64 {
        let at = self.recorder.now();
        let reached = match &says {
            Says::Event { position, .. } => {
                self.recorder.frame_came(at, self.is_direct);
                *position
            }
            Says::Reached(to) | Says::Gap { to, .. } => *to,
            Says::Narrowed => position,
        };
        session.frames.push(Frame { at, says });
        reached
    }
}
