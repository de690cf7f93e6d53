//! What an address promises: it outlives the lives it points to, and bounds what is under way.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::super::{
    AskError, AskLimits, Backoff, ChildSpec, Handle, Node, Phase, Strategy, Supervisor, TellError,
    inject_panic,
};
use super::probe::{Act, Before, Beside, Pair, Probe, is_lost, life_of, probe};
use super::{let_others_run, soon, spec, until, up_after};

const BRIEFLY: Duration = Duration::from_millis(20);

/// An ask that is answered when the other end is told so.
fn gated() -> (oneshot::Sender<()>, Beside) {
    let (open, opened) = oneshot::channel::<()>();
    let work = Beside::others(async {
        let _never = opened.await;
    });
    (open, work)
}

#[actix::test]
async fn an_ask_made_while_the_actor_is_down_is_served_by_its_next_life() {
    let pause = Duration::from_millis(100);
    let slow = ChildSpec { backoff: Backoff { min: pause, max: pause }, ..spec("hurt") };
    let pair = Pair::start_with(slow, AskLimits::default()).await;
    assert!(inject_panic(&pair.tree, "/hurt"));
    let is_down = |reports: &[super::NodeReport]| reports.iter().any(|r| r.phase == Phase::BackingOff);
    soon(pair.tree.wait_until(is_down)).await;
    assert_eq!(pair.hurt.tell(Act::new(|_, _| {})), Err(TellError::Down));
    assert_eq!(life_of(&pair.hurt).await, 2);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn an_ask_that_finds_nobody_in_time_is_down_and_nothing_stays_under_way() {
    let nobody: Handle<Probe> = Handle::new("nobody", AskLimits { in_flight_max: 1, timeout: BRIEFLY });
    for _ in 0..3 {
        let answer = soon(nobody.ask(Act::new(|_, _| {}))).await;
        assert!(matches!(answer, Err(AskError::Down { actor: "nobody" })));
        assert_eq!(nobody.depth(), 0);
    }
}

#[actix::test]
async fn an_ask_may_be_allowed_to_take_for_ever() {
    let limits = AskLimits { timeout: Duration::MAX, ..AskLimits::default() };
    let pair = Pair::start_with(spec("hurt"), limits).await;
    assert_eq!(life_of(&pair.hurt).await, 1);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn an_ask_that_times_out_stays_under_way_until_the_actor_has_answered() {
    let limits = AskLimits { in_flight_max: 1, timeout: BRIEFLY };
    let pair = Pair::start_with(spec("hurt"), limits).await;
    let (open, work) = gated();
    assert!(matches!(soon(pair.hurt.ask(work)).await, Err(AskError::TimedOut { after_ms: 20, .. })));
    assert_eq!(pair.hurt.depth(), 1);
    let refused = soon(pair.hurt.ask(Act::new(|_, _| {}))).await;
    assert!(matches!(refused, Err(AskError::Overloaded { actor: "probe" })));
    open.send(()).unwrap();
    until(|| pair.hurt.depth() == 0).await;
    assert_eq!(life_of(&pair.hurt).await, 1);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn whoever_has_a_lane_of_its_own_is_heard_however_many_others_ask() {
    let limits = AskLimits { in_flight_max: 1, ..AskLimits::default() };
    let pair = Pair::start_with(spec("hurt"), limits).await;
    let (hurt, lane) = (pair.hurt.clone(), pair.hurt.lane(1));
    let (open, work) = gated();
    let others = actix::spawn(async move { hurt.ask(work).await });
    until(|| pair.hurt.depth() == 1).await;
    let refused = soon(pair.hurt.ask(Act::new(|_, _| {}))).await;
    assert!(matches!(refused, Err(AskError::Overloaded { .. })));
    let (second, work) = gated();
    let mine = actix::spawn(async move { lane.ask(work).await });
    second.send(()).unwrap();
    soon(mine).await.unwrap().unwrap();
    assert_eq!(pair.hurt.depth(), 1);
    open.send(()).unwrap();
    soon(others).await.unwrap().unwrap();
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn what_was_asked_happens_even_if_the_asker_goes_away() {
    let pair = Pair::start().await;
    let (open, opened) = oneshot::channel::<()>();
    let asked = pair.hurt.clone();
    let first = Before::others(async {
        let _never = opened.await;
    });
    let first = actix::spawn(async move { asked.ask(first).await });
    until(|| pair.hurt.depth() == 1).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let asked = pair.hurt.clone();
    let abandoned = actix::spawn(async move {
        let _answer = asked.ask(Act::new(move |_, _| tell.send(()).unwrap())).await;
    });
    until(|| pair.hurt.depth() == 2).await;
    abandoned.abort();
    let_others_run().await;
    assert_eq!(pair.hurt.depth(), 2, "it is in the mailbox still");
    open.send(()).unwrap();
    soon(told.recv()).await.unwrap();
    soon(first).await.unwrap().unwrap();
    until(|| pair.hurt.depth() == 0).await;
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn a_flood_of_facts_is_refused_at_the_bound_and_taken_again_below_it() {
    let pair = Pair::start().await;
    let (open, opened) = oneshot::channel::<()>();
    let asked = pair.hurt.clone();
    let busy = Before::others(async {
        let _never = opened.await;
    });
    let busy = actix::spawn(async move { asked.ask(busy).await });
    until(|| pair.hurt.depth() == 1).await;
    let_others_run().await;

    let heard = Arc::new(AtomicU64::new(0));
    let fact = || {
        let heard = heard.clone();
        Act::new(move |_, _| {
            heard.fetch_add(1, Ordering::Relaxed);
        })
    };
    let told = (0..100_000).map(|_| pair.hurt.clone().tell(fact())).collect::<Vec<_>>();
    let taken = told.iter().filter(|told| told.is_ok()).count();
    assert!((1..=64).contains(&taken), "{taken} are in the mailbox");
    assert!(told[taken..].iter().all(|told| *told == Err(TellError::Full)));

    open.send(()).unwrap();
    soon(busy).await.unwrap().unwrap();
    until(|| heard.load(Ordering::Relaxed) == taken as u64).await;
    assert_eq!(pair.hurt.tell(fact()), Ok(()));
    until(|| heard.load(Ordering::Relaxed) == taken as u64 + 1).await;
    soon(pair.root.stop()).await;
    assert_eq!(pair.hurt.tell(fact()), Err(TellError::Down));
}

/// The old thread is lost, the new life answers; then the old thread comes back and drops the old life.
#[actix::test]
async fn a_life_that_was_given_up_as_lost_does_not_take_the_address_from_the_next() {
    let (child, handle) = probe(spec("probe"), AskLimits::default());
    let own = Supervisor::new(Strategy::OneForOne).with(child).child_on_own_thread(spec("own"));
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(own).start(tree.clone());
    soon(root.ready()).await.unwrap();

    let (open, opened) = std::sync::mpsc::channel::<()>();
    let (began, mut begun) = mpsc::unbounded_channel();
    let (dropped, mut is_dropped) = mpsc::unbounded_channel();
    let block = Act::new(move |probe, _| {
        probe.on_drop = Some(Box::new(move || dropped.send(()).unwrap()));
        began.send(()).unwrap();
        let _never = opened.recv();
    });
    let asked = handle.clone();
    let blocked = actix::spawn(async move { asked.ask(block).await });
    soon(begun.recv()).await.unwrap();
    assert!(inject_panic(&tree, "/own"));
    up_after(&tree, "/own", 1).await;
    assert_eq!(life_of(&handle).await, 2);

    open.send(()).unwrap();
    soon(is_dropped.recv()).await.unwrap();
    assert_eq!(soon(blocked).await.unwrap().ok(), Some(1), "it had answered before it was dropped");
    assert_eq!(life_of(&handle).await, 2);
    soon(root.stop()).await;
}

#[derive(Debug, Clone)]
enum Step {
    Ask,
    /// The actor answers one of the asks that are under way.
    Answer(usize),
    /// One of the askers goes away.
    Abandon(usize),
    Kill,
}

fn steps() -> impl Generator<Value = Step> {
    prop_oneof![
        6 => Just(Step::Ask),
        3 => any::<usize>().prop_map(Step::Answer),
        3 => any::<usize>().prop_map(Step::Abandon),
        1 => Just(Step::Kill),
    ]
}

type Asker = JoinHandle<Result<u64, AskError<Infallible>>>;

/// An ask that is under way: how to have it answered, and its asker, unless that one has gone away.
struct UnderWay {
    open: oneshot::Sender<()>,
    asker: Option<Asker>,
}

fn picked(under_way: &BTreeMap<usize, UnderWay>, number: usize) -> Option<usize> {
    under_way.keys().nth(number % under_way.len().max(1)).copied()
}

/// The model: what is under way, and which life it is.
async fn permits_follow_the_model(in_flight_max: usize, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let limits = AskLimits { in_flight_max, timeout: super::SOON };
    let pair = Pair::start_with(spec("hurt"), limits).await;
    let mut under_way: BTreeMap<usize, UnderWay> = BTreeMap::new();
    let mut life = 1;
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Ask => {
                let (open, work) = gated();
                let asked = pair.hurt.clone();
                let asker = actix::spawn(async move { asked.ask(work).await });
                if under_way.len() < in_flight_max {
                    under_way.insert(number, UnderWay { open, asker: Some(asker) });
                } else {
                    let answer = soon(asker).await.unwrap();
                    prop_assert!(matches!(answer, Err(AskError::Overloaded { .. })), "{:?}", answer);
                }
            }
            Step::Answer(which) => {
                let Some(number) = picked(&under_way, which) else { continue };
                let UnderWay { open, asker } = under_way.remove(&number).unwrap();
                open.send(()).unwrap();
                if let Some(asker) = asker {
                    prop_assert_eq!(soon(asker).await.unwrap().ok(), Some(life));
                }
            }
            Step::Abandon(which) => {
                let Some(number) = picked(&under_way, which) else { continue };
                if let Some(asker) = under_way.get_mut(&number).and_then(|ask| ask.asker.take()) {
                    asker.abort();
                    prop_assert!(soon(asker).await.is_err());
                }
            }
            Step::Kill => {
                prop_assert!(inject_panic(&pair.tree, "/hurt"));
                for ask in std::mem::take(&mut under_way).into_values() {
                    if let Some(asker) = ask.asker {
                        prop_assert!(is_lost(&soon(asker).await.unwrap()));
                    }
                }
                up_after(&pair.tree, "/hurt", life).await;
                life += 1;
            }
        }
        until(|| pair.hurt.depth() == under_way.len()).await;
        let_others_run().await;
        prop_assert_eq!(pair.hurt.depth(), under_way.len());
    }
    soon(pair.root.stop()).await;
    until(|| pair.hurt.depth() == 0).await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_under_way_is_what_was_asked_and_neither_answered_nor_lost(
        in_flight_max in 1..5_usize, steps in vec(steps(), 0..60),
    ) {
        actix::System::new().block_on(permits_follow_the_model(in_flight_max, steps))?;
    }
}

#[actix::test]
async fn asks_from_other_threads_are_bounded_and_all_answered() {
    let limits = AskLimits { in_flight_max: 8, ..AskLimits::default() };
    let pair = Pair::start_with(spec("hurt"), limits).await;
    let askers = (0..4).map(|_| {
        let (handle, (tell, told)) = (pair.hurt.clone(), oneshot::channel());
        let thread = actix::Arbiter::new();
        thread.spawn(async move {
            let (mut answered, mut refused) = (0, 0);
            for _ in 0..500 {
                match handle.ask(Beside::others(tokio::task::yield_now())).await {
                    Ok(_) => answered += 1,
                    Err(AskError::Overloaded { .. }) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
            }
            let _gone = tell.send((answered, refused));
        });
        (thread, told)
    });
    let mut answered = 0;
    for (thread, told) in askers.collect::<Vec<_>>() {
        let (here, refused) = soon(told).await.unwrap();
        assert_eq!(here + refused, 500);
        answered += here;
        thread.stop();
    }
    assert!(answered > 0);
    assert_eq!(pair.hurt.depth(), 0);
    soon(pair.root.stop()).await;
}
