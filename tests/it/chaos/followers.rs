//! Users who watch: whenever a session ends they come back and resume.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use tokio::sync::watch;

use super::calling::PATIENCE;
use super::checker::{Frame, Moment, Outcome, Says, Session, What};
use super::lines::{Line, Wire};
use super::wallet::Wallet;

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

/// A session that has been greeted.
struct Opened {
    line: Line,
    asked: Moment,
    greeted_at: i64,
    good_until: Moment,
}

/// One of them.
pub(super) struct Follower {
    pub(super) name: String,
    pub(super) user: String,
    pub(super) wallet: Wallet,
    pub(super) wire: Wire,
    pub(super) manner: Manner,
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
                let frames = vec![Frame { at: self.wallet.sender().recorder.now(), says }];
                let mut session = self.session(since, reached, Moment::MAX);
                (session.frames, session.end) = (frames, "it did not catch up".to_owned());
                self.wallet.sender().recorder.session(session);
            }
        }
    }

    fn has_seen_all(&self, since: Option<i64>) -> bool {
        matches!((*self.last.borrow(), since), (Some(last), Some(since)) if since >= last)
    }

    fn session(&self, since: Option<i64>, greeted_at: i64, good_until: Moment) -> Session {
        let only = match &self.manner {
            Manner::Narrow(instance) => Some(instance.clone()),
            Manner::Swift | Manner::Slow => None,
        };
        Session {
            follower: self.name.clone(),
            user: self.user.clone(),
            only,
            since,
            asked: self.wallet.sender().recorder.now(),
            greeted_at,
            good_until,
            paused: Duration::ZERO,
            frames: Vec::new(),
            end: String::new(),
            is_direct: self.wallet.sender().is_direct,
        }
    }

    /// Where it resumes. Some have slept for long, and come back to where much of the log is gone.
    fn back_from(&self, since: i64, random: &mut StdRng) -> i64 {
        let is_over = self.last.borrow().is_some();
        if is_over || !random.random_bool(0.15) { since } else { random.random_range(0..=since) }
    }

    /// Answers with where the next one has to resume.
    async fn one_session(&self, since: Option<i64>, random: &mut StdRng) -> Option<i64> {
        let since = since.map(|since| self.back_from(since, random));
        let Some(Opened { mut line, asked, greeted_at, good_until }) = self.open(since, random).await else {
            tokio::time::sleep(AFTER_REFUSAL).await;
            return since;
        };
        let mut session = self.session(since, greeted_at, good_until);
        session.asked = asked;
        // It breaks without a word after so many frames, if nobody else ends it before.
        let frames_max = random.random_range(5..400);
        let signs_out_at = random.random_bool(0.2).then(|| random.random_range(2..30));
        let mut position = session.since.unwrap_or(session.greeted_at);
        session.end = loop {
            if session.frames.len() >= frames_max {
                break "broken by its client".to_owned();
            }
            if signs_out_at == Some(session.frames.len())
                && session.good_until != Moment::MAX
                && let Some(over) = self.wallet.give_up().await
            {
                session.good_until = over.min(session.good_until);
            }
            if matches!(self.manner, Manner::Slow) && random.random_bool(0.02) {
                let pause = Duration::from_millis(random.random_range(200..3_000));
                tokio::time::sleep(pause).await;
                session.paused += pause;
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
        self.wallet.sender().recorder.session(session);
        Some(position)
    }

    /// With its credential, or with a ticket for it. A ticket is tried twice now and then.
    async fn open(&self, since: Option<i64>, random: &mut StdRng) -> Option<Opened> {
        let (used, text) = self.wallet.credential().await?;
        let (asked, good_until) = (self.wallet.sender().recorder.now(), used.good_until);
        let stranger = self.wallet.caller();
        if random.random_bool(0.5) {
            let caller = stranger.with_token(&text);
            let opened = Line::open(&caller, None, self.wire, &self.manner, since).await;
            return opened.ok().map(|(line, greeted_at)| Opened { line, asked, greeted_at, good_until });
        }
        let asks = stranger.request(Method::POST, "/api/v1/ws/tickets").timeout(PATIENCE).bearer_auth(text);
        let (_, body) = self.wallet.sender().send(asks, What::Ticket, Some(used)).await;
        let ticket = body["ticket"].as_str()?;
        let opened = self.enter(ticket, since).await;
        if random.random_bool(0.2) {
            drop(self.enter(ticket, since).await);
        }
        opened.map(|(line, greeted_at)| Opened { line, asked, greeted_at, good_until })
    }

    async fn enter(&self, ticket: &str, since: Option<i64>) -> Option<(Line, i64)> {
        let sender = self.wallet.sender();
        let sent = sender.recorder.now();
        let opened = Line::open(self.wallet.caller(), Some(ticket), self.wire, &self.manner, since).await;
        let what = What::Enter { ticket: ticket.to_owned() };
        let outcome = match &opened {
            Ok(_) => Outcome::Done { instance: String::new(), revision: None },
            Err(0) => Outcome::Unknown { why: "nobody answered".to_owned() },
            Err(status) => Outcome::Refused { status: *status, code: String::new() },
        };
        sender.note(what, sent, outcome);
        opened.ok()
    }

    /// Writes a frame down, and answers with the position that is reached.
    fn note(&self, says: Says, session: &mut Session, position: i64) -> i64 {
        let sender = self.wallet.sender();
        let at = sender.recorder.now();
        let reached = match &says {
            Says::Event { position, .. } => {
                sender.recorder.frame_came(at, sender.is_direct);
                *position
            }
            Says::Reached(to) | Says::Gap { to, .. } => *to,
            Says::Narrowed => position,
        };
        session.frames.push(Frame { at, says });
        reached
    }
}
