//! One life of one child, guarded: whatever happens inside comes out as an [`Exit`].

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::spec::Life;
use super::{Exit, Lifeline, blocked};

/// Begins a life at its first poll and runs it until it ends by itself, by verdict, or by a panic.
pub(super) struct Incarnation {
    lifeline: Lifeline,
    begin: Option<Box<dyn FnOnce(Lifeline) -> Life>>,
    life: Option<Life>,
}

impl Incarnation {
    pub(super) fn new(lifeline: Lifeline, begin: impl FnOnce(Lifeline) -> Life + 'static) -> Self {
        Self { lifeline, begin: Some(Box::new(begin)), life: None }
    }

    fn step(&mut self, context: &mut Context<'_>) -> Poll<Exit> {
        if self.lifeline.node().takes_fault() {
            panic_as_told();
        }
        if let Some(begin) = self.begin.take() {
            self.life = Some(begin(self.lifeline.clone()));
        }
        match &mut self.life {
            Some(life) => life.as_mut().poll(context),
            None => Poll::Ready(Exit::Normal),
        }
    }

    /// Drops what is left, which runs the child's own destructors: those may panic, too.
    fn finish(&mut self, exit: Exit) -> Poll<Exit> {
        let life = self.life.take();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(life)));
        self.lifeline.over();
        match dropped {
            Err(payload) if !exit.is_abnormal() => Poll::Ready(Exit::from_panic(&*payload)),
            _ => Poll::Ready(exit),
        }
    }
}

impl Future for Incarnation {
    type Output = Exit;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Exit> {
        let this = &mut *self;
        this.lifeline.watch(context.waker());
        if let Some(exit) = this.lifeline.verdict() {
            return this.finish(exit);
        }
        let inside = blocked::enter(this.lifeline.node());
        let step = catch_unwind(AssertUnwindSafe(|| this.step(context)));
        drop(inside);
        match step {
            Ok(Poll::Pending) => match this.lifeline.verdict() {
                Some(exit) => this.finish(exit),
                None => Poll::Pending,
            },
            Ok(Poll::Ready(exit)) => {
                let exit = this.lifeline.verdict().unwrap_or(exit);
                this.finish(exit)
            }
            Err(payload) => this.finish(Exit::from_panic(&*payload)),
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
