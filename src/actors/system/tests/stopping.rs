//! How a tree comes to its end, and that nothing of it is left.

use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::ThreadId;
use std::time::Duration;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{ActorContext, AsyncContext, Context, Running};
use tokio::sync::{mpsc, oneshot};

use super::super::{
    Child, ChildSpec, Exit, Lifeline, Node, Phase, Restart, Strategy, Supervisor, inject_panic,
};
use super::probe::{Act, Beside, Pair, Probe, life_of, probe};
use super::{last_exit, report_of, soon, spec, until, up_after};

/// Never stops of its own accord; counts how many of it are alive.
fn deaf(spec: ChildSpec, alive: &Arc<AtomicU64>) -> Child {
    let alive = alive.clone();
    Child::new(spec, move |lifeline| {
        let one = Counted::new(&alive);
        lifeline.ready();
        Box::pin(async move {
            let _one = one;
            pending().await
        })
    })
}

struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(alive: &Arc<AtomicU64>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[actix::test]
async fn a_child_that_does_not_stop_in_time_is_dropped_and_the_others_stop_still() {
    for within in [Duration::ZERO, Duration::from_millis(20)] {
        let alive = Arc::new(AtomicU64::new(0));
        let tree = Node::root();
        let (first, _) = probe(spec("first"), Default::default());
        let (last, _) = probe(spec("last"), Default::default());
        let mut root = Supervisor::new(Strategy::OneForOne)
            .with(first)
            .with(deaf(ChildSpec { stop_within: within, ..spec("deaf") }, &alive))
            .with(last)
            .start(tree.clone());
        soon(root.ready()).await.unwrap();
        assert_eq!(soon(root.stop()).await, Exit::Stopped);
        assert_eq!(alive.load(Ordering::SeqCst), 0);
        assert_eq!(last_exit(&tree, "/deaf"), format!("frozen: not stopped within {within:?}"));
        for path in ["/first", "/last"] {
            assert_eq!(
                (report_of(&tree, path).phase, last_exit(&tree, path).as_str()),
                (Phase::Ended, "stopped")
            );
        }
    }
}

#[actix::test]
async fn a_subtree_that_is_dropped_takes_all_of_itself_along_before_it_counts_as_gone() {
    for on_own_thread in [false, true] {
        let alive = Arc::new(AtomicU64::new(0));
        let deaf = |name| deaf(spec(name), &alive);
        let inner = Supervisor::new(Strategy::OneForOne).with(deaf("b")).with(deaf("c")).child(spec("inner"));
        let outer = Supervisor::new(Strategy::OneForOne).with(deaf("a")).with(inner);
        let spec = ChildSpec { stop_within: Duration::from_millis(20), ..spec("outer") };
        let outer = if on_own_thread { outer.child_on_own_thread(spec) } else { outer.child(spec) };
        let tree = Node::root();
        let mut root = Supervisor::new(Strategy::OneForOne).with(outer).start(tree.clone());
        soon(root.ready()).await.unwrap();
        assert_eq!(alive.load(Ordering::SeqCst), 3);

        assert!(inject_panic(&tree, "/outer"));
        up_after(&tree, "/outer", 1).await;
        assert_eq!(alive.load(Ordering::SeqCst), 3, "none of the old ones is left");
        assert_eq!(soon(root.stop()).await, Exit::Stopped);
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}

#[actix::test]
async fn a_tree_whose_root_is_dropped_ends() {
    let alive = Arc::new(AtomicU64::new(0));
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(deaf(spec("deaf"), &alive)).start(tree.clone());
    soon(root.ready()).await.unwrap();
    drop(root);
    soon(tree.wait_until(|_| alive.load(Ordering::SeqCst) == 0)).await;
}

#[actix::test]
async fn an_actor_may_finish_what_it_has_begun_before_it_stops() {
    let pair = Pair::start().await;
    let (finish, finished) = oneshot::channel::<()>();
    let (tell, mut told) = mpsc::unbounded_channel();
    let prepare = Act::new(move |probe, _| {
        let mut finished = Some(finished);
        probe.on_stopping = Box::new(move |context| {
            let Some(finished) = finished.take() else { return Running::Stop };
            let _gone = tell.send(());
            let finish = wrap_future::<_, Probe>(finished);
            context.spawn(finish.map(|_, _, context: &mut Context<Probe>| context.stop()));
            Running::Continue
        });
    });
    soon(pair.hurt.ask(prepare)).await.unwrap();
    let (tree, other) = (pair.tree.clone(), pair.other.clone());
    let stop = actix::spawn(pair.root.stop());
    soon(told.recv()).await.unwrap();
    assert_eq!(report_of(&tree, "/hurt").phase, Phase::Stopping);
    assert!(other.tell(Act::new(|_, _| {})).is_err(), "the one after it has stopped before it");
    assert_eq!(life_of(&pair.hurt).await, 1, "it still answers");
    finish.send(()).unwrap();
    assert_eq!(soon(stop).await.unwrap(), Exit::Stopped);
    assert_eq!(last_exit(&tree, "/hurt"), "stopped");
}

#[actix::test]
async fn a_death_during_the_stop_of_others_is_neither_lost_nor_waited_for() {
    let (lines, mut line) = mpsc::unbounded_channel::<Lifeline>();
    let (first, _) = probe(spec("first"), Default::default());
    let (second, _) = probe(spec("second"), Default::default());
    // Tells the test that it is to stop, and stops when the test lets go of it.
    let slow = Child::new(spec("slow"), move |lifeline| {
        let lines = lines.clone();
        Box::pin(async move {
            lifeline.ready();
            lifeline.stop_requested().await;
            let _gone = lines.send(lifeline.clone());
            pending().await
        })
    });
    let tree = Node::root();
    let mut root =
        Supervisor::new(Strategy::RestForOne).with(first).with(second).with(slow).start(tree.clone());
    soon(root.ready()).await.unwrap();

    assert!(inject_panic(&tree, "/second"));
    let slow = soon(line.recv()).await.unwrap();
    assert!(inject_panic(&tree, "/first"));
    slow.fail("let go");
    up_after(&tree, "/slow", 1).await;
    assert_eq!([report_of(&tree, "/first").restarts, report_of(&tree, "/second").restarts], [1, 1]);

    assert!(inject_panic(&tree, "/second"));
    let slow = soon(line.recv()).await.unwrap();
    assert!(inject_panic(&tree, "/first"));
    let stop = actix::spawn(root.stop());
    slow.fail("let go");
    assert_eq!(soon(stop).await.unwrap(), Exit::Stopped);
    assert_eq!(last_exit(&tree, "/first"), "panicked: told to by fault injection");
}

#[actix::test]
async fn a_temporary_child_that_went_with_the_rest_does_not_come_back() {
    let (first, _) = probe(spec("first"), Default::default());
    let (brief, _) = probe(ChildSpec { restart: Restart::Temporary, ..spec("brief") }, Default::default());
    let (last, _) = probe(ChildSpec { restart: Restart::Transient, ..spec("last") }, Default::default());
    let tree = Node::root();
    let mut root =
        Supervisor::new(Strategy::RestForOne).with(first).with(brief).with(last).start(tree.clone());
    soon(root.ready()).await.unwrap();
    assert!(inject_panic(&tree, "/first"));
    up_after(&tree, "/last", 1).await;
    assert_eq!(report_of(&tree, "/brief").phase, Phase::Ended);
    assert_eq!(report_of(&tree, "/brief").restarts, 0);
    soon(root.stop()).await;
}

/// Sends its thread's id and a token that dies with that thread.
fn on_thread(tell: mpsc::UnboundedSender<(ThreadId, Weak<()>)>) -> Child {
    thread_local! {
        static TOKEN: Arc<()> = Arc::new(());
    }
    Child::new(spec("child"), move |lifeline| {
        let token = TOKEN.with(Arc::downgrade);
        let _gone = tell.send((std::thread::current().id(), token));
        Box::pin(async move {
            lifeline.ready();
            lifeline.stop_requested().await;
            Exit::Stopped
        })
    })
}

#[actix::test]
async fn a_subtree_on_its_own_thread_gets_a_new_one_with_each_life_and_the_old_one_ends() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let subtree = Supervisor::new(Strategy::OneForOne).with(on_thread(tell)).child_on_own_thread(spec("own"));
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(subtree).start(tree.clone());
    soon(root.ready()).await.unwrap();
    let (first, first_token) = soon(told.recv()).await.unwrap();
    assert!(inject_panic(&tree, "/own"));
    let (second, second_token) = soon(told.recv()).await.unwrap();
    assert_ne!(first, second);
    assert_ne!(first, std::thread::current().id());
    assert_eq!(first_token.strong_count(), 0, "the first thread is over before the second one begins");
    assert_eq!(soon(root.stop()).await, Exit::Stopped);
    assert_eq!(second_token.strong_count(), 0);
}

#[actix::test]
async fn after_the_root_has_stopped_nothing_of_the_tree_is_left() {
    let (lines, mut line) = mpsc::unbounded_channel();
    let pair = Pair::start().await;
    soon(pair.hurt.ask(Act::new(move |probe, _| {
        let _gone = lines.send(probe.lifeline.clone());
    })))
    .await
    .unwrap();
    let line = soon(line.recv()).await.unwrap();
    let asked = pair.hurt.clone();
    let waiting = actix::spawn(async move { asked.ask(Beside::others(pending())).await });
    until(|| pair.hurt.depth() == 1).await;

    let (tree, hurt) = (Arc::downgrade(&pair.tree), pair.hurt.clone());
    drop((pair.tree, pair.other, pair.hurt));
    assert_eq!(soon(pair.root.stop()).await, Exit::Stopped);
    soon(line.ended()).await;
    assert!(soon(waiting).await.unwrap().is_err());
    assert_eq!(hurt.depth(), 0);
    let node = Arc::downgrade(line.node());
    drop((line, hurt));
    until(|| tree.strong_count() + node.strong_count() == 0).await;
}
