//! What a handler returns when its answer takes time: bound to the actor's life, and timed only while it runs.

use std::future::{Future, pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use actix::dev::{MessageResponse, OneshotSender};
use actix::fut::{ActorFutureExt, LocalBoxActorFuture, wrap_future};
use actix::{Actor, AsyncContext, Message};
use futures_util::FutureExt;
use tokio::time::sleep;

use super::{Exit, Lifeline, blocked};

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
        let Self { lifeline, mut work } = self;
        let attached = lifeline.attach();
        actix::spawn(async move {
            let guarded = poll_fn(|context| {
                let _inside = blocked::enter(lifeline.node());
                work.as_mut().poll(context)
            });
            tokio::select! {
                biased;
                () = lifeline.ended() => {}
                result = AssertUnwindSafe(guarded).catch_unwind() => match result {
                    Ok(answer) => reply(asker, answer),
                    Err(payload) => lifeline.end(Exit::from_panic(&*payload)),
                },
                () = sleep(lifeline.handler_within()) => {
                    let within = lifeline.handler_within();
                    tracing::warn!(actor = lifeline.node().path(), ?within, "an answer took too long and was dropped");
                }
            }
            drop(work);
            drop(attached);
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

impl<A> Exclusive<A, ()>
where
    A: Actor,
    A::Context: AsyncContext<A>,
{
    /// Work that never ends, as if a handler had returned it. For fault injection.
    pub(super) fn hang(lifeline: Lifeline, context: &mut A::Context) {
        Self::new(lifeline, Box::pin(wrap_future(pending()))).occupy(context, None);
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
        self.occupy(context, asker);
    }
}

impl<A, T> Exclusive<A, T>
where
    A: Actor,
    A::Context: AsyncContext<A>,
    T: 'static,
{
    /// Nothing else is looked at until the work is done or its time is over.
    fn occupy(self, context: &mut A::Context, asker: Option<OneshotSender<T>>) {
        let Self { lifeline, work } = self;
        let within = lifeline.handler_within();
        let work = work.timeout(within).then(move |result, _, _| {
            let frozen = result.is_err();
            match result {
                Ok(answer) => reply(asker, answer),
                Err(()) => lifeline.end(Exit::Frozen(format!("a handler ran for more than {within:?}"))),
            }
            // A frozen actor must not see another message: what the handler has left half done is still in it.
            wrap_future(async move {
                if frozen {
                    pending::<()>().await;
                }
            })
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
