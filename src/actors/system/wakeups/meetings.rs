//! A thread whose task is woken, its porter, and those that wake it from other threads.

use shuttle::sync::atomic::AtomicUsize;
use shuttle::thread;

use super::*;
use crate::sync::meetings::{Sleeper, in_every_order};

#[test]
fn no_wake_up_is_slept_through_and_what_was_left_before_it_is_seen() {
    in_every_order(|| {
        let gathered = Arc::new(Gathered::default());
        let (task, waker) = Sleeper::new();
        let (porter, rung) = Sleeper::new();
        let shared = gathered.clone().waker_for(waker);
        let (left, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let others: [_; 2] = std::array::from_fn(|_| {
            let (shared, left) = (shared.clone(), left.clone());
            thread::spawn(move || {
                left.fetch_add(1, Ordering::AcqRel);
                shared.wake_by_ref();
            })
        });
        let carrying = thread::spawn({
            let (gathered, rung, is_over) = (gathered.clone(), rung.clone(), is_over.clone());
            move || {
                while !is_over.load(Ordering::Acquire) {
                    gathered.porter.register(&rung);
                    gathered.wake_all();
                    porter.sleep();
                }
            }
        });
        while left.load(Ordering::Acquire) < others.len() {
            task.sleep();
        }
        others.into_iter().for_each(|other| other.join().unwrap());
        is_over.store(true, Ordering::Release);
        rung.wake();
        carrying.join().unwrap();
    });
}
