//! What the supervision kernel costs: `cargo bench --bench kernel`.
//!
//! Plain clocks and a table; single runs, so read the order of magnitude. Memory is what the process holds resident.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that cannot run should stop, and its table is its product"
)]

use std::convert::Infallible;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler, Message};
use botberi::actors::system::{
    Answer, AskLimits, Backoff, Brood, ChildSpec, Handle, Intensity, Lifeline, Node, Phase, Strategy,
    Supervisor, TellError, actor, inject_panic,
};

const ASKS: u32 = 200_000;
const ASKERS: u32 = 64;
const TELLS: u64 = 1_000_000;
const MEMBERS: [u32; 2] = [10_000, 100_000];
const RESTARTS: u64 = 200;

/// Answers with how many facts it has heard.
struct Counter {
    lifeline: Lifeline,
    heard: u64,
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.lifeline.ready();
    }
}

/// How many facts so far? Answered at once.
#[derive(Message)]
#[rtype(result = "Result<u64, Infallible>")]
struct CountFacts;

impl Handler<CountFacts> for Counter {
    type Result = Result<u64, Infallible>;

    fn handle(&mut self, _: CountFacts, _: &mut Self::Context) -> Self::Result {
        Ok(self.heard)
    }
}

/// The same, worked out beside others.
#[derive(Message)]
#[rtype(result = "Result<u64, Infallible>")]
struct CountFactsLater;

impl Handler<CountFactsLater> for Counter {
    type Result = Answer<Result<u64, Infallible>>;

    fn handle(&mut self, _: CountFactsLater, _: &mut Self::Context) -> Self::Result {
        let heard = self.heard;
        self.lifeline.answer(async move { Ok(heard) })
    }
}

/// A fact.
#[derive(Message)]
#[rtype(result = "()")]
struct SomethingHappened;

impl Handler<SomethingHappened> for Counter {
    type Result = ();

    fn handle(&mut self, _: SomethingHappened, _: &mut Self::Context) {
        self.heard += 1;
    }
}

fn main() {
    // `cargo test --all-targets` runs this, too, and without the flag.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    std::panic::set_hook(Box::new(|_| {}));
    let system = actix::System::new();
    system.block_on(async {
        talk("one thread", false).await;
        talk("two threads", true).await;
        restarts().await;
        for members in MEMBERS {
            brood(members).await;
        }
    });
}

fn spec(name: &'static str) -> ChildSpec {
    let pause = Duration::from_millis(1);
    ChildSpec {
        intensity: Intensity { restarts_max: 1_000_000, window: Duration::from_secs(3600) },
        backoff: Backoff { min: pause, max: pause },
        ..ChildSpec::permanent(name)
    }
}

fn row(what: &str, value: f64, unit: &str) {
    println!("{what:<58}{value:>12.1} {unit}");
}

fn each(total: Duration, times: u32) -> f64 {
    total.as_secs_f64() * 1e9 / f64::from(times)
}

async fn talk(place: &str, on_own_thread: bool) {
    let counter = Handle::new("counter", AskLimits::default());
    let child = actor(spec("counter"), &counter, |lifeline| Counter { lifeline, heard: 0 });
    let subtree = Supervisor::new(Strategy::OneForOne).with(child);
    let subtree =
        if on_own_thread { subtree.child_on_own_thread(spec("tree")) } else { subtree.child(spec("tree")) };
    let mut root = Supervisor::new(Strategy::OneForOne).with(subtree).start(Node::root());
    root.ready().await.unwrap();

    let begun = Instant::now();
    for _ in 0..ASKS {
        counter.ask(CountFacts).await.unwrap();
    }
    row(&format!("ask, one at a time, {place}"), each(begun.elapsed(), ASKS), "ns");

    let begun = Instant::now();
    for _ in 0..ASKS {
        counter.ask(CountFactsLater).await.unwrap();
    }
    row(&format!("ask answered later, one at a time, {place}"), each(begun.elapsed(), ASKS), "ns");

    let begun = Instant::now();
    let askers = (0..ASKERS).map(|_| {
        let counter = counter.clone();
        actix::spawn(async move {
            for _ in 0..ASKS / ASKERS {
                counter.ask(CountFacts).await.unwrap();
            }
        })
    });
    for asker in askers.collect::<Vec<_>>() {
        asker.await.unwrap();
    }
    row(&format!("ask, {ASKERS} at a time, {place}"), each(begun.elapsed(), ASKS), "ns");

    let begun = Instant::now();
    let mut told = 0;
    while told < TELLS {
        match counter.tell(SomethingHappened) {
            Ok(()) => told += 1,
            Err(TellError::Full) => tokio::task::yield_now().await,
            Err(TellError::Down) => panic!("the counter has died"),
        }
    }
    while counter.ask(CountFacts).await.unwrap() < TELLS {}
    let rate = TELLS as f64 / begun.elapsed().as_secs_f64();
    row(&format!("tell, {place}"), rate / 1e3, "thousand/s");
    root.stop().await;
}

async fn restarts() {
    let counter = Handle::new("counter", AskLimits::default());
    let child = actor(spec("counter"), &counter, |lifeline| Counter { lifeline, heard: 0 });
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(child).start(tree.clone());
    root.ready().await.unwrap();
    let mut took = Vec::new();
    for restarts in 1..=RESTARTS {
        let begun = Instant::now();
        assert!(inject_panic(&tree, "/counter"));
        tree.wait_until(|reports| reports[0].phase == Phase::Up && reports[0].restarts == restarts).await;
        counter.ask(CountFacts).await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort();
    let median = took[took.len() / 2];
    row("panic to served again, with a pause of 0.5 to 1 ms, median", median.as_secs_f64() * 1e3, "ms");
    root.stop().await;
}

async fn brood(members: u32) {
    let tree = Node::root();
    let factory = |_: &u32, lifeline: Lifeline| Counter { lifeline, heard: 0 };
    let brood = Brood::new(&tree, spec("brood"), factory, |_, _| {});
    let (before, begun) = (resident_bytes(), Instant::now());
    for key in 0..members {
        brood.ensure(&key);
    }
    while brood.tell(&(members - 1), SomethingHappened).is_err() {
        tokio::task::yield_now().await;
    }
    let took = begun.elapsed();
    let bytes = resident_bytes().saturating_sub(before) as f64 / f64::from(members);
    row(&format!("memory of an idle member, of {members}"), bytes, "bytes");
    row(&format!("beginning a member, of {members}"), each(took, members), "ns");
    let begun = Instant::now();
    brood.stop().await;
    row(&format!("stopping a member, of {members}"), each(begun.elapsed(), members), "ns");
    assert_eq!(population(&tree), Some(0));
}

fn population(tree: &Arc<Node>) -> Option<usize> {
    tree.report().first().and_then(|report| report.population)
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
