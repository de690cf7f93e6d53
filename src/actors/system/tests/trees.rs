//! Random trees and random deaths, against a model of what a supervisor promises.
//!
//! The leaves log when they begin and when they are gone; the model says what the log must be.

use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use tokio::sync::{mpsc, watch};

use super::super::{
    Child, ChildSpec, Exit, Lifeline, Node, Phase, Restart, Root, Strategy, Supervisor, inject_panic,
};
use super::model::{Expected, Model};
use super::{report_of, soon, spec, up_after};

/// A tree to be.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Leaf(Restart),
    Branch { strategy: Strategy, own_thread: bool, children: Vec<Shape> },
}

/// Something that happens to a tree; the number picks a leaf or a branch, modulo how many there are.
#[derive(Debug, Clone)]
enum Blow {
    ToLeaf(usize, Death),
    ToBranch(usize),
}

#[derive(Debug, Clone, Copy)]
enum Death {
    Finishes,
    Fails,
    Panics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Begun(usize),
    Gone(usize),
}

fn strategies() -> impl Generator<Value = Strategy> {
    prop_oneof![Just(Strategy::OneForOne), Just(Strategy::RestForOne)]
}

fn shapes() -> impl Generator<Value = Shape> {
    let leaf = prop_oneof![
        4 => Just(Restart::Permanent),
        2 => Just(Restart::Transient),
        1 => Just(Restart::Temporary),
    ];
    leaf.prop_map(Shape::Leaf).prop_recursive(3, 10, 4, |inner| {
        (strategies(), proptest::bool::weighted(0.2), vec(inner, 0..4))
            .prop_map(|(strategy, own_thread, children)| Shape::Branch { strategy, own_thread, children })
    })
}

fn trees() -> impl Generator<Value = Shape> {
    (strategies(), vec(shapes(), 1..5)).prop_map(|(strategy, children)| Shape::Branch {
        strategy,
        own_thread: false,
        children,
    })
}

fn blows() -> impl Generator<Value = Blow> {
    let death = prop_oneof![Just(Death::Finishes), Just(Death::Fails), Just(Death::Panics)];
    prop_oneof![
        4 => (any::<usize>(), death).prop_map(|(leaf, death)| Blow::ToLeaf(leaf, death)),
        1 => any::<usize>().prop_map(Blow::ToBranch),
    ]
}

/// What the leaves share with the test.
struct Scene {
    log: watch::Sender<Vec<Event>>,
    /// How to end the present life of each leaf.
    leaves: Mutex<Vec<Option<mpsc::UnboundedSender<Death>>>>,
}

impl Scene {
    fn child(self: &Arc<Self>, shape: &Shape, name: usize, next_leaf: &mut usize) -> Child {
        let spec = spec(name.to_string());
        match shape {
            Shape::Leaf(restart) => {
                let id = *next_leaf;
                *next_leaf += 1;
                let scene = self.clone();
                self.leaves.lock().unwrap().push(None);
                Child::new(ChildSpec { restart: *restart, ..spec }, move |lifeline| {
                    Box::pin(scene.clone().leaf(id, lifeline))
                })
            }
            Shape::Branch { own_thread, .. } => {
                let supervisor = self.supervisor(shape, next_leaf);
                if *own_thread { supervisor.child_on_own_thread(spec) } else { supervisor.child(spec) }
            }
        }
    }

    fn supervisor(self: &Arc<Self>, shape: &Shape, next_leaf: &mut usize) -> Supervisor {
        let Shape::Branch { strategy, children, .. } = shape else { panic!("a leaf supervises nobody") };
        let children = children.iter().enumerate();
        children.fold(Supervisor::new(*strategy), |supervisor, (name, child)| {
            supervisor.with(self.child(child, name, next_leaf))
        })
    }

    async fn leaf(self: Arc<Self>, id: usize, lifeline: Lifeline) -> Exit {
        let (kill, mut deaths) = mpsc::unbounded_channel();
        self.leaves.lock().unwrap()[id] = Some(kill);
        let _alive = Alive::new(self.clone(), id);
        lifeline.ready();
        let death = tokio::select! {
            biased;
            () = lifeline.stop_requested() => return Exit::Stopped,
            Some(death) = deaths.recv() => death,
        };
        match death {
            Death::Finishes => Exit::Normal,
            Death::Fails => {
                lifeline.fail("told to");
                std::future::pending().await
            }
            // Not `panic!`: a thousand backtraces help nobody.
            Death::Panics => std::panic::resume_unwind(Box::new("told to")),
        }
    }

    fn kill(&self, leaf: usize, death: Death) {
        if let Some(kill) = &self.leaves.lock().unwrap()[leaf] {
            let _dead_already = kill.send(death);
        }
    }
}

struct Alive(Arc<Scene>, usize);

impl Alive {
    fn new(scene: Arc<Scene>, id: usize) -> Self {
        scene.log.send_modify(|log| log.push(Event::Begun(id)));
        Self(scene, id)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.log.send_modify(|log| log.push(Event::Gone(self.1)));
    }
}

/// A tree that runs, and what it logs.
struct Stage {
    scene: Arc<Scene>,
    tree: Arc<Node>,
    root: Root,
}

impl Stage {
    fn start(shape: &Shape) -> Self {
        let scene = Arc::new(Scene { log: watch::Sender::new(Vec::new()), leaves: Mutex::default() });
        let tree = Node::root();
        let root = scene.supervisor(shape, &mut 0).start(tree.clone());
        Self { scene, tree, root }
    }

    async fn log_of(&self, events: usize) -> Vec<Event> {
        let mut log = self.scene.log.subscribe();
        soon(log.wait_for(|log| log.len() >= events)).await.unwrap().clone()
    }

    async fn settled(&self) {
        let has_settled = |phase: Phase| matches!(phase, Phase::Up | Phase::Ended);
        soon(self.tree.wait_until(|reports| reports.iter().all(|report| has_settled(report.phase)))).await;
    }
}

async fn blows_one_after_the_other(shape: Shape, blows: Vec<Blow>) -> Result<(), TestCaseError> {
    let mut stage = Stage::start(&shape);
    soon(stage.root.ready()).await.unwrap();
    let mut model = Model::new(&shape, String::new(), &mut 0);
    let mut expected = Expected::default();
    expected.in_order(model.begin());
    for blow in blows {
        match blow {
            Blow::ToLeaf(number, death) => {
                let alive = model.alive();
                if alive.is_empty() {
                    continue;
                }
                let leaf = alive[number % alive.len()];
                let exit = match death {
                    Death::Finishes => Exit::Normal,
                    Death::Fails | Death::Panics => Exit::Failed(String::new()),
                };
                let is_leaf = |model: &Model| matches!(model, Model::Leaf { id, .. } if *id == leaf);
                prop_assert!(model.blow(&is_leaf, &exit, &mut expected));
                stage.scene.kill(leaf, death);
            }
            Blow::ToBranch(number) => {
                let branches = model.branches();
                if branches.is_empty() {
                    continue;
                }
                let branch = &branches[number % branches.len()];
                let is_branch = |model: &Model| matches!(model, Model::Branch { path, .. } if path == branch);
                let restarts = |stage: &Stage| report_of(&stage.tree, branch).restarts;
                let before = restarts(&stage);
                prop_assert!(model.blow(&is_branch, &Exit::Panicked(String::new()), &mut expected));
                prop_assert!(inject_panic(&stage.tree, branch));
                up_after(&stage.tree, branch, before + 1).await;
            }
        }
        let log = stage.log_of(expected.len()).await;
        expected.check(&log)?;
        stage.settled().await;
    }
    let mut gone = model.alive();
    gone.reverse();
    expected.in_order(gone.into_iter().map(Event::Gone).collect());
    let Stage { scene, root, .. } = stage;
    prop_assert_eq!(soon(root.stop()).await, Exit::Stopped);
    let log = scene.log.borrow().clone();
    expected.check(&log)
}

/// Which leaves must be gone when a leaf begins: those under children after it, of a supervisor that is `RestForOne`.
fn rests(shape: &Shape, next_leaf: &mut usize, rests: &mut Vec<Range<usize>>) {
    let Shape::Branch { strategy, children, .. } = shape else {
        *next_leaf += 1;
        rests.push(*next_leaf..*next_leaf);
        return;
    };
    let mut own = Vec::new();
    for child in children {
        if let Shape::Leaf(_) = child {
            own.push(*next_leaf);
        }
        self::rests(child, next_leaf, rests);
    }
    for leaf in own.into_iter().filter(|_| *strategy == Strategy::RestForOne) {
        rests[leaf].end = *next_leaf;
    }
}

async fn blows_all_at_once(shape: Shape, blows: Vec<Blow>) -> Result<(), TestCaseError> {
    let stage = Stage::start(&shape);
    let branches = Model::new(&shape, String::new(), &mut 0).branches();
    let leaves = stage.scene.leaves.lock().unwrap().len();
    for blow in blows {
        match blow {
            Blow::ToLeaf(number, death) if leaves > 0 => stage.scene.kill(number % leaves, death),
            Blow::ToBranch(number) if !branches.is_empty() => {
                inject_panic(&stage.tree, &branches[number % branches.len()]);
            }
            _ => {}
        }
        tokio::task::yield_now().await;
    }
    stage.settled().await;
    let Stage { scene, root, .. } = stage;
    prop_assert_eq!(soon(root.stop()).await, Exit::Stopped);

    let mut must_be_gone = Vec::new();
    rests(&shape, &mut 0, &mut must_be_gone);
    let mut alive = vec![false; leaves];
    let log = scene.log.borrow().clone();
    for event in &log {
        match *event {
            Event::Begun(leaf) => {
                prop_assert!(!mem::replace(&mut alive[leaf], true), "{leaf} lives twice: {log:?}");
                let rest = must_be_gone[leaf].clone();
                prop_assert!(!alive[rest].contains(&true), "{leaf} begins before its rest is gone: {log:?}");
            }
            Event::Gone(leaf) => prop_assert!(mem::replace(&mut alive[leaf], false)),
        }
    }
    prop_assert!(!alive.contains(&true), "somebody lives on: {log:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn children_begin_and_go_in_the_order_of_the_model(shape in trees(), blows in vec(blows(), 0..8)) {
        actix::System::new().block_on(blows_one_after_the_other(shape, blows))?;
    }

    #[test]
    fn whatever_dies_at_once_nobody_lives_twice_or_on(shape in trees(), blows in vec(blows(), 0..30)) {
        actix::System::new().block_on(blows_all_at_once(shape, blows))?;
    }
}
