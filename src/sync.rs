//! Locks and atomics for what several threads share: those of the standard library, and in the models of `make models` those of
//! `shuttle`, which runs a test in thousands of orders of its threads' steps.
//!
//! Whoever takes them from here has a `mod meetings` that says what must hold in every order. Shuttle takes every atomic as
//! sequentially consistent: it finds steps in a wrong order, and not a memory ordering that is too weak.

#[cfg(not(feature = "models"))]
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, atomic};

#[cfg(feature = "models")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic};

/// What the models of several modules need.
#[cfg(all(test, feature = "models"))]
pub(crate) mod meetings {
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    use shuttle::sync::{Condvar, Mutex};

    /// Orders of steps that each model is run in, of each of two kinds.
    const ORDERS: usize = 1_000;

    /// Runs `meeting` in many orders, some of them chosen to switch threads at unlikely moments.
    pub(crate) fn in_every_order(meeting: impl Fn() + Send + Sync + 'static) {
        let meeting = Arc::new(meeting);
        let again = meeting.clone();
        shuttle::check_random(move || meeting(), ORDERS);
        shuttle::check_pct(move || again(), ORDERS, 3);
    }

    /// A task that sleeps until it is woken.
    #[derive(Default)]
    pub(crate) struct Sleeper {
        is_woken: Mutex<bool>,
        woken: Condvar,
    }

    impl Sleeper {
        pub(crate) fn new() -> (Arc<Self>, Waker) {
            let sleeper = Arc::new(Self::default());
            (sleeper.clone(), Waker::from(sleeper))
        }

        /// Sleeps until it was woken since the last time. When nobody does, the model is at a standstill, which shuttle finds.
        pub(crate) fn sleep(&self) {
            let mut is_woken = self.is_woken.lock().unwrap();
            while !*is_woken {
                is_woken = self.woken.wait(is_woken).unwrap();
            }
            *is_woken = false;
        }
    }

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            *self.is_woken.lock().unwrap() = true;
            self.woken.notify_one();
        }
    }
}
