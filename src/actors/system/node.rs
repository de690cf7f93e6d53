//! The tree as an observer sees it: every child's path, phase, depth, restarts and last exit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use super::lifeline::Shared;
use super::{Exit, Lifeline};

/// Where a child is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not started, or not again yet: those before it are not up.
    Waiting,
    /// Built; has not said that it is ready.
    Starting,
    /// Ready.
    Up,
    /// Dead; will be built again after its pause.
    BackingOff,
    /// Told to stop.
    Stopping,
    /// Ended for good.
    Ended,
}

/// A snapshot of one child, for `/readyz`, `GET /actors` and tests.
#[derive(Debug, Clone, Serialize)]
pub struct NodeReport {
    /// For example `/broker/event_publisher`.
    pub path: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Why it cannot do its work just now although it lives, for example because a server is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impaired: Option<String>,
    /// Asks in flight: sent and not yet answered.
    pub depth: usize,
    /// Lives begun after the first.
    pub restarts: u64,
    /// How its last life ended, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<(String, Timestamp)>,
    /// Living members, where the child is a [`super::Brood`] or a register of sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<usize>,
}

impl NodeReport {
    /// Up, and able to do its work.
    pub fn is_well(&self) -> bool {
        self.phase == Phase::Up && self.impaired.is_none()
    }
}

#[derive(Debug)]
struct State {
    phase: Phase,
    impaired: Option<String>,
    last_exit: Option<(String, Timestamp)>,
    has_lived: bool,
    restarts: u64,
}

/// One place in the tree. It outlives the incarnations of the child that it shows.
pub struct Node {
    path: String,
    state: Mutex<State>,
    population: OnceLock<AtomicUsize>,
    depth: OnceLock<Box<dyn Fn() -> usize + Send + Sync>>,
    children: Mutex<Vec<Arc<Node>>>,
    current: Mutex<Weak<Shared>>,
    changes: Arc<watch::Sender<u64>>,
    is_draining: AtomicBool,
}

impl Node {
    /// A tree of one: the root, whose path is empty.
    pub fn root() -> Arc<Self> {
        Self::build(String::new(), Arc::new(watch::Sender::new(0)))
    }

    fn build(path: String, changes: Arc<watch::Sender<u64>>) -> Arc<Self> {
        Arc::new(Self {
            path,
            state: Mutex::new(State {
                phase: Phase::Waiting,
                impaired: None,
                last_exit: None,
                has_lived: false,
                restarts: 0,
            }),
            population: OnceLock::new(),
            depth: OnceLock::new(),
            children: Mutex::new(Vec::new()),
            current: Mutex::new(Weak::new()),
            changes,
            is_draining: AtomicBool::new(false),
        })
    }

    /// Says of a root that its process is about to end, and should be sent nothing more. There is no way back.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// True after [`Node::drain`].
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// The child of this name; the same one at every call, so that what it has gone through is kept.
    pub fn child(&self, name: &str) -> Arc<Self> {
        let path = format!("{}/{name}", self.path);
        let mut children = lock(&self.children);
        if let Some(known) = children.iter().find(|child| child.path == path) {
            return known.clone();
        }
        let child = Self::build(path, self.changes.clone());
        children.push(child.clone());
        child
    }

    /// Its path, for example `/broker/event_publisher`.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// Adds to the number of living members that the report shows.
    pub fn members(&self) -> &AtomicUsize {
        self.population.get_or_init(AtomicUsize::default)
    }

    /// Every node below this one, parents first.
    pub fn report(&self) -> Vec<NodeReport> {
        let mut reports = Vec::new();
        self.collect(&mut reports);
        reports
    }

    fn collect(&self, reports: &mut Vec<NodeReport>) {
        if !self.path.is_empty() {
            reports.push(self.report_one());
        }
        let children = lock(&self.children).clone();
        for child in children {
            child.collect(reports);
        }
    }

    fn report_one(&self) -> NodeReport {
        let state = lock(&self.state);
        NodeReport {
            path: self.path.clone(),
            phase: state.phase,
            impaired: state.impaired.clone(),
            depth: self.depth.get().map_or(0, |depth| depth()),
            restarts: state.restarts,
            last_exit: state.last_exit.clone(),
            population: self.population.get().map(|count| count.load(Ordering::Relaxed)),
        }
    }

    /// Waits until `holds` is true of the whole report. Wakes on changes of phase, impairment and restarts only.
    pub async fn wait_until(&self, holds: impl Fn(&[NodeReport]) -> bool) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if holds(&self.report()) || changes.changed().await.is_err() {
                return;
            }
        }
    }

    pub(super) fn find(&self, path: &str) -> Option<Arc<Self>> {
        let children = lock(&self.children).clone();
        children.into_iter().find_map(|child| if child.path == path { Some(child) } else { child.find(path) })
    }

    pub(super) fn enter(&self, phase: Phase) {
        let mut state = lock(&self.state);
        state.phase = phase;
        if !matches!(phase, Phase::Up | Phase::Stopping) {
            state.impaired = None;
        }
        drop(state);
        self.changed();
    }

    /// A life of the child begins.
    pub(super) fn begin(&self, life: &Lifeline) {
        *lock(&self.current) = Arc::downgrade(life.shared());
        let has_lived = std::mem::replace(&mut lock(&self.state).has_lived, true);
        self.enter(Phase::Starting);
        if has_lived {
            self.restarted();
        }
    }

    /// A member of the brood that is shown here begins a life: a fault that is injected here is its.
    pub(super) fn member_begins(&self, life: &Lifeline) {
        *lock(&self.current) = Arc::downgrade(life.shared());
    }

    pub(super) fn impair(&self, reason: Option<String>) {
        let mut state = lock(&self.state);
        if state.impaired == reason {
            return;
        }
        state.impaired = reason;
        drop(state);
        self.changed();
    }

    pub(super) fn ended(&self, exit: &Exit) {
        lock(&self.state).last_exit = Some((exit.to_string(), Timestamp::now()));
    }

    pub(super) fn restarted(&self) {
        lock(&self.state).restarts += 1;
        self.changed();
    }

    pub(super) fn show_depth(&self, depth: impl Fn() -> usize + Send + Sync + 'static) {
        // A rebuilt child's handle is the same one, so the first probe stays right.
        let _known = self.depth.set(Box::new(depth));
    }

    /// Makes the child's current life panic at its next step, as if its own code had. For fault injection.
    pub(super) fn break_life(&self) -> bool {
        let life = lock(&self.current).upgrade();
        life.is_some_and(|life| life.inject_fault())
    }

    /// Leaves the actor that lives here with an exclusive handler that never ends. For fault injection.
    pub(super) fn hang_life(&self) -> bool {
        let life = lock(&self.current).upgrade();
        life.is_some_and(|life| life.inject_hang())
    }

    fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }
}

/// Nothing here panics while it holds a lock, so a poisoned one still guards sound data.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
