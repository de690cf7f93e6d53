//! Handlers that take their time, and handlers that never return.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::super::{AskLimits, Child, ChildSpec, Exit, Node, Strategy, Supervisor, inject_hang};
use super::probe::{Act, Before, Beside, Pair, is_lost, life_of};
use super::{last_exit, let_others_run, report_of, soon, spec, until, up_after};

const BRIEFLY: Duration = Duration::from_millis(20);

async fn pair_with_a_brief_deadline() -> Pair {
    Pair::start_with(ChildSpec { handler_within: BRIEFLY, ..spec("hurt") }, AskLimits::default()).await
}

#[actix::test]
async fn an_answer_that_takes_too_long_is_dropped_and_the_actor_lives() {
    let pair = pair_with_a_brief_deadline().await;
    assert!(is_lost(&soon(pair.hurt.ask(Beside::others(pending()))).await));
    assert_eq!(life_of(&pair.hurt).await, 1);
    assert_eq!(report_of(&pair.tree, "/hurt").restarts, 0);
    assert_eq!(pair.hurt.depth(), 0);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn while_an_answer_is_worked_out_others_are_given() {
    let pair = Pair::start().await;
    let (finish, finished) = oneshot::channel::<()>();
    let slow = Beside::others(async {
        let _gone = finished.await;
    });
    let asked = pair.hurt.clone();
    let slow = actix::spawn(async move { asked.ask(slow).await });
    until(|| pair.hurt.depth() == 1).await;
    assert_eq!(life_of(&pair.hurt).await, 1);
    assert!(!slow.is_finished());
    finish.send(()).unwrap();
    assert_eq!(soon(slow).await.unwrap().unwrap(), 1);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn before_an_exclusive_answer_is_given_nothing_else_is_looked_at() {
    let pair = Pair::start().await;
    let (finish, finished) = oneshot::channel::<()>();
    let slow = Before::others(async {
        let _gone = finished.await;
    });
    let (asked, also_asked) = (pair.hurt.clone(), pair.hurt.clone());
    let slow = actix::spawn(async move { asked.ask(slow).await });
    until(|| pair.hurt.depth() == 1).await;
    let looked_at = Arc::new(AtomicBool::new(false));
    let look = looked_at.clone();
    let next = Act::new(move |_, _| look.store(true, Ordering::Relaxed));
    let next = actix::spawn(async move { also_asked.ask(next).await });
    until(|| pair.hurt.depth() == 2).await;
    let_others_run().await;
    assert!(!looked_at.load(Ordering::Relaxed));
    finish.send(()).unwrap();
    assert_eq!(soon(slow).await.unwrap().unwrap(), 1);
    assert_eq!(soon(next).await.unwrap().unwrap(), 1);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn an_exclusive_answer_that_takes_too_long_freezes_the_actor_and_it_is_built_again() {
    let pair = pair_with_a_brief_deadline().await;
    let asked = pair.hurt.clone();
    let frozen = actix::spawn(async move { asked.ask(Before::others(pending())).await });
    until(|| pair.hurt.depth() == 1).await;
    let looked_at = Arc::new(AtomicBool::new(false));
    let look = looked_at.clone();
    let behind = soon(pair.hurt.ask(Act::new(move |_, _| look.store(true, Ordering::Relaxed)))).await;
    assert!(is_lost(&soon(frozen).await.unwrap()));
    assert!(is_lost(&behind));
    assert!(!looked_at.load(Ordering::Relaxed), "a frozen actor sees no other message");
    up_after(&pair.tree, "/hurt", 1).await;
    assert_eq!(last_exit(&pair.tree, "/hurt"), "frozen: a handler ran for more than 20ms");
    assert_eq!(life_of(&pair.hurt).await, 2);
    assert_eq!(life_of(&pair.other).await, 1);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn an_actor_that_is_made_to_hang_is_frozen_and_built_again_and_only_an_actor_can_be() {
    let pair = pair_with_a_brief_deadline().await;
    assert!(inject_hang(&pair.tree, "/hurt"));
    let behind = soon(pair.hurt.ask(Act::new(|_, _| {}))).await;
    assert!(is_lost(&behind), "it takes no message: {behind:?}");
    up_after(&pair.tree, "/hurt", 1).await;
    assert_eq!(last_exit(&pair.tree, "/hurt"), "frozen: a handler ran for more than 20ms");
    assert_eq!((life_of(&pair.hurt).await, life_of(&pair.other).await), (2, 1));
    assert!(!inject_hang(&pair.tree, "/nobody"));
    soon(pair.root.stop()).await;
    assert!(!inject_hang(&pair.tree, "/hurt"), "nobody lives there any more");

    let loop_ = Child::new(spec("loop"), |lifeline| {
        lifeline.ready();
        Box::pin(async move {
            lifeline.stop_requested().await;
            Exit::Stopped
        })
    });
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(loop_).start(tree.clone());
    soon(root.ready()).await.unwrap();
    assert!(!inject_hang(&tree, "/loop"), "it has no handlers");
    soon(root.stop()).await;
}

#[actix::test]
async fn an_actor_with_nothing_to_do_is_never_frozen() {
    let pair = pair_with_a_brief_deadline().await;
    soon(pair.hurt.ask(Before::others(async {}))).await.unwrap();
    soon(pair.other.ask(Beside::others(tokio::time::sleep(BRIEFLY * 3)))).await.unwrap();
    assert_eq!(life_of(&pair.hurt).await, 1);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn an_answer_ends_with_the_life_it_belongs_to_and_before_the_next() {
    struct Dropped(mpsc::UnboundedSender<&'static str>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _gone = self.0.send("the answer is gone");
        }
    }
    let pair = Pair::start().await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let held = Dropped(tell.clone());
    let asked = pair.hurt.clone();
    let slow = Beside::others(async move {
        let _held = held;
        pending().await
    });
    let slow = actix::spawn(async move { asked.ask(slow).await });
    until(|| pair.hurt.depth() == 1).await;

    let died = pair.hurt.ask(Act::new(|probe, _| probe.lifeline.fail("enough")));
    let _answered_or_lost = soon(died).await;
    let tree = pair.tree.clone();
    actix::spawn(async move {
        up_after(&tree, "/hurt", 1).await;
        let _gone = tell.send("the next life begins");
    });
    assert_eq!(soon(told.recv()).await, Some("the answer is gone"));
    assert_eq!(soon(told.recv()).await, Some("the next life begins"));
    assert!(is_lost(&soon(slow).await.unwrap()));
    assert_eq!(last_exit(&pair.tree, "/hurt"), "failed: enough");
    soon(pair.root.stop()).await;
}
