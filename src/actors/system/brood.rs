//! Many children of one kind, begun on demand and known by a key: OTP's `simple_one_for_one`.
//!
//! Each is one task and one actor, with no timer of its own while it lives, so that 100,000 idle ones are cheap. A
//! child that is past its intensity is given up alone: one tenant's bad luck must not take its neighbours down.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Context, Handler, Message};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::actor::ActorLife;
use super::incarnation::Incarnation;
use super::node::Node;
use super::{ChildSpec, Exit, Lifeline, Restarts, TellError};

/// The children of one owner, on the owner's thread. Dropping it ends them all.
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
    members: RefCell<HashMap<K, Member<A>>>,
    one_left: Notify,
}

struct Member<A: Actor> {
    /// None between two lives.
    addr: Option<Addr<A>>,
    lifeline: Option<Lifeline>,
}

impl<K, A> Brood<K, A>
where
    K: Clone + Eq + Hash + Display + 'static,
    A: Actor<Context = Context<A>>,
{
    /// An empty brood, shown as the child `spec.name` of `parent`. `on_end` hears of every child that has ended for good
    /// without having been told to.
    pub fn new(
        parent: &Arc<Node>,
        spec: ChildSpec,
        factory: impl Fn(&K, Lifeline) -> A + 'static,
        on_end: impl Fn(K, Exit) + 'static,
    ) -> Self {
        let node = parent.child(&spec.name);
        node.members().store(0, Ordering::Relaxed);
        node.enter(super::Phase::Up);
        let inner = Inner {
            spec,
            node,
            factory: Box::new(factory),
            on_end: Box::new(on_end),
            members: RefCell::new(HashMap::new()),
            one_left: Notify::new(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Begins the child of this key, unless it lives.
    pub fn ensure(&self, key: &K) {
        let mut members = self.inner.members.borrow_mut();
        if members.contains_key(key) {
            return;
        }
        members.insert(key.clone(), Member { addr: None, lifeline: None });
        self.inner.node.members().store(members.len(), Ordering::Relaxed);
        drop(members);
        actix::spawn(live(self.inner.clone(), key.clone()));
    }

    /// Leaves a fact with the child of this key.
    pub fn tell<M>(&self, key: &K, message: M) -> Result<(), TellError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        match self.inner.members.borrow().get(key).and_then(|member| member.addr.as_ref()) {
            Some(addr) => addr.try_send(message).map_err(|error| match error {
                actix::prelude::SendError::Full(_) => TellError::Full,
                actix::prelude::SendError::Closed(_) => TellError::Down,
            }),
            None => Err(TellError::Down),
        }
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

    /// Makes one child's current life panic, as if its own code had. For fault injection.
    pub fn break_one(&self, key: &K) -> bool {
        match self.inner.members.borrow().get(key).and_then(|member| member.lifeline.as_ref()) {
            Some(lifeline) => {
                lifeline.end(Exit::Panicked("told to by fault injection".to_owned()));
                true
            }
            None => false,
        }
    }

    /// Stops all of them, and drops those that have not stopped within the spec's deadline.
    pub async fn stop(&self) {
        self.each_lifeline(Lifeline::request_stop);
        let all_left = async {
            while !self.is_empty() {
                self.inner.one_left.notified().await;
            }
        };
        if timeout(self.inner.spec.stop_within, all_left).await.is_err() {
            tracing::warn!(
                actor = self.inner.node.path(),
                left = self.len(),
                "did not stop in time and are dropped"
            );
            self.each_lifeline(|lifeline| lifeline.end(Exit::Stopped));
        }
    }
}

impl<K, A: Actor<Context = Context<A>>> Brood<K, A> {
    fn each_lifeline(&self, act: impl Fn(&Lifeline)) {
        for member in self.inner.members.borrow().values() {
            if let Some(lifeline) = &member.lifeline {
                act(lifeline);
            }
        }
    }
}

impl<K, A: Actor<Context = Context<A>>> Drop for Brood<K, A> {
    fn drop(&mut self) {
        self.each_lifeline(|lifeline| lifeline.end(Exit::Stopped));
    }
}

/// All lives of one child.
async fn live<K, A>(inner: Rc<Inner<K, A>>, key: K)
where
    K: Clone + Eq + Hash + Display + 'static,
    A: Actor<Context = Context<A>>,
{
    let mut restarts = Restarts::default();
    loop {
        let (exit, told_to) = live_once(&inner, &key).await;
        let again = if told_to || !inner.spec.restart.wants(&exit) {
            None
        } else {
            restarts.count(inner.spec.intensity, Instant::now())
        };
        let Some(attempt) = again else {
            leave(&inner, &key, exit, told_to);
            return;
        };
        let pause = inner.spec.backoff.pause_now(attempt);
        tracing::warn!(actor = inner.node.path(), %key, %exit, attempt, ?pause, "died and will be built again");
        inner.node.restarted();
        inner.node.ended(&exit);
        sleep(pause).await;
    }
}

async fn live_once<K, A>(inner: &Rc<Inner<K, A>>, key: &K) -> (Exit, bool)
where
    K: Clone + Eq + Hash + 'static,
    A: Actor<Context = Context<A>>,
{
    let lifeline = Lifeline::new(inner.node.clone(), inner.spec.handler_within, None);
    if let Some(member) = inner.members.borrow_mut().get_mut(key) {
        member.lifeline = Some(lifeline.clone());
    }
    let (shared, own_key) = (inner.clone(), key.clone());
    let exit = Incarnation::new(lifeline.clone(), move |lifeline| {
        let life = ActorLife::begin(lifeline, None, |lifeline| (shared.factory)(&own_key, lifeline));
        if let Some(member) = shared.members.borrow_mut().get_mut(&own_key) {
            member.addr = Some(life.address());
        }
        Box::pin(life)
    })
    .await;
    if let Some(member) = inner.members.borrow_mut().get_mut(key) {
        member.addr = None;
        member.lifeline = None;
    }
    let told_to = lifeline.is_stopping() || exit == Exit::Stopped;
    (exit, told_to)
}

fn leave<K, A>(inner: &Inner<K, A>, key: &K, exit: Exit, told_to: bool)
where
    K: Clone + Eq + Hash + Display,
    A: Actor<Context = Context<A>>,
{
    let mut members = inner.members.borrow_mut();
    members.remove(key);
    inner.node.members().store(members.len(), Ordering::Relaxed);
    drop(members);
    inner.one_left.notify_one();
    if told_to {
        return;
    }
    if exit.is_abnormal() {
        tracing::error!(actor = inner.node.path(), %key, %exit, "died too often and is given up");
        inner.node.ended(&exit);
    }
    (inner.on_end)(key.clone(), exit);
}
