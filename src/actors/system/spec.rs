//! What a supervisor knows of a child before it has ever lived.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{Backoff, Exit, Intensity, Lifeline, Restart};

/// How a child is run.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    /// The last part of its path.
    pub name: Cow<'static, str>,
    /// Whether it is built again.
    pub restart: Restart,
    /// Its restart budget.
    pub intensity: Intensity,
    /// Its pauses.
    pub backoff: Backoff,
    /// From being built to saying that it is ready. Later: `Exit::Frozen`.
    pub ready_within: Duration,
    /// From being told to stop to having stopped. Later: it is dropped.
    pub stop_within: Duration,
    /// How long one handler's future may take; see [`Lifeline::answer`] and [`Lifeline::exclusive`].
    pub handler_within: Duration,
}

impl ChildSpec {
    /// A permanent child with the kernel's defaults: 5 restarts in 30 s, pauses from 20 ms to 5 s.
    pub fn permanent(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            restart: Restart::Permanent,
            intensity: Intensity { restarts_max: 5, window: Duration::from_secs(30) },
            backoff: Backoff { min: Duration::from_millis(20), max: Duration::from_secs(5) },
            ready_within: Duration::from_secs(30),
            stop_within: Duration::from_secs(5),
            handler_within: Duration::from_secs(15),
        }
    }
}

/// One incarnation: runs until the child's life has ended, and says why.
pub(super) type Life = Pin<Box<dyn Future<Output = Exit>>>;

/// A child as a supervisor holds it: its spec, and how to begin a life. `Send`, so that a whole subtree can be handed to
/// a thread of its own; the lives themselves never leave the thread they began on.
pub struct Child {
    pub(super) spec: ChildSpec,
    pub(super) begin: Box<dyn Fn(Lifeline) -> Life + Send + Sync>,
}

impl Child {
    /// A child whose life is a future. Actors come by [`super::actor()`], subtrees by [`super::Supervisor::child`].
    pub fn new(spec: ChildSpec, begin: impl Fn(Lifeline) -> Life + Send + Sync + 'static) -> Self {
        Self { spec, begin: Box::new(begin) }
    }
}

/// The order in which children that depend on each other are restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Only the dead child.
    OneForOne,
    /// The dead child and all that were started after it.
    RestForOne,
}
