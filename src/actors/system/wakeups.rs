//! Wake-ups that come from other threads, gathered on the thread that they are for.
//!
//! A thread of actix is a `LocalSet` of tokio. It has one queue for what its own tasks wake and another for what other threads
//! do, and looks into the second once in 31 tasks for as long as the first is not empty. A web worker under a storm of requests
//! always has tasks of its own, so whoever it could refuse at once was answered at once, and those whose answers had come from an
//! actor on another thread were kept for seconds: the more it refused, the less it did.
//!
//! Here those who are woken from elsewhere share one such look. The first of them wakes a task of that thread, which wakes
//! them all again from within. That is fewer calls between threads, too: a thousand sockets that are told the same are
//! woken by one.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

thread_local! {
    static HERE: RefCell<Option<Arc<Gathered>>> = const { RefCell::new(None) };
}

/// From now on, until the thread's `LocalSet` ends, what others wake on this thread is gathered. It is one at a time: what of a second
/// one that lives beside it is woken when the first is run.
///
/// # Panics
/// Outside of a `LocalSet`.
pub fn gather_here() {
    if HERE.with_borrow(Option::is_none) {
        let gathered = Arc::new(Gathered::default());
        tokio::task::spawn_local(Porter(gathered.clone()));
        HERE.set(Some(gathered));
    }
}

/// The same future, woken with others when it is woken from another thread.
pub async fn woken_together<F: Future>(future: F) -> F::Output {
    let (mut future, mut waker) = (pin!(future), SharedWaker::default());
    poll_fn(|context| {
        let waker = waker.of(context.waker());
        future.as_mut().poll(&mut Context::from_waker(waker))
    })
    .await
}

/// What a task leaves as its waker with whoever wakes it from another thread. Kept, as a task is woken many times by one.
#[derive(Debug, Default)]
pub struct SharedWaker(Option<(Waker, Waker)>);

impl SharedWaker {
    /// The waker to leave for this task: its own where nothing is gathered.
    pub fn of<'a>(&'a mut self, task: &'a Waker) -> &'a Waker {
        let is_made = self.0.as_ref().is_some_and(|(own, _)| own.will_wake(task));
        if !is_made {
            let here = HERE.try_with(|here| here.borrow().clone()).ok().flatten();
            self.0 = here.map(|by| (task.clone(), by.waker_for(task.clone())));
        }
        self.0.as_ref().map_or(task, |(_, shared)| shared)
    }
}

/// Who waits on one thread to be woken from within.
#[derive(Debug, Default)]
struct Gathered {
    waiting: Mutex<Waiting>,
    porter: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    woken: Vec<Arc<Woken>>,
    /// Nobody wakes them from within any more.
    is_over: bool,
}

impl Gathered {
    fn waker_for(self: Arc<Self>, task: Waker) -> Waker {
        Waker::from(Arc::new(Woken { task, by: self, is_waiting: AtomicBool::new(false) }))
    }

    fn is_here(self: &Arc<Self>) -> bool {
        let is_here = |here: &RefCell<Option<Arc<Self>>>| {
            here.try_borrow().is_ok_and(|here| here.as_ref().is_some_and(|here| Arc::ptr_eq(here, self)))
        };
        HERE.try_with(is_here).unwrap_or(false)
    }

    fn add(&self, woken: Arc<Woken>) {
        let mut waiting = self.lock();
        if waiting.is_over {
            drop(waiting);
            return woken.wake_now();
        }
        let is_first = waiting.woken.is_empty();
        waiting.woken.push(woken);
        drop(waiting);
        if is_first {
            self.porter.wake();
        }
    }

    fn wake_all(&self) {
        let woken = mem::take(&mut self.lock().woken);
        for woken in woken {
            woken.wake_now();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A task that may be woken.
#[derive(Debug)]
struct Woken {
    task: Waker,
    by: Arc<Gathered>,
    /// Waits already: what wakes it again before its turn adds nothing.
    is_waiting: AtomicBool,
}

impl Woken {
    fn wake_now(&self) {
        // Swapped, not stored: whoever found it set has left something that the task must see.
        self.is_waiting.swap(false, Ordering::AcqRel);
        self.task.wake_by_ref();
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if self.by.is_here() {
            self.task.wake_by_ref();
        } else if !self.is_waiting.swap(true, Ordering::AcqRel) {
            self.by.clone().add(self);
        }
    }
}

/// The task that wakes the others.
struct Porter(Arc<Gathered>);

impl Future for Porter {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.porter.register(context.waker());
        self.0.wake_all();
        Poll::Pending
    }
}

impl Drop for Porter {
    fn drop(&mut self) {
        // A thread may have another runtime after this one, and nothing when it ends.
        let _thread_ends = HERE.try_with(|here| here.take());
        self.0.lock().is_over = true;
        self.0.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::thread;

    use tokio::sync::oneshot;
    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    const ASKERS: usize = 1_000;

    /// Goes behind all that is ready. Not tokio's `yield_now`, which goes behind what is not ready yet, too.
    async fn step_aside() {
        let mut has_waited = false;
        poll_fn(|context| {
            if mem::replace(&mut has_waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// How often tasks that never rest are run until all askers have heard of answers that have come from another thread.
    async fn turns_of_others(
        asker: impl AsyncFn(oneshot::Receiver<usize>) -> usize + Copy + 'static,
    ) -> usize {
        let turns = Rc::new(Cell::new(0));
        for _ in 0..4 {
            let turns = turns.clone();
            spawn_local(async move {
                loop {
                    turns.set(turns.get() + 1);
                    step_aside().await;
                }
            });
        }
        let (answers, askers): (Vec<_>, Vec<_>) = (0..ASKERS)
            .map(|_| {
                let (answer, answered) = oneshot::channel();
                (answer, spawn_local(async move { asker(answered).await }))
            })
            .unzip();
        while turns.get() < 100 {
            step_aside().await;
        }
        let before = turns.get();
        // This thread stands still meanwhile, so the turns are those after the answers.
        let answering = || answers.into_iter().enumerate().for_each(|(n, answer)| answer.send(n).unwrap());
        thread::scope(|scope| scope.spawn(answering).join().unwrap());
        let mut sum = 0;
        for asker in askers {
            sum += asker.await.unwrap();
        }
        assert_eq!(sum, ASKERS * (ASKERS - 1) / 2);
        turns.get() - before
    }

    #[tokio::test]
    async fn answers_from_other_threads_are_not_kept_by_tasks_that_never_rest() {
        let with = async {
            gather_here();
            turns_of_others(async |answered| woken_together(answered).await.unwrap()).await
        };
        assert!(LocalSet::new().run_until(with).await < ASKERS);
        // What is mended here: when tokio does so itself, this can go.
        let without = turns_of_others(async |answered| answered.await.unwrap());
        assert!(LocalSet::new().run_until(without).await > 10 * ASKERS);
    }

    #[tokio::test]
    async fn where_nothing_is_gathered_any_more_a_task_is_woken_as_ever() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let mut sum = Box::pin(woken_together(async {
            let mut sum = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            sum
        }));
        let first = async {
            gather_here();
            futures_util::poll!(&mut sum)
        };
        assert!(LocalSet::new().run_until(first).await.is_pending());
        // Each of them is waited for, and wakes.
        thread::spawn(move || (1..=100).for_each(|number| sender.blocking_send(number).unwrap()));
        assert_eq!(sum.await, 5_050);
    }
}

#[cfg(all(test, feature = "models"))]
mod meetings;
