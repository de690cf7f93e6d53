//! One life of one child, guarded: whatever happens inside comes out as an [`Exit`].

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::timeout;

use super::spec::Life;
use super::{Exit, Lifeline, blocked};

/// How long an ended life waits for what was begun within it. All of that goes at its next step, except on a thread of
/// its own that is blocked: too low counts such a thread as lost too early, too high makes its supervisor wait for it.
const ALONE_WITHIN: Duration = Duration::from_secs(1);

/// Runs one life to its end, and until nothing is left of it: its answers, its children, their children.
pub(super) async fn live(lifeline: Lifeline, begin: impl FnOnce(Lifeline) -> Life + 'static) -> Exit {
    let exit = Incarnation { lifeline: lifeline.clone(), begin: Some(Box::new(begin)), life: None }.await;
    // Boxed, as every life that goes on has room for it in its task.
    if Box::pin(timeout(ALONE_WITHIN, lifeline.alone())).await.is_err() {
        tracing::error!(actor = lifeline.node().path(), "left a thread behind that does not come back");
    }
    exit
}

/// Begins a life at its first poll and runs it until it ends by itself, by verdict, or by a panic.
struct Incarnation {
    lifeline: Lifeline,
    begin: Option<Box<dyn FnOnce(Lifeline) -> Life>>,
    life: Option<Life>,
}

impl Incarnation {
    /// One guarded step. `Some`: it was the last.
    fn step(&mut self, context: &mut Context<'_>) -> Option<Exit> {
        if let Some(exit) = self.lifeline.verdict() {
            return Some(exit);
        }
        let step = catch_unwind(AssertUnwindSafe(|| self.step_unguarded(context)));
        match step {
            // What has failed has failed, even if it then came to its end in good order.
            Ok(step) => self.lifeline.verdict().or(match step {
                Poll::Ready(exit) => Some(exit),
                Poll::Pending => None,
            }),
            Err(payload) => Some(Exit::from_panic(&*payload)),
        }
    }

    fn step_unguarded(&mut self, context: &mut Context<'_>) -> Poll<Exit> {
        if self.lifeline.has_fault() {
            panic_as_told();
        }
        if let Some(begin) = self.begin.take() {
            if self.lifeline.is_stopping() {
                return Poll::Ready(Exit::Stopped);
            }
            self.life = Some(begin(self.lifeline.clone()));
        }
        match &mut self.life {
            Some(life) => life.as_mut().poll(context),
            None => Poll::Ready(Exit::Normal),
        }
    }

    /// Drops what is left, which runs the child's own destructors: those may panic, too.
    fn finish(&mut self, exit: Exit) -> Exit {
        let (begin, life) = (self.begin.take(), self.life.take());
        let dropped = catch_unwind(AssertUnwindSafe(|| drop((begin, life))));
        self.lifeline.over();
        match dropped {
            Err(payload) if !exit.is_abnormal() => Exit::from_panic(&*payload),
            _ => exit,
        }
    }
}

impl Future for Incarnation {
    type Output = Exit;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Exit> {
        self.lifeline.watch(context.waker());
        let _inside = blocked::enter(self.lifeline.node());
        match self.step(context) {
            Some(exit) => Poll::Ready(self.finish(exit)),
            None => Poll::Pending,
        }
    }
}

impl Drop for Incarnation {
    fn drop(&mut self) {
        self.lifeline.over();
    }
}

#[expect(clippy::panic, reason = "an injected fault has to be a real panic")]
fn panic_as_told() {
    panic!("told to by fault injection");
}
