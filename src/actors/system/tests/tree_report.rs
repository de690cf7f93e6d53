//! The tree as an observer sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::super::{Child, Exit, Lifeline, Node, NodeReport, Phase, Strategy, Supervisor, inject_panic};
use super::probe::{Act, Beside, Pair};
use super::{report_of, soon, spec, until, up_after};

/// Hands out the line of each life, and ends only when it is told to.
fn open(name: &'static str, lines: mpsc::UnboundedSender<Lifeline>) -> Child {
    Child::new(spec(name), move |lifeline| {
        let _gone = lines.send(lifeline.clone());
        Box::pin(async move {
            lifeline.stop_requested().await;
            Exit::Stopped
        })
    })
}

#[actix::test]
async fn every_phase_of_a_child_is_seen() {
    let (lines, mut line) = mpsc::unbounded_channel();
    let tree = Node::root();
    let supervisor =
        Supervisor::new(Strategy::OneForOne).with(open("first", lines.clone())).with(open("last", lines));
    let mut root = supervisor.start(tree.clone());
    let phases = |tree: &Arc<Node>| ["/first", "/last"].map(|path| report_of(tree, path).phase);
    let first = soon(line.recv()).await.unwrap();
    assert_eq!(phases(&tree), [Phase::Starting, Phase::Waiting]);
    first.ready();
    let last = soon(line.recv()).await.unwrap();
    assert_eq!(phases(&tree), [Phase::Up, Phase::Starting]);
    last.ready();
    soon(root.ready()).await.unwrap();
    assert_eq!(phases(&tree), [Phase::Up, Phase::Up]);
    assert!(tree.report().iter().all(NodeReport::is_well));

    first.fail("for once");
    let backs_off = |reports: &[NodeReport]| reports[0].phase == Phase::BackingOff;
    soon(tree.wait_until(backs_off)).await;
    let report = report_of(&tree, "/first");
    assert_eq!(report.last_exit.unwrap().0, "failed: for once");
    assert_eq!(report.restarts, 0, "the next life has not begun");
    soon(line.recv()).await.unwrap().ready();
    up_after(&tree, "/first", 1).await;

    assert_eq!(soon(root.stop()).await, Exit::Stopped);
    assert_eq!(phases(&tree), [Phase::Ended, Phase::Ended]);
    assert!(!tree.report().iter().any(NodeReport::is_well));
}

#[actix::test]
async fn an_impairment_is_shown_until_it_is_taken_back_or_the_life_is_over() {
    let (lines, mut line) = mpsc::unbounded_channel();
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(open("child", lines)).start(tree.clone());
    let first = soon(line.recv()).await.unwrap();
    first.impaired("while it starts");
    first.ready();
    soon(root.ready()).await.unwrap();
    assert_eq!(report_of(&tree, "/child").impaired.as_deref(), Some("while it starts"));
    assert!(!report_of(&tree, "/child").is_well());

    let observer = tree.clone();
    let recovers = actix::spawn(async move { observer.wait_until(|reports| reports[0].is_well()).await });
    super::let_others_run().await;
    first.recovered();
    soon(recovers).await.unwrap();

    let observer = tree.clone();
    let sees = |reports: &[NodeReport]| reports[0].impaired.as_deref() == Some("again");
    let impairs = actix::spawn(async move { observer.wait_until(sees).await });
    super::let_others_run().await;
    first.impaired("again");
    soon(impairs).await.unwrap();

    assert!(inject_panic(&tree, "/child"));
    let second = soon(line.recv()).await.unwrap();
    second.ready();
    up_after(&tree, "/child", 1).await;
    assert!(report_of(&tree, "/child").is_well());
    first.impaired("by a life that is over");
    assert!(report_of(&tree, "/child").is_well());
    second.impaired("by the one that is not");
    assert!(!report_of(&tree, "/child").is_well());
    soon(root.stop()).await;
}

#[actix::test]
async fn depth_is_what_is_asked_and_not_answered() {
    let pair = Pair::start().await;
    let (open, opened) = oneshot::channel::<()>();
    let asked = pair.hurt.clone();
    let slow = actix::spawn(async move {
        let work = Beside::others(async {
            let _never = opened.await;
        });
        asked.ask(work).await
    });
    until(|| pair.hurt.depth() == 1).await;
    assert_eq!(report_of(&pair.tree, "/hurt").depth, 1);
    assert_eq!(report_of(&pair.tree, "/other").depth, 0);
    open.send(()).unwrap();
    soon(slow).await.unwrap().unwrap();
    assert_eq!(report_of(&pair.tree, "/hurt").depth, 0);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn restarts_count_every_life_after_the_first_and_paths_stay() {
    let pair = Pair::start().await;
    let node = |tree: &Arc<Node>| tree.find("/hurt").unwrap();
    let before = node(&pair.tree);
    for restarts in 1..=3 {
        soon(pair.hurt.ask(Act::new(|probe, _| probe.lifeline.fail("again")))).await.ok();
        up_after(&pair.tree, "/hurt", restarts).await;
    }
    assert!(Arc::ptr_eq(&before, &node(&pair.tree)));
    let paths: Vec<String> = pair.tree.report().into_iter().map(|report| report.path).collect();
    assert_eq!(paths, ["/hurt", "/other"]);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn those_who_wait_on_the_tree_wake_on_other_threads_too() {
    let pair = Pair::start().await;
    let woken = Arc::new(AtomicUsize::new(0));
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let (tree, woken, thread) = (pair.tree.clone(), woken.clone(), actix::Arbiter::new());
            thread.spawn(async move {
                up_after(&tree, "/hurt", 1).await;
                woken.fetch_add(1, Ordering::SeqCst);
            });
            thread
        })
        .collect();
    assert!(inject_panic(&pair.tree, "/hurt"));
    until(|| woken.load(Ordering::SeqCst) == 4).await;
    for thread in waiters {
        thread.stop();
    }
    soon(pair.root.stop()).await;
}

#[test]
fn a_report_is_written_as_the_console_and_readyz_show_it() {
    let tree = Node::root();
    tree.child("broker").child("publisher").enter(Phase::BackingOff);
    let written = serde_json::to_value(tree.report()).unwrap();
    let expected = serde_json::json!([
        { "path": "/broker", "phase": "waiting", "depth": 0, "restarts": 0 },
        { "path": "/broker/publisher", "phase": "backing_off", "depth": 0, "restarts": 0 },
    ]);
    assert_eq!(written, expected);
}
