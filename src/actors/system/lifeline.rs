//! What a child holds of its own life: how it says that it is ready, in trouble or at its end, and how long what it
//! begins may last.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use std::task::Waker;
use tokio_util::sync::CancellationToken;

use super::node::{Node, lock};
use super::{Answer, Exclusive, Exit};

/// One incarnation's line to its supervisor. Cheap to clone; clones that outlive the incarnation do nothing.
#[derive(Clone)]
pub struct Lifeline {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    node: Arc<Node>,
    handler_within: Duration,
    on_ready: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    verdict: Mutex<Option<Exit>>,
    sentenced: AtomicBool,
    stop: CancellationToken,
    ended: CancellationToken,
    runner: AtomicWaker,
}

impl Shared {
    pub(super) fn wake(&self) {
        self.runner.wake();
    }
}

impl Lifeline {
    pub(super) fn new(
        node: Arc<Node>,
        handler_within: Duration,
        on_ready: Option<Box<dyn FnOnce() + Send>>,
    ) -> Self {
        let shared = Shared {
            node,
            handler_within,
            on_ready: Mutex::new(on_ready),
            verdict: Mutex::new(None),
            sentenced: AtomicBool::new(false),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            runner: AtomicWaker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Says that the child can do its work; those that were waiting to start after it start now.
    pub fn ready(&self) {
        if let Some(on_ready) = lock(&self.shared.on_ready).take() {
            on_ready();
        }
    }

    /// Shows in the tree, and so in `/readyz`, that the child lives but cannot work, and why. It is not a failure: an
    /// outage elsewhere must not spend the restart budget.
    pub fn impaired(&self, reason: impl Into<String>) {
        self.shared.node.impair(Some(reason.into()));
    }

    /// Takes [`Lifeline::impaired`] back.
    pub fn recovered(&self) {
        self.shared.node.impair(None);
    }

    /// Ends this life as [`Exit::Failed`]. Whatever the child was doing is dropped at its next await.
    pub fn fail(&self, reason: impl Into<String>) {
        self.end(Exit::Failed(reason.into()));
    }

    /// Resolves when the supervisor wants the child to stop.
    pub async fn stop_requested(&self) {
        self.shared.stop.cancelled().await;
    }

    /// True from then on.
    pub fn is_stopping(&self) -> bool {
        self.shared.stop.is_cancelled()
    }

    /// Resolves when this incarnation is over, however it ended.
    pub async fn ended(&self) {
        self.shared.ended.cancelled().await;
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

    pub(super) fn end(&self, exit: Exit) {
        lock(&self.shared.verdict).get_or_insert(exit);
        self.shared.sentenced.store(true, Ordering::Release);
        self.shared.wake();
    }

    pub(super) fn request_stop(&self) {
        self.shared.stop.cancel();
        self.shared.wake();
    }

    pub(super) fn watch(&self, runner: &Waker) {
        self.shared.runner.register(runner);
    }

    pub(super) fn verdict(&self) -> Option<Exit> {
        if !self.shared.sentenced.load(Ordering::Acquire) {
            return None;
        }
        lock(&self.shared.verdict).clone()
    }

    pub(super) fn over(&self) {
        self.shared.ended.cancel();
    }

    pub(super) fn begun(&self) {
        self.shared.node.living(&self.shared);
    }
}
