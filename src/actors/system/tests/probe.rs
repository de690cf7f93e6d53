//! An actor that does what a test tells it to.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::fut::wrap_future;
use actix::{Actor, Context, Handler, Message, Running};

use super::super::{
    Answer, AskError, AskLimits, Child, ChildSpec, Exclusive, Handle, Lifeline, Node, Root, Strategy,
    Supervisor, actor,
};
use super::{soon, spec};

/// Which life of its child a probe is, counted from 1, is its answer to everything.
pub(super) type Life = Result<u64, Infallible>;

pub(super) struct Probe {
    pub(super) lifeline: Lifeline,
    pub(super) life: u64,
    pub(super) on_stopping: OnStopping,
    pub(super) on_drop: Option<Box<dyn FnOnce()>>,
}

type OnStopping = Box<dyn FnMut(&mut Context<Probe>) -> Running>;

impl Probe {
    pub(super) fn new(lifeline: Lifeline, life: u64) -> Self {
        Self { lifeline, life, on_stopping: Box::new(|_| Running::Stop), on_drop: None }
    }
}

impl Actor for Probe {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.lifeline.ready();
    }

    fn stopping(&mut self, context: &mut Self::Context) -> Running {
        (self.on_stopping)(context)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(on_drop) = self.on_drop.take() {
            on_drop();
        }
    }
}

/// Does something in the handler, and then answers.
#[derive(Message)]
#[rtype(result = "Life")]
pub(super) struct Act(Deed);

type Deed = Box<dyn FnOnce(&mut Probe, &mut Context<Probe>) + Send>;

impl Act {
    pub(super) fn new(what: impl FnOnce(&mut Probe, &mut Context<Probe>) + Send + 'static) -> Self {
        Self(Box::new(what))
    }
}

impl Handler<Act> for Probe {
    type Result = Life;

    fn handle(&mut self, Act(what): Act, context: &mut Self::Context) -> Life {
        what(self, context);
        Ok(self.life)
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does something beside others, and then answers.
#[derive(Message)]
#[rtype(result = "Life")]
pub(super) struct Beside(Work);

impl Beside {
    pub(super) fn others(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }
}

impl Handler<Beside> for Probe {
    type Result = Answer<Life>;

    fn handle(&mut self, Beside(work): Beside, _: &mut Self::Context) -> Answer<Life> {
        let life = self.life;
        self.lifeline.answer(async move {
            work.await;
            Ok(life)
        })
    }
}

/// Does something before any other message is looked at, and then answers.
#[derive(Message)]
#[rtype(result = "Life")]
pub(super) struct Before(Work);

impl Before {
    pub(super) fn others(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }
}

impl Handler<Before> for Probe {
    type Result = Exclusive<Self, Life>;

    fn handle(&mut self, Before(work): Before, _: &mut Self::Context) -> Exclusive<Self, Life> {
        let life = self.life;
        self.lifeline.exclusive(wrap_future(async move {
            work.await;
            Ok(life)
        }))
    }
}

/// A child that is a probe, and its handle.
pub(super) fn probe(spec: ChildSpec, limits: AskLimits) -> (Child, Handle<Probe>) {
    let handle = Handle::new("probe", limits);
    let lives = Arc::new(AtomicU64::new(0));
    let child =
        actor(spec, &handle, move |lifeline| Probe::new(lifeline, lives.fetch_add(1, Ordering::Relaxed) + 1));
    (child, handle)
}

/// Two probes under one root, one of which a test hurts. The other one must not notice.
pub(super) struct Pair {
    pub(super) tree: Arc<Node>,
    pub(super) root: Root,
    pub(super) hurt: Handle<Probe>,
    pub(super) other: Handle<Probe>,
}

impl Pair {
    pub(super) async fn start() -> Self {
        Self::start_with(spec("hurt"), AskLimits::default()).await
    }

    pub(super) async fn start_with(spec_of_hurt: ChildSpec, limits: AskLimits) -> Self {
        let tree = Node::root();
        let (hurt_child, hurt) = probe(spec_of_hurt, limits);
        let (other_child, other) = probe(spec("other"), AskLimits::default());
        let supervisor = Supervisor::new(Strategy::OneForOne).with(hurt_child).with(other_child);
        let mut root = supervisor.start(tree.clone());
        soon(root.ready()).await.unwrap();
        Self { tree, root, hurt, other }
    }
}

/// Which life answers.
pub(super) async fn life_of(handle: &Handle<Probe>) -> u64 {
    soon(handle.ask(Act::new(|_, _| {}))).await.unwrap()
}

pub(super) fn is_lost(answer: &Result<u64, AskError<Infallible>>) -> bool {
    matches!(answer, Err(AskError::Lost { .. }))
}
