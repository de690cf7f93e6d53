//! What a child holds of its own life: how it says that it is ready, in trouble or at its end, and how long what it
//! begins may last.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::node::{Node, lock};
use super::{Answer, Exclusive, Exit};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// One incarnation's line to its supervisor. Cheap to clone; clones that outlive the incarnation do nothing.
#[derive(Clone)]
pub struct Lifeline {
    shared: Arc<Shared>,
}

/// Each of these turns once and never back.
pub(super) struct Shared {
    node: Arc<Node>,
    handler_within: Duration,
    on_ready: Mutex<Option<OnReady>>,
    stop_requested: AtomicBool,
    fault: AtomicBool,
    /// Set by an actor's life: there is somebody whom an exclusive handler can occupy.
    is_actor: AtomicBool,
    hang: AtomicBool,
    /// Given from outside of the child's own future; the first one stands.
    verdict: OnceLock<Exit>,
    over: AtomicBool,
    /// How much was begun within this life and is not yet gone.
    attached: AtomicUsize,
    /// Those who wait for one of the above.
    turned: Notify,
    /// The task that runs the life.
    runner: AtomicWaker,
}

/// What is to happen when the child is ready.
pub(super) type OnReady = Box<dyn FnOnce() + Send>;

impl Shared {
    /// To be called after every change, by whatever thread has made it.
    fn tell(&self) {
        self.turned.notify_waiters();
        self.runner.wake();
    }

    /// Makes the life panic at its next step. False when it is over.
    pub(super) fn inject_fault(&self) -> bool {
        let lives = !self.over.load(Ordering::Acquire);
        self.fault.store(true, Ordering::Release);
        self.tell();
        lives
    }

    /// Occupies the life's actor for ever from its next step on. False when it is over, or no actor.
    pub(super) fn inject_hang(&self) -> bool {
        let lives = self.is_actor.load(Ordering::Acquire) && !self.over.load(Ordering::Acquire);
        self.hang.store(lives, Ordering::Release);
        self.tell();
        lives
    }
}

impl Lifeline {
    pub(super) fn new(node: Arc<Node>, handler_within: Duration, on_ready: Option<OnReady>) -> Self {
        let shared = Shared {
            node,
            handler_within,
            on_ready: Mutex::new(on_ready),
            stop_requested: AtomicBool::new(false),
            fault: AtomicBool::new(false),
            is_actor: AtomicBool::new(false),
            hang: AtomicBool::new(false),
            verdict: OnceLock::new(),
            over: AtomicBool::new(false),
            attached: AtomicUsize::new(0),
            turned: Notify::new(),
            runner: AtomicWaker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Says that the child can do its work; those that were waiting to start after it start now.
    pub fn ready(&self) {
        let on_ready = lock(&self.shared.on_ready).take();
        if let Some(on_ready) = on_ready {
            on_ready();
        }
    }

    /// Shows in the tree, and so in `/readyz`, that the child lives but cannot work, and why. It is not a failure: an
    /// outage elsewhere must not spend the restart budget.
    pub fn impaired(&self, reason: impl Into<String>) {
        if !self.is_over() {
            self.shared.node.impair(Some(reason.into()));
        }
    }

    /// Takes [`Lifeline::impaired`] back.
    pub fn recovered(&self) {
        if !self.is_over() {
            self.shared.node.impair(None);
        }
    }

    /// Ends this life as [`Exit::Failed`]. Whatever the child was doing is dropped at its next await; an actor first
    /// sees the messages that are in its mailbox already.
    pub fn fail(&self, reason: impl Into<String>) {
        self.end(Exit::Failed(reason.into()));
    }

    /// Resolves when the supervisor wants the child to stop.
    pub async fn stop_requested(&self) {
        self.until(Self::is_stopping).await;
    }

    /// Waits for `pause`, or until the supervisor wants the child to stop: true then, and at once.
    pub async fn stops_within(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.stop_requested()).await.is_ok()
    }

    /// True from then on.
    pub fn is_stopping(&self) -> bool {
        self.shared.stop_requested.load(Ordering::Acquire)
    }

    /// Resolves when this incarnation is over, however it ended.
    pub async fn ended(&self) {
        self.until(Self::is_over).await;
    }

    /// The child's place in the tree.
    pub fn node(&self) -> &Arc<Node> {
        &self.shared.node
    }

    /// An answer that is worked out beside others: the actor takes further messages meanwhile.
    ///
    /// It belongs to this life: it ends with it, its panic is the actor's, and past the handler deadline it is dropped
    /// and its asker is told [`super::AskError::Lost`]. (actix's own `ResponseFuture` gives none of the three.)
    pub fn answer<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Answer<T> {
        Answer::new(self.clone(), Box::pin(work))
    }

    /// An answer before which the actor takes no other message. Past the handler deadline the actor is
    /// [`Exit::Frozen`]: it is dropped with its mailbox and built again.
    pub fn exclusive<A: actix::Actor, T: 'static>(
        &self,
        work: impl actix::ActorFuture<A, Output = T> + 'static,
    ) -> Exclusive<A, T> {
        Exclusive::new(self.clone(), Box::pin(work))
    }

    /// The deadline that [`Lifeline::answer`] and [`Lifeline::exclusive`] apply.
    pub fn handler_within(&self) -> Duration {
        self.shared.handler_within
    }

    pub(super) fn request_stop(&self) {
        self.shared.stop_requested.store(true, Ordering::Release);
        self.shared.tell();
    }

    /// Ends the life from outside of its own future, which takes no further step.
    pub(super) fn end(&self, exit: Exit) {
        self.shared.verdict.get_or_init(|| exit);
        self.shared.tell();
    }

    pub(super) fn verdict(&self) -> Option<Exit> {
        self.shared.verdict.get().cloned()
    }

    pub(super) fn over(&self) {
        self.shared.over.store(true, Ordering::Release);
        self.shared.tell();
    }

    fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Acquire)
    }

    /// Says that something was begun within this life which is gone when the answer is dropped.
    pub(super) fn attach(&self) -> Attached {
        self.shared.attached.fetch_add(1, Ordering::AcqRel);
        Attached(self.shared.clone())
    }

    /// Resolves when all that was begun within this life is gone.
    pub(super) async fn alone(&self) {
        self.until(|life| life.shared.attached.load(Ordering::Acquire) == 0).await;
    }

    pub(super) fn inject_fault(&self) -> bool {
        self.shared.inject_fault()
    }

    pub(super) fn has_fault(&self) -> bool {
        self.shared.fault.load(Ordering::Acquire)
    }

    /// Says that this life is an actor's, which can be made to hang.
    pub(super) fn is_of_an_actor(&self) {
        self.shared.is_actor.store(true, Ordering::Release);
    }

    /// Whether the actor is to hang; true once.
    pub(super) fn takes_hang(&self) -> bool {
        self.shared.hang.swap(false, Ordering::AcqRel)
    }

    /// Has `runner` woken from now on. To be called before the states are looked at, so that no change is missed.
    pub(super) fn watch(&self, runner: &Waker) {
        self.shared.runner.register(runner);
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            // Made before the look, so that a change right after it is not missed.
            let turned = self.shared.turned.notified();
            if holds(self) {
                return;
            }
            turned.await;
        }
    }
}

/// See [`Lifeline::attach`].
pub(super) struct Attached(Arc<Shared>);

impl Drop for Attached {
    fn drop(&mut self) {
        if self.0.attached.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.turned.notify_waiters();
        }
    }
}

#[cfg(all(test, feature = "models"))]
#[path = "meetings.rs"]
mod meetings;
