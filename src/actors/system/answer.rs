//! What a handler returns when its answer takes time: bound to the actor's life, and timed only while it runs.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use actix::dev::{MessageResponse, OneshotSender};
use actix::fut::{ActorFutureExt, LocalBoxActorFuture};
use actix::{Actor, AsyncContext, Message};
use futures_util::FutureExt;
use tokio::time::sleep;

use super::{Exit, Lifeline};

/// See [`Lifeline::answer`].
pub struct Answer<T> {
    lifeline: Lifeline,
    work: Pin<Box<dyn Future<Output = T>>>,
}

impl<T> Answer<T> {
    pub(super) fn new(lifeline: Lifeline, work: Pin<Box<dyn Future<Output = T>>>) -> Self {
        Self { lifeline, work }
    }
}

impl<A, M, T> MessageResponse<A, M> for Answer<T>
where
    A: Actor,
    M: Message<Result = T>,
    T: 'static,
{
    fn handle(self, _context: &mut A::Context, asker: Option<OneshotSender<T>>) {
        let Self { lifeline, work } = self;
        actix::spawn(async move {
            let work = AssertUnwindSafe(work).catch_unwind();
            tokio::select! {
                biased;
                () = lifeline.ended() => {}
                result = work => match result {
                    Ok(answer) => reply(asker, answer),
                    Err(payload) => lifeline.end(Exit::from_panic(&*payload)),
                },
                () = sleep(lifeline.handler_within()) => {
                    let within = lifeline.handler_within();
                    tracing::warn!(actor = lifeline.node().path(), ?within, "an answer took too long and was dropped");
                }
            }
        });
    }
}

/// See [`Lifeline::exclusive`].
pub struct Exclusive<A: Actor, T> {
    lifeline: Lifeline,
    work: LocalBoxActorFuture<A, T>,
}

impl<A: Actor, T> Exclusive<A, T> {
    pub(super) fn new(lifeline: Lifeline, work: LocalBoxActorFuture<A, T>) -> Self {
        Self { lifeline, work }
    }
}

impl<A, M, T> MessageResponse<A, M> for Exclusive<A, T>
where
    A: Actor,
    A::Context: AsyncContext<A>,
    M: Message<Result = T>,
    T: 'static,
{
    fn handle(self, context: &mut A::Context, asker: Option<OneshotSender<T>>) {
        let Self { lifeline, work } = self;
        let within = lifeline.handler_within();
        let work = work.timeout(within).map(move |result, _, _| match result {
            Ok(answer) => reply(asker, answer),
            Err(()) => lifeline.end(Exit::Frozen(format!("a handler ran for more than {within:?}"))),
        });
        context.wait(work);
    }
}

/// An asker that has gone away has no use for the answer.
fn reply<T>(asker: Option<OneshotSender<T>>, answer: T) {
    if let Some(asker) = asker {
        let _gone = asker.send(answer);
    }
}
