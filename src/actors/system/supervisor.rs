//! A list of children, before it runs: as a subtree, as a subtree with its own thread, or as the root.

use std::future::Future;
use std::sync::Arc;
use std::thread;

use actix::Arbiter;
use tokio::sync::oneshot;

use super::lifeline::Attached;
use super::running::run;
use super::wakeups::gather_here;
use super::{Child, ChildSpec, Exit, Strategy};

/// A list of children in start order, and what to do when one dies.
pub struct Supervisor {
    pub(super) strategy: Strategy,
    pub(super) children: Vec<Child>,
}

impl Supervisor {
    /// No children yet.
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, children: Vec::new() }
    }

    /// Adds the next child in start order. Its name must be new here: it is its place in the tree.
    #[must_use]
    pub fn with(mut self, child: Child) -> Self {
        debug_assert!(
            self.children.iter().all(|known| known.spec.name != child.spec.name),
            "two of one name"
        );
        self.children.push(child);
        self
    }

    /// As a child of another supervisor, on the same thread.
    ///
    /// Its deadlines have to hold those of all its children, one after the other.
    pub fn child(self, spec: ChildSpec) -> Child {
        let (strategy, children) = (self.strategy, Arc::new(self.children));
        Child::new(spec, move |lifeline| Box::pin(run(strategy, children.clone(), lifeline)))
    }

    /// As a child of another supervisor, with a thread of its own: what blocks or burns there disturbs nobody else.
    pub fn child_on_own_thread(self, spec: ChildSpec) -> Child {
        let (strategy, children) = (self.strategy, Arc::new(self.children));
        Child::new(spec, move |lifeline| {
            let children = children.clone();
            Box::pin(async move {
                let thread = OwnThread(Some((Arbiter::new(), lifeline.attach())));
                let (tell, told) = oneshot::channel();
                thread.spawn(async move {
                    gather_here();
                    let _gone = tell.send(run(strategy, children, lifeline).await);
                });
                told.await.unwrap_or_else(|_closed| Exit::Failed("its thread ended".to_owned()))
            })
        })
    }
}

/// Ends with the subtree that it was made for, which is not over before its thread is.
struct OwnThread(Option<(Arbiter, Attached)>);

impl OwnThread {
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some((arbiter, _)) = &self.0 {
            arbiter.spawn(work);
        }
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        let Some((arbiter, attached)) = self.0.take() else { return };
        arbiter.stop();
        // Waiting for a thread takes a thread, and this one must not stand still.
        let wait = move || {
            let _panicked = arbiter.join();
            drop(attached);
        };
        let _unwaited = thread::Builder::new().name("thread-end".to_owned()).spawn(wait);
    }
}
