//! The one way to speak to an actor: an address that survives its restarts and bounds what is under way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::prelude::SendError;
use actix::{Actor, Addr, Handler, Message};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use super::wakeups::woken_together;

/// A limit beyond this is none: 30 years, which a clock can still add to now.
const LIMIT_MAX: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// How much may be under way through one [`Handle`], and for how long.
#[derive(Debug, Clone, Copy)]
pub struct AskLimits {
    /// Asks that are sent and not yet answered. Too low refuses in a burst that would have been served; too high lets
    /// a slow actor pile up memory and answers that nobody waits for any more.
    pub in_flight_max: usize,
    /// From asking to the answer, a restart in between included.
    pub timeout: Duration,
}

impl Default for AskLimits {
    fn default() -> Self {
        Self { in_flight_max: 1024, timeout: Duration::from_secs(10) }
    }
}

/// Why an ask has no good answer.
#[derive(Debug, Error)]
pub enum AskError<E> {
    /// The actor's own answer.
    #[error(transparent)]
    Reply(E),
    /// As much is under way as is allowed. Nothing was sent.
    #[error("{actor} has too much to do")]
    Overloaded {
        /// Who.
        actor: &'static str,
    },
    /// The actor was not there for the whole of the time limit. Nothing was sent.
    #[error("{actor} is not running")]
    Down {
        /// Who.
        actor: &'static str,
    },
    /// The actor took the message and has died, or given the answer up as too slow: what was asked may or may not have
    /// happened.
    #[error("{actor} died before it answered")]
    Lost {
        /// Who.
        actor: &'static str,
    },
    /// The actor took the message and has not answered in time: it may still happen.
    #[error("{actor} did not answer within {after_ms} ms")]
    TimedOut {
        /// Who.
        actor: &'static str,
        /// The limit.
        after_ms: u64,
    },
}

/// Why a fact was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TellError {
    /// The mailbox is full.
    #[error("the mailbox is full")]
    Full,
    /// The actor is between two lives, or at its end.
    #[error("the actor is not running")]
    Down,
}

impl TellError {
    /// `None`: there was nobody to send to.
    pub(super) fn check<M>(sent: Option<Result<(), SendError<M>>>) -> Result<(), Self> {
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(SendError::Full(_))) => Err(Self::Full),
            Some(Err(SendError::Closed(_))) | None => Err(Self::Down),
        }
    }
}

/// A stable address. Clones are the same handle: they share its limits.
pub struct Handle<A: Actor> {
    shared: Arc<Shared<A>>,
    limits: AskLimits,
    permits: Arc<Semaphore>,
}

/// What all handles to one actor have in common.
struct Shared<A: Actor> {
    name: &'static str,
    current: watch::Sender<Option<Addr<A>>>,
    /// How many of its lives are over.
    deaths: AtomicU64,
}

impl<A: Actor> Clone for Handle<A> {
    fn clone(&self) -> Self {
        let Self { shared, limits, permits } = self;
        Self { shared: shared.clone(), limits: *limits, permits: permits.clone() }
    }
}

impl<A: Actor> Handle<A> {
    /// A handle to an actor that is not there yet; [`super::actor()`] ties it to one.
    pub fn new(name: &'static str, limits: AskLimits) -> Self {
        let shared = Shared { name, current: watch::Sender::new(None), deaths: AtomicU64::new(0) };
        Self::to(Arc::new(shared), limits)
    }

    fn to(shared: Arc<Shared<A>>, limits: AskLimits) -> Self {
        Self { shared, limits, permits: Arc::new(Semaphore::new(limits.in_flight_max)) }
    }

    /// The same actor, with a count of its own: whoever asks through it is not refused because of all the others. For what
    /// an actor must hear however many ask it for something else, such as the events that the others wait for. It counts
    /// beside [`Handle::depth`], so it should be small.
    #[must_use]
    pub fn lane(&self, in_flight_max: usize) -> Self {
        Self::to(self.shared.clone(), AskLimits { in_flight_max, ..self.limits })
    }

    /// Sends `message` and waits for the answer. While the actor is being rebuilt the ask waits, too, within its limit.
    ///
    /// What was sent counts as under way until the actor has answered or died, even if the asker goes away: a caller
    /// that asks and hangs up in a loop meets [`AskError::Overloaded`], not a growing mailbox.
    pub async fn ask<M, T, E>(&self, message: M) -> Result<T, AskError<E>>
    where
        M: Message<Result = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let actor = self.shared.name;
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            return Err(AskError::Overloaded { actor });
        };
        let deadline = Instant::now() + self.limits.timeout.min(LIMIT_MAX);
        let Ok(Some(addr)) = timeout_at(deadline, self.address()).await else {
            return Err(AskError::Down { actor });
        };

        let mut asked = Asked { request: Some(Box::pin(addr.send(message))), permit: Some(permit) };
        match timeout_at(deadline, woken_together(&mut asked)).await {
            Ok(Ok(reply)) => reply.map_err(AskError::Reply),
            Ok(Err(_closed)) => Err(AskError::Lost { actor }),
            Err(_elapsed) => Err(AskError::TimedOut { actor, after_ms: millis(self.limits.timeout) }),
        }
    }

    /// Leaves a fact in the mailbox, or says why not. Only for what may be lost, such as a bell.
    pub fn tell<M>(&self, message: M) -> Result<(), TellError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        // Not a clone of the address: each clone may push one message past the mailbox's bound.
        let sent = self.shared.current.borrow().as_ref().map(|addr| addr.try_send(message));
        TellError::check(sent)
    }

    /// Asks that are under way: what an actor's mailbox depth means here.
    pub fn depth(&self) -> usize {
        self.limits.in_flight_max.saturating_sub(self.permits.available_permits())
    }

    /// Who is at the other end.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    /// How many of the actor's lives are over.
    pub fn deaths(&self) -> u64 {
        self.shared.deaths.load(Ordering::Acquire)
    }

    pub(super) fn point_to(&self, addr: Addr<A>) {
        self.shared.current.send_replace(Some(addr));
    }

    /// Forgets `addr`, unless a later life has taken its place.
    pub(super) fn point_away_from(&self, addr: &Addr<A>) {
        self.shared.deaths.fetch_add(1, Ordering::AcqRel);
        self.shared.current.send_if_modified(|current| {
            let points_there = current.as_ref() == Some(addr);
            if points_there {
                *current = None;
            }
            points_there
        });
    }

    async fn address(&self) -> Option<Addr<A>> {
        if let Some(addr) = self.shared.current.borrow().as_ref() {
            return Some(addr.clone());
        }
        let mut current = self.shared.current.subscribe();
        let addr = current.wait_for(Option::is_some).await.ok()?;
        addr.clone()
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A message on its way, with the permit that it holds until the actor has answered or died.
struct Asked<R: Future + Send + 'static> {
    request: Option<Pin<Box<R>>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl<R: Future + Send + 'static> Future for Asked<R>
where
    R::Output: Send,
{
    type Output = R::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R::Output> {
        let Some(request) = self.request.as_mut() else { return Poll::Pending };
        let answer = ready!(request.as_mut().poll(context));
        self.request = None;
        Poll::Ready(answer)
    }
}

impl<R: Future + Send + 'static> Drop for Asked<R> {
    fn drop(&mut self) {
        let (Some(request), Some(permit)) = (self.request.take(), self.permit.take()) else { return };
        // Outside of a runtime everything is ending, and the permit with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _unread = request.await;
                drop(permit);
            });
        }
    }
}
