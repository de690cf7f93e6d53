//! How often a child may die, and what follows when it dies once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::{
    Child, ChildSpec, Exit, Intensity, Node, Restart, Root, Strategy, Supervisor, inject_panic,
};
use super::probe::{life_of, probe};
use super::{last_exit, report_of, soon, spec, up_after};

/// Allows `restarts_max` restarts, ever.
fn spec_of(name: &'static str, restarts_max: usize) -> ChildSpec {
    ChildSpec { intensity: Intensity { restarts_max, window: Duration::MAX }, ..spec(name) }
}

/// Counts its lives, is ready at once, and ends only when it is told to.
fn counting(spec: ChildSpec, lives: &Arc<AtomicU64>) -> Child {
    let lives = lives.clone();
    Child::new(spec, move |lifeline| {
        lives.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            lifeline.ready();
            lifeline.stop_requested().await;
            Exit::Stopped
        })
    })
}

/// `/outer/inner/fragile`, where the fragile child may be rebuilt twice and its supervisor once, beside `/outer/steady`.
async fn start(inner: impl Fn(Supervisor, ChildSpec) -> Child) -> (Arc<Node>, Root, [Arc<AtomicU64>; 3]) {
    let [fragile, sibling, steady] = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
    let subtree = Supervisor::new(Strategy::OneForOne)
        .with(counting(spec_of("fragile", 2), &fragile))
        .with(counting(spec_of("sibling", 0), &sibling));
    let outer = Supervisor::new(Strategy::OneForOne)
        .with(counting(spec_of("steady", 0), &steady))
        .with(inner(subtree, spec_of("inner", 1)));
    let tree = Node::root();
    let mut root =
        Supervisor::new(Strategy::OneForOne).with(outer.child(spec_of("outer", 0))).start(tree.clone());
    soon(root.ready()).await.unwrap();
    (tree, root, [fragile, sibling, steady])
}

async fn past_its_intensity_failure_climbs_to_the_root(inner: impl Fn(Supervisor, ChildSpec) -> Child) {
    let (tree, mut root, lives) = start(inner).await;
    let lives = || lives.each_ref().map(|lives| lives.load(Ordering::Relaxed));
    for restarts in 1..=2 {
        assert!(inject_panic(&tree, "/outer/inner/fragile"));
        up_after(&tree, "/outer/inner/fragile", restarts).await;
    }
    assert_eq!(lives(), [3, 1, 1]);

    assert!(inject_panic(&tree, "/outer/inner/fragile"));
    up_after(&tree, "/outer/inner", 1).await;
    assert_eq!(lives(), [4, 2, 1], "the whole subtree was rebuilt, and nothing beside it");
    assert_eq!(report_of(&tree, "/outer/inner/sibling").restarts, 1);
    let why = "/outer/inner/fragile died too often; the last time it panicked: told to by fault injection";
    assert_eq!(last_exit(&tree, "/outer/inner"), format!("failed: {why}"));

    for restarts in 4..=5 {
        assert!(inject_panic(&tree, "/outer/inner/fragile"));
        up_after(&tree, "/outer/inner/fragile", restarts).await;
    }
    assert!(inject_panic(&tree, "/outer/inner/fragile"));
    let Exit::Failed(why) = soon(root.ended()).await else { panic!("the root has to fail") };
    assert!(
        why.starts_with("/outer died too often; the last time it failed: /outer/inner died too often"),
        "{why}"
    );
    assert_eq!(lives(), [6, 2, 1]);
    assert_eq!(soon(root.ended()).await, Exit::Failed(why), "it can be asked again");
}

#[actix::test]
async fn past_its_intensity_a_childs_failure_climbs_to_the_root() {
    past_its_intensity_failure_climbs_to_the_root(Supervisor::child).await;
}

#[actix::test]
async fn past_its_intensity_a_childs_failure_climbs_from_a_thread_of_its_own() {
    past_its_intensity_failure_climbs_to_the_root(Supervisor::child_on_own_thread).await;
}

#[actix::test]
async fn a_tree_that_fails_before_it_is_ready_says_why() {
    let child = Child::new(spec_of("stillborn", 0), |lifeline| {
        lifeline.fail("no luck");
        Box::pin(std::future::pending())
    });
    let mut root = Supervisor::new(Strategy::OneForOne).with(child).start(Node::root());
    let expected = Exit::Failed("/stillborn died too often; the last time it failed: no luck".to_owned());
    assert_eq!(soon(root.ready()).await, Err(expected.clone()));
    assert_eq!(soon(root.ready()).await, Err(expected.clone()), "it can be asked again");
    assert_eq!(soon(root.ended()).await, expected);
    assert_eq!(soon(root.stop()).await, expected);
}

#[actix::test]
async fn a_child_with_a_budget_of_none_escalates_at_its_first_death() {
    let (child, _handle) = probe(spec_of("probe", 0), Default::default());
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(child).start(tree.clone());
    soon(root.ready()).await.unwrap();
    assert!(inject_panic(&tree, "/probe"));
    assert!(matches!(soon(root.ended()).await, Exit::Failed(_)));
}

#[actix::test]
async fn a_transient_child_that_finishes_and_a_temporary_one_that_dies_hold_up_nobody() {
    let finishes = Child::new(ChildSpec { restart: Restart::Transient, ..spec_of("finishes", 0) }, |_| {
        Box::pin(async { Exit::Normal })
    });
    let dies = Child::new(ChildSpec { restart: Restart::Temporary, ..spec_of("dies", 0) }, |lifeline| {
        lifeline.fail("as it likes");
        Box::pin(std::future::pending())
    });
    let (last, handle) = probe(spec("last"), Default::default());
    let tree = Node::root();
    let mut root =
        Supervisor::new(Strategy::RestForOne).with(finishes).with(dies).with(last).start(tree.clone());
    soon(root.ready()).await.unwrap();
    assert_eq!(last_exit(&tree, "/finishes"), "finished");
    assert_eq!(last_exit(&tree, "/dies"), "failed: as it likes");
    assert_eq!(life_of(&handle).await, 1);
    assert_eq!(soon(root.stop()).await, Exit::Stopped);
}

#[actix::test]
async fn one_for_one_rebuilds_a_child_while_an_earlier_one_is_still_away() {
    let lives = Arc::new(AtomicU64::new(0));
    // Ready in its first life only; afterwards it takes for ever.
    let counted = lives.clone();
    let stuck = Child::new(spec("stuck"), move |lifeline| {
        let life = counted.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move {
            if life == 1 {
                lifeline.ready();
            }
            lifeline.stop_requested().await;
            Exit::Stopped
        })
    });
    let (later, handle) = probe(spec("later"), Default::default());
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(stuck).with(later).start(tree.clone());
    soon(root.ready()).await.unwrap();

    assert!(inject_panic(&tree, "/stuck"));
    soon(tree.wait_until(|_| lives.load(Ordering::Relaxed) == 2)).await;
    assert!(inject_panic(&tree, "/later"));
    up_after(&tree, "/later", 1).await;
    assert_eq!(life_of(&handle).await, 2);
    soon(root.stop()).await;
}
