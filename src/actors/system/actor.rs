//! An actix actor as a supervised child.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use actix::dev::ContextFut;
use actix::{Actor, ActorContext, AsyncContext, Context};

use super::{Child, ChildSpec, Exclusive, Exit, Handle, Lifeline};

/// Messages that were told, not asked, and not yet taken. Asks are bounded by their [`Handle`].
const MAILBOX_TELLS_MAX: usize = 64;

/// A child that is an actor, built by `factory` at the beginning of each of its lives and reached through `handle`.
///
/// It must call [`Lifeline::ready`] when it can answer. When it is told to stop, its `Actor::stopping` runs and may
/// return `Running::Continue` to finish what it has begun; it then stops its own context when it is done.
pub fn actor<A>(
    spec: ChildSpec,
    handle: &Handle<A>,
    factory: impl Fn(Lifeline) -> A + Send + Sync + 'static,
) -> Child
where
    A: Actor<Context = Context<A>>,
{
    let handle = handle.clone();
    Child::new(spec, move |lifeline| {
        let probe = handle.clone();
        lifeline.node().show_depth(move || probe.depth());
        Box::pin(ActorLife::begin(lifeline, Some(handle.clone()), &factory))
    })
}

/// The life of one actor: its context's future, told to stop when the supervisor says so.
pub(super) struct ActorLife<A: Actor<Context = Context<A>>> {
    context: ContextFut<A, Context<A>>,
    lifeline: Lifeline,
    handle: Option<Handle<A>>,
    told_to_stop: bool,
}

impl<A: Actor<Context = Context<A>>> ActorLife<A> {
    pub(super) fn begin(
        lifeline: Lifeline,
        handle: Option<Handle<A>>,
        factory: impl FnOnce(Lifeline) -> A,
    ) -> Self {
        lifeline.is_of_an_actor();
        let mut context = Context::new();
        context.set_mailbox_capacity(MAILBOX_TELLS_MAX);
        let address = context.address();
        let actor = factory(lifeline.clone());
        if let Some(handle) = &handle {
            handle.point_to(address);
        }
        Self { context: context.into_future(actor), lifeline, handle, told_to_stop: false }
    }

    pub(super) fn address(&self) -> actix::Addr<A> {
        self.context.address()
    }
}

impl<A: Actor<Context = Context<A>>> Future for ActorLife<A> {
    type Output = Exit;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Exit> {
        if self.lifeline.is_stopping() && !self.told_to_stop {
            self.told_to_stop = true;
            self.context.ctx().stop();
        }
        if self.lifeline.takes_hang() {
            Exclusive::<A, ()>::hang(self.lifeline.clone(), self.context.ctx());
        }
        let told_to_stop = self.told_to_stop;
        Pin::new(&mut self.context)
            .poll(context)
            .map(|()| if told_to_stop { Exit::Stopped } else { Exit::Normal })
    }
}

impl<A: Actor<Context = Context<A>>> Drop for ActorLife<A> {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.point_away_from(&self.context.address());
        }
        // A context that is dropped alive polls its actor once more; after a panic that actor must not run again.
        self.context.ctx().terminate();
    }
}
