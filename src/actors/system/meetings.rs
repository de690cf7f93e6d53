//! The thread that runs a life, and those that want something of it.

use shuttle::thread;

use super::*;
use crate::sync::meetings::{Sleeper, in_every_order};

fn lifeline() -> Lifeline {
    Lifeline::new(Node::root(), Duration::from_secs(1), None)
}

/// Runs a life as `Incarnation` does: watches first, then looks, and sleeps when there is nothing.
fn run_until(life: &Lifeline, ends: impl Fn(&Lifeline) -> bool) {
    let (sleeper, waker) = Sleeper::new();
    loop {
        life.watch(&waker);
        if ends(life) {
            return life.over();
        }
        sleeper.sleep();
    }
}

#[test]
fn no_verdict_is_slept_through_and_the_first_one_stands() {
    in_every_order(|| {
        let life = lifeline();
        let tellers = ["one", "other"].map(|reason| {
            let life = life.clone();
            thread::spawn(move || {
                life.end(Exit::Failed(reason.to_owned()));
                life.verdict()
            })
        });
        run_until(&life, |life| life.verdict().is_some());
        let verdict = life.verdict().map(|exit| exit.to_string());
        for teller in tellers {
            assert_eq!(teller.join().unwrap().map(|exit| exit.to_string()), verdict);
        }
    });
}

#[test]
fn no_request_to_stop_and_no_fault_is_slept_through() {
    in_every_order(|| {
        let life = lifeline();
        let (stopper, breaker) = (life.clone(), life.clone());
        let stopping = thread::spawn(move || stopper.request_stop());
        let breaking = thread::spawn(move || breaker.inject_fault());
        run_until(&life, |life| life.is_stopping() && life.has_fault());
        stopping.join().unwrap();
        breaking.join().unwrap();
        assert!(!life.inject_fault(), "a life that is over cannot be broken");
    });
}

#[test]
fn a_life_is_alone_when_the_last_that_was_begun_within_it_is_gone_and_not_before() {
    in_every_order(|| {
        let life = lifeline();
        let gone = Arc::new(AtomicUsize::new(0));
        let workers: [_; 2] = std::array::from_fn(|_| {
            let (attached, gone) = (life.attach(), gone.clone());
            thread::spawn(move || {
                gone.fetch_add(1, Ordering::SeqCst);
                drop(attached);
            })
        });
        shuttle::future::block_on(life.alone());
        assert_eq!(gone.load(Ordering::SeqCst), 2);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}
