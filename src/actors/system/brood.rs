//! Many children of one kind, begun on demand and known by a key: OTP's `simple_one_for_one`.
//!
//! Each is one task and one actor, with no timer of its own while it lives, so that 100,000 idle ones are cheap. A
//! child that is past its intensity is given up alone: one tenant's bad luck must not take its neighbours down.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::dev::{Request, ToEnvelope};
use actix::{Actor, Addr, Context, Handler, Message};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::actor::ActorLife;
use super::incarnation::live;
use super::node::Node;
use super::{ChildSpec, Exit, Lifeline, Phase, Restarts, TellError};

/// The children of one owner, on the owner's thread. Dropping it ends them all: none takes another step.
pub struct Brood<K, A: Actor<Context = Context<A>>> {
    inner: Rc<Inner<K, A>>,
}

type Factory<K, A> = Box<dyn Fn(&K, Lifeline) -> A>;
type OnEnd<K> = Box<dyn Fn(K, Exit)>;

struct Inner<K, A: Actor<Context = Context<A>>> {
    spec: ChildSpec,
    node: Arc<Node>,
    factory: Factory<K, A>,
    on_end: OnEnd<K>,
    /// Never borrowed while code that is not the kernel's runs: a factory or `on_end` may call the brood.
    members: RefCell<HashMap<K, Member<A>>>,
    one_left: Notify,
    is_closed: Cell<bool>,
}

struct Member<A: Actor> {
    /// None between two lives.
    addr: Option<Addr<A>>,
    /// Of its life, or between two lives of the next one, so that it can be told to stop at any time.
    lifeline: Lifeline,
    /// None for one that never died, which nearly all are.
    past: Option<Box<Past>>,
}

/// What became of a child's earlier lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// How often it was built again.
    pub restarts: u32,
    /// How its last life ended.
    pub last_exit: Exit,
    /// When.
    pub ended_at: Timestamp,
}

impl<K, A> Brood<K, A>
where
    K: Clone + Eq + Hash + Display + 'static,
    A: Actor<Context = Context<A>>,
{
    /// An empty brood, shown as the child `spec.name` of `parent`. `on_end` hears of every child that has ended for good
    /// without having been told to.
    ///
    /// Both may call the brood, and must not own it: it would never be dropped.
    pub fn new(
        parent: &Arc<Node>,
        spec: ChildSpec,
        factory: impl Fn(&K, Lifeline) -> A + 'static,
        on_end: impl Fn(K, Exit) + 'static,
    ) -> Self {
        let node = parent.child(&spec.name);
        node.members();
        node.enter(Phase::Up);
        let inner = Inner {
            spec,
            node,
            factory: Box::new(factory),
            on_end: Box::new(on_end),
            members: RefCell::new(HashMap::new()),
            one_left: Notify::new(),
            is_closed: Cell::new(false),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Begins the child of this key, unless it lives or the brood has been told to stop.
    pub fn ensure(&self, key: &K) {
        if self.inner.is_closed.get() || self.contains(key) {
            return;
        }
        let lifeline = self.inner.new_lifeline();
        let member = Member { addr: None, lifeline: lifeline.clone(), past: None };
        self.inner.members.borrow_mut().insert(key.clone(), member);
        let counted = Counted::new(&self.inner.node);
        actix::spawn(all_lives(self.inner.clone(), key.clone(), lifeline, counted));
    }

    /// Leaves a fact with the child of this key.
    pub fn tell<M>(&self, key: &K, message: M) -> Result<(), TellError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let members = self.inner.members.borrow();
        let sent = members.get(key).and_then(|member| Some(member.addr.as_ref()?.try_send(message)));
        drop(members);
        TellError::check(sent)
    }

    /// Asks the child of this key; `None` if it is between two lives, or not there. The answer may never come: give it a limit.
    pub fn ask<M>(&self, key: &K, message: M) -> Option<Request<A, M>>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let members = self.inner.members.borrow();
        Some(members.get(key)?.addr.as_ref()?.send(message))
    }

    /// What became of the earlier lives of the child of this key, if there are any.
    pub fn past(&self, key: &K) -> Option<Past> {
        self.inner.members.borrow().get(key)?.past.as_deref().cloned()
    }

    /// True while there is a child of this key, be it between two lives.
    pub fn contains(&self, key: &K) -> bool {
        self.inner.members.borrow().contains_key(key)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.inner.members.borrow().len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every key.
    pub fn keys(&self) -> Vec<K> {
        self.inner.members.borrow().keys().cloned().collect()
    }

    /// Makes one child's life panic at its next step, as if its own code had. For fault injection.
    pub fn break_one(&self, key: &K) -> bool {
        self.inner.members.borrow().get(key).is_some_and(|member| member.lifeline.inject_fault())
    }

    /// Stops all of them, drops those that have not stopped within the spec's deadline, and begins no more.
    pub async fn stop(&self) {
        self.inner.is_closed.set(true);
        self.inner.each_lifeline(Lifeline::request_stop);
        let within = self.inner.spec.stop_within;
        if timeout(within, self.until_empty()).await.is_err() {
            let (actor, left) = (self.inner.node.path(), self.len());
            tracing::warn!(actor, left, ?within, "did not stop in time and are dropped");
            self.inner.each_lifeline(|lifeline| lifeline.end(Exit::Stopped));
            self.until_empty().await;
        }
    }

    async fn until_empty(&self) {
        loop {
            // Made before the look, so that one who leaves right after it is not missed.
            let one_left = self.inner.one_left.notified();
            if self.is_empty() {
                return;
            }
            one_left.await;
        }
    }
}

impl<K, A: Actor<Context = Context<A>>> Drop for Brood<K, A> {
    fn drop(&mut self) {
        self.inner.each_lifeline(|lifeline| {
            lifeline.request_stop();
            lifeline.end(Exit::Stopped);
        });
        self.inner.node.enter(Phase::Ended);
    }
}

impl<K, A: Actor<Context = Context<A>>> Inner<K, A> {
    fn new_lifeline(&self) -> Lifeline {
        let lifeline = Lifeline::new(self.node.clone(), self.spec.handler_within, None);
        self.node.member_begins(&lifeline);
        lifeline
    }

    fn each_lifeline(&self, act: impl Fn(&Lifeline)) {
        for member in self.members.borrow().values() {
            act(&member.lifeline);
        }
    }
}

impl<K: Eq + Hash, A: Actor<Context = Context<A>>> Inner<K, A> {
    fn update(&self, key: &K, change: impl FnOnce(&mut Member<A>)) {
        if let Some(member) = self.members.borrow_mut().get_mut(key) {
            change(member);
        }
    }
}

/// Shows one child in the tree's population, until its last life is gone.
struct Counted(Arc<Node>);

impl Counted {
    fn new(node: &Arc<Node>) -> Self {
        node.members().fetch_add(1, Ordering::Relaxed);
        Self(node.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.members().fetch_sub(1, Ordering::Relaxed);
    }
}

/// All lives of one child.
async fn all_lives<K, A>(inner: Rc<Inner<K, A>>, key: K, first: Lifeline, counted: Counted)
where
    K: Clone + Eq + Hash + Display + 'static,
    A: Actor<Context = Context<A>>,
{
    let mut lifeline = first;
    let mut restarts = Restarts::default();
    let exit = loop {
        let exit = one_life(&inner, &key, lifeline.clone()).await;
        if lifeline.is_stopping() || !inner.spec.restart.wants(&exit) {
            break exit;
        }
        let Some(attempt) = restarts.count(inner.spec.intensity, Instant::now().into_std()) else {
            tracing::error!(actor = inner.node.path(), %key, %exit, "died too often and is given up");
            break exit;
        };
        let pause = inner.spec.backoff.pause_now(attempt);
        tracing::warn!(actor = inner.node.path(), %key, %exit, attempt, ?pause, "died and will be built again");
        inner.node.ended(&exit);
        inner.node.restarted();

        lifeline = inner.new_lifeline();
        inner.update(&key, |member| {
            member.lifeline = lifeline.clone();
            let restarts = member.past.as_ref().map_or(0, |past| past.restarts) + 1;
            member.past = Some(Box::new(Past { restarts, last_exit: exit, ended_at: Timestamp::now() }));
        });
        // Boxed, as every member that lives has room for it in its task.
        if Box::pin(timeout(pause, lifeline.stop_requested())).await.is_ok() {
            break Exit::Stopped;
        }
    };
    inner.members.borrow_mut().remove(&key);
    drop(counted);
    inner.one_left.notify_waiters();
    if exit.is_abnormal() {
        inner.node.ended(&exit);
    }
    if !lifeline.is_stopping() {
        (inner.on_end)(key, exit);
    }
}

async fn one_life<K, A>(inner: &Rc<Inner<K, A>>, key: &K, lifeline: Lifeline) -> Exit
where
    K: Clone + Eq + Hash + 'static,
    A: Actor<Context = Context<A>>,
{
    let (shared, own_key) = (inner.clone(), key.clone());
    let exit = live(lifeline, move |lifeline| {
        let life = ActorLife::begin(lifeline, None, |lifeline| (shared.factory)(&own_key, lifeline));
        shared.update(&own_key, |member| member.addr = Some(life.address()));
        Box::pin(life)
    })
    .await;
    inner.update(key, |member| member.addr = None);
    exit
}
