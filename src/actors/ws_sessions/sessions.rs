//! The actor.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler};
use tokio::time::sleep;

use super::error::{JoinError, ReplayError};
use super::farewell::Farewell;
use super::frame::EventFrame;
use super::log::EventLog;
use super::messages::{Drain, Join, Joined, ReplayPage, Replayed};
use super::positions::Positions;
use super::recent::{Missed, Recent};
use super::register::{Owner, Register};
use super::regrouping::Regrouping;
use super::replay::read_page;
use super::revocation::Revocation;
use super::seat::Seat;
use super::settings::WebsocketSettings;
use super::shelf::Page;
use crate::actors::event_consumers::{Bound, BusEvent, Deliver, NotTaken};
use crate::actors::revocations::RevocationView;
use crate::actors::system::{Answer, Lifeline};
use crate::models::store::SharedDb;
use crate::models::{Credential, CredentialId, RoutingKey, StoredEvent, UserId};

/// How often it is looked what is due: how late a heartbeat or the end of a credential may be.
const TICK: Duration = Duration::from_millis(250);

/// After so long without a word of the queue the log is asked whether there was anything to say: a jump shows a hole only when
/// something comes after it. One small query; it is also how late events are while RabbitMQ is away.
const QUIET: Duration = Duration::from_secs(2);

/// Live events that wait for a hole to be filled, few enough to be posted at once. Others come out of the log, which
/// costs a read of them.
const HELD_MAX: usize = 64;

/// How long the last sessions may take to go after the last was told to.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// The sessions of one replica. See the module.
pub struct WsSessions {
    pub(super) log: EventLog,
    pub(super) lifeline: Lifeline,
    pub(super) positions: Positions<BusEvent>,
    pub(super) catching_up: bool,
    pub(super) register: Register,
    pub(super) settings: WebsocketSettings,
    recent: Recent,
    draining: bool,
    /// When the queue last said something, or the log was asked why it does not.
    heard_at: Instant,
    /// Sign-ins that were ended, and up to where they have been dealt with.
    ended: RevocationView,
    ended_seen: u64,
    changes_seen: u64,
}

impl WsSessions {
    /// The name of its handle.
    pub const NAME: &'static str = "ws_sessions";

    /// A register without sessions.
    pub fn new(
        shared_db: SharedDb,
        settings: WebsocketSettings,
        ended: RevocationView,
        lifeline: Lifeline,
    ) -> Self {
        let register = Register::new(&settings, lifeline.node().clone());
        Self {
            log: EventLog::new(shared_db),
            lifeline,
            positions: Positions::new(HELD_MAX),
            catching_up: false,
            register,
            recent: Recent::new(settings.recent()),
            settings,
            draining: false,
            heard_at: Instant::now(),
            ended_seen: ended.last_learned(),
            changes_seen: ended.heard_since(u64::MAX).1,
            ended,
        }
    }

    /// Posts an event of the bus to whom it concerns.
    pub(super) fn tell(&mut self, event: &BusEvent) {
        let owner = Owner { user_id: event.user_id, team_id: event.team_id };
        self.tell_frame(event.position, owner, || EventFrame::of_bus(event));
        self.end_sessions(&event.routing_key, event.user_id, &event.body);
    }

    /// Posts an event of the log to whom it concerns.
    pub(super) fn tell_logged(&mut self, event: &StoredEvent) {
        let owner = Owner { user_id: event.user_id, team_id: event.team_id };
        self.tell_frame(event.position, owner, || EventFrame::of_log(event));
        self.end_sessions(&event.routing_key, event.user_id, event.body.get());
    }

    /// Ends the sessions that go on no longer with what an event tells, or not as before.
    fn end_sessions(&self, key: &RoutingKey, user_id: Option<UserId>, body: &str) {
        if let Some(Revocation { user_id, credential }) = Revocation::of(key, user_id, body) {
            self.register.revoke(user_id, credential);
        }
        if let (Some(user_id), Some(regrouping)) = (user_id, Regrouping::of(key, body)) {
            self.register.regroup(user_id, &regrouping);
        }
    }

    /// What nobody owns concerns nobody, now or later, and is never written as a frame.
    fn tell_frame(&mut self, position: i64, owner: Owner, write: impl FnOnce() -> Option<EventFrame>) {
        let is_somebodys = owner.user_id.is_some() || owner.team_id.is_some();
        let is_wanted = self.register.concerns(owner) || (is_somebodys && self.recent.keeps());
        let frame = if is_wanted { write().map(Arc::new) } else { None };
        if let Some(frame) = &frame {
            self.register.post(owner, frame);
        }
        self.recent.push(position, owner, frame);
    }

    /// What a session missed, if it was told so lately that it is in memory.
    fn missed(&self, seat: &Seat, after: i64, to: i64) -> Option<Missed> {
        let missed = self.recent.missed(seat.audience(), (after, to), self.settings.replay_page_rows);
        if missed.is_some() {
            metrics::counter!("botberi_ws_history_pages_total", "from" => "memory").increment(1);
        }
        missed
    }

    /// Events are missing that even the log does not have: every session has to begin again, and is told of its gap then.
    pub(super) fn begin_again(&self) {
        self.register.dismiss_all(Farewell::Drained);
    }

    pub(super) fn release_held(&mut self) {
        while let Some((_, event)) = self.positions.release() {
            self.tell(&event);
        }
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        self.close_ended();
        if !self.catching_up && self.heard_at.elapsed() >= QUIET {
            self.heard_at = Instant::now();
            self.positions.doubt();
            self.catch_up(context);
        }
        self.register.take_pages_back(Instant::now());
        if let Some(position) = self.positions.last() {
            self.register.beat(position, Instant::now());
        }
    }
}

impl WsSessions {
    /// Closes the sockets of sign-ins that have been ended since the last look, without the bus.
    fn close_ended(&mut self) {
        let (changes, seen) = self.ended.heard_since(self.changes_seen);
        self.changes_seen = seen;
        for change in changes {
            match change.api_key_id {
                Some(key_id) => self.register.revoke(change.user_id, Some(CredentialId::from(key_id))),
                None => self.register.end_if_older(change.user_id, seen),
            }
        }
        if self.ended.last_learned() == self.ended_seen {
            return;
        }
        let (news, seen) = self.ended.learned_since(self.ended_seen);
        self.ended_seen = seen;
        for ended in news {
            self.register.revoke(ended.user_id, Some(ended.session_id.into()));
        }
    }
}

impl Actor for WsSessions {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(TICK, |sessions, context| sessions.tick(context));
        // Also without a consumer that says so: after a rebuild the queue is bound already. A watermark that is read too
        // early does no harm, because each `Bound` has what followed it read from the log.
        self.catch_up(context);
        self.lifeline.ready();
    }
}

impl Handler<Bound> for WsSessions {
    type Result = Result<(), NotTaken>;

    fn handle(&mut self, _bound: Bound, context: &mut Self::Context) -> Self::Result {
        self.positions.doubt();
        self.catch_up(context);
        Ok(())
    }
}

impl Handler<Deliver> for WsSessions {
    type Result = Result<(), NotTaken>;

    /// Always taken: what cannot be told yet is told out of the log later.
    fn handle(&mut self, Deliver { events }: Deliver, context: &mut Self::Context) -> Self::Result {
        self.heard_at = Instant::now();
        for event in events {
            // External workers publish these: a position in one of them means nothing.
            if event.routing_key.subject() == "report" {
                continue;
            }
            if let Some(event) = self.positions.offer(event.position, event) {
                self.tell(&event);
                self.release_held();
            }
        }
        if !self.catching_up {
            self.register.take_crowded();
        }
        self.catch_up(context);
        Ok(())
    }
}

impl Handler<Join> for WsSessions {
    type Result = Result<Joined, JoinError>;

    fn handle(&mut self, join: Join, _: &mut Self::Context) -> Self::Result {
        if self.draining {
            return Err(JoinError::Draining);
        }
        // It may have been ended since the door looked; from here on the ticks look.
        let is_over = match join.holder.credential {
            Credential::Session { session_id, .. } => self.ended.is_revoked(session_id),
            Credential::ApiKey { key_id, .. } => {
                self.ended.has_changed_since((key_id, join.holder.user_id), join.looked_at)
            }
        };
        if is_over {
            return Err(JoinError::Ended);
        }
        // And so may a membership have been, since the teams were looked up.
        let (news, _) = self.ended.heard_since(join.teams_as_of);
        if news.iter().any(|change| change.user_id == join.holder.user_id) {
            return Err(JoinError::Regrouped);
        }
        let position = self.positions.last().ok_or(JoinError::NotReady)?;
        let since = join.since;
        let seated = self.register.seat(join, Instant::now())?;
        // Most of those who come back missed a few events only: what they missed waits for them.
        if let Some(after) = since.filter(|since| *since < position)
            && let Some(Missed { frames, reached }) = self.missed(&seated, after, position)
        {
            seated.seat().lend(Page { frames, reached, turn: None }, Instant::now());
        }
        Ok(Joined { seated, position })
    }
}

impl Handler<ReplayPage> for WsSessions {
    type Result = Answer<Result<Replayed, ReplayError>>;

    fn handle(&mut self, page: ReplayPage, _: &mut Self::Context) -> Self::Result {
        if let Some(Missed { frames, reached }) = self.missed(&page.seat, page.after, page.to) {
            let page = Page { frames, reached, turn: Some(page.turn) };
            return self.lifeline.answer(async { Ok(Replayed::Page(page)) });
        }
        metrics::counter!("botberi_ws_history_pages_total", "from" => "log").increment(1);
        self.lifeline.answer(read_page(self.log.clone(), self.settings.replay_page_rows, page))
    }
}

impl Handler<Drain> for WsSessions {
    type Result = Answer<Result<(), Infallible>>;

    fn handle(&mut self, Drain { over }: Drain, _: &mut Self::Context) -> Self::Result {
        self.draining = true;
        self.register.forget_departed();
        let seats = self.register.seats();
        tracing::info!(sessions = self.register.len(), ?over, "closing all sessions");
        let node = self.lifeline.node().clone();
        self.lifeline.answer(async move {
            let pause = over.checked_div(u32::try_from(seats.len()).unwrap_or(u32::MAX)).unwrap_or_default();
            let began = tokio::time::Instant::now();
            for (told, seat) in (0_u32..).zip(&seats) {
                seat.letterbox.dismiss(Farewell::Drained);
                tokio::time::sleep_until(began + pause * told).await;
            }
            let mut grace = DRAIN_GRACE;
            while node.members().load(std::sync::atomic::Ordering::Relaxed) > 0 && !grace.is_zero() {
                sleep(TICK / 10).await;
                grace = grace.saturating_sub(TICK / 10);
            }
            Ok(())
        })
    }
}
