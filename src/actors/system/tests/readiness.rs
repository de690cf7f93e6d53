//! Who starts when, and what becomes of those who never get ready.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::{Child, ChildSpec, Exit, Lifeline, Node, Phase, Strategy, Supervisor, inject_panic};
use super::probe::{life_of, probe};
use super::{last_exit, let_others_run, report_of, soon, spec, up_after};

/// Never ready in its first life, and at once in the others. `started` is sent each life's line.
fn late(spec: ChildSpec, started: tokio::sync::mpsc::UnboundedSender<Lifeline>) -> Child {
    let lives = Arc::new(AtomicU64::new(0));
    Child::new(spec, move |lifeline| {
        if lives.fetch_add(1, Ordering::Relaxed) > 0 {
            lifeline.ready();
        }
        let _gone = started.send(lifeline.clone());
        Box::pin(async move {
            lifeline.stop_requested().await;
            Exit::Stopped
        })
    })
}

#[actix::test]
async fn a_child_that_is_not_ready_in_time_is_frozen_and_built_again() {
    let (started, mut lives) = tokio::sync::mpsc::unbounded_channel();
    let within = Duration::from_millis(20);
    let tree = Node::root();
    let (next, handle) = probe(spec("next"), Default::default());
    let mut root = Supervisor::new(Strategy::OneForOne)
        .with(late(ChildSpec { ready_within: within, ..spec("late") }, started))
        .with(next)
        .start(tree.clone());
    let first = soon(lives.recv()).await.unwrap();
    assert_eq!(report_of(&tree, "/next").phase, Phase::Waiting);
    soon(first.ended()).await;
    soon(root.ready()).await.unwrap();
    assert_eq!(last_exit(&tree, "/late"), "frozen: not ready within 20ms");
    assert_eq!(report_of(&tree, "/late").restarts, 1);
    assert_eq!(life_of(&handle).await, 1);

    first.ready();
    first.impaired("by a life that is over");
    assert_eq!(report_of(&tree, "/late").impaired, None);
    soon(root.stop()).await;
}

#[actix::test]
async fn a_life_that_is_over_cannot_say_that_the_next_one_is_ready() {
    let (tell, mut lives) = tokio::sync::mpsc::unbounded_channel::<Lifeline>();
    let child = Child::new(spec("child"), move |lifeline| {
        tell.send(lifeline).unwrap();
        Box::pin(pending())
    });
    let stop_within = Duration::from_millis(20);
    let subtree =
        Supervisor::new(Strategy::OneForOne).with(child).child(ChildSpec { stop_within, ..spec("tree") });
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(subtree).start(tree.clone());
    let first = soon(lives.recv()).await.unwrap();
    assert!(inject_panic(&tree, "/tree/child"));
    let second = soon(lives.recv()).await.unwrap();
    first.ready();
    let_others_run().await;
    assert_eq!(report_of(&tree, "/tree/child").phase, Phase::Starting);
    second.ready();
    soon(root.ready()).await.unwrap();
    soon(root.stop()).await;
}

#[actix::test]
async fn a_subtree_that_is_not_ready_in_time_is_dropped_and_built_again_whole() {
    let tree = Node::root();
    let lives = Arc::new(AtomicU64::new(0));
    let subtree = Supervisor::new(Strategy::OneForOne).with(Child::new(spec("mute"), move |lifeline| {
        // The subtree is rebuilt whole, so its second life is the child's second life.
        if lives.fetch_add(1, Ordering::Relaxed) > 0 {
            lifeline.ready();
        }
        Box::pin(pending())
    }));
    let subtree = subtree.child(ChildSpec {
        ready_within: Duration::from_millis(20),
        stop_within: Duration::from_millis(20),
        ..spec("subtree")
    });
    let mut root = Supervisor::new(Strategy::OneForOne).with(subtree).start(tree.clone());
    soon(root.ready()).await.unwrap();
    assert_eq!(last_exit(&tree, "/subtree"), "frozen: not ready within 20ms");
    assert_eq!(report_of(&tree, "/subtree/mute").restarts, 1);
    soon(root.stop()).await;
}

#[actix::test]
async fn a_child_killed_while_it_starts_is_built_again_and_the_next_one_waits_for_that() {
    let (started, mut lives) = tokio::sync::mpsc::unbounded_channel();
    let tree = Node::root();
    let (next, handle) = probe(spec("next"), Default::default());
    let mut root = Supervisor::new(Strategy::RestForOne)
        .with(late(spec("late"), started))
        .with(next)
        .start(tree.clone());
    soon(lives.recv()).await.unwrap();
    assert!(inject_panic(&tree, "/late"));
    soon(lives.recv()).await.unwrap();
    soon(root.ready()).await.unwrap();
    up_after(&tree, "/late", 1).await;
    assert_eq!(report_of(&tree, "/next").restarts, 0);
    assert_eq!(life_of(&handle).await, 1);
    soon(root.stop()).await;
}

#[actix::test]
async fn a_tree_that_is_stopped_while_it_starts_begins_nobody_else() {
    let (started, mut lives) = tokio::sync::mpsc::unbounded_channel();
    let tree = Node::root();
    let (next, _handle) = probe(spec("next"), Default::default());
    let root =
        Supervisor::new(Strategy::OneForOne).with(late(spec("late"), started)).with(next).start(tree.clone());
    soon(lives.recv()).await.unwrap();
    assert_eq!(soon(root.stop()).await, Exit::Stopped);
    assert_eq!(report_of(&tree, "/next").last_exit, None);
}

#[actix::test]
async fn a_tree_without_children_is_ready() {
    let mut root = Supervisor::new(Strategy::OneForOne).start(Node::root());
    soon(root.ready()).await.unwrap();
    soon(root.ready()).await.unwrap();
    assert_eq!(soon(root.stop()).await, Exit::Stopped);
}
