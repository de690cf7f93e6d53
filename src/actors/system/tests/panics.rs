//! Every place where an actor's own code runs may panic: its life ends as `Panicked`, it is built again, and nobody
//! else notices.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use actix::fut::wrap_future;
use actix::{Actor, ActorContext, AsyncContext, Context, Running};

use super::super::{AskLimits, Handle, Node, Strategy, Supervisor, actor, inject_panic};
use super::probe::{Act, Before, Beside, Pair, Probe, is_lost, life_of};
use super::{last_exit, report_of, soon, spec, up_after};

/// The child that was hurt is in its second life, its last one ended with `exit`, and the other one is untouched.
async fn only_the_hurt_child_is_rebuilt_after(pair: Pair, exit: &str) {
    up_after(&pair.tree, "/hurt", 1).await;
    assert_eq!(last_exit(&pair.tree, "/hurt"), exit);
    assert_eq!(life_of(&pair.hurt).await, 2);
    assert_eq!(life_of(&pair.other).await, 1);
    assert_eq!(report_of(&pair.tree, "/other").restarts, 0);
    soon(pair.root.stop()).await;
}

#[actix::test]
async fn a_panic_in_a_handler_ends_that_life_only() {
    let pair = Pair::start().await;
    let answer = soon(pair.hurt.ask(Act::new(|_, _| panic!("in a handler")))).await;
    assert!(is_lost(&answer));
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: in a handler").await;
}

#[actix::test]
async fn a_panic_with_a_formatted_message_keeps_it() {
    let pair = Pair::start().await;
    let answer = soon(pair.hurt.ask(Act::new(|probe, _| panic!("in life {}", probe.life)))).await;
    assert!(is_lost(&answer));
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: in life 1").await;
}

#[actix::test]
async fn a_panic_in_a_future_spawned_on_the_context_ends_that_life_only() {
    let pair = Pair::start().await;
    let spawn = Act::new(|_, context| {
        context.spawn(wrap_future(async { panic!("in a spawned future") }));
    });
    assert_eq!(soon(pair.hurt.ask(spawn)).await.unwrap(), 1);
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: in a spawned future").await;
}

#[actix::test]
async fn a_panic_in_an_answer_ends_that_life_only() {
    let pair = Pair::start().await;
    let answer = soon(pair.hurt.ask(Beside::others(async { panic!("in an answer") }))).await;
    assert!(is_lost(&answer));
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: in an answer").await;
}

#[actix::test]
async fn a_panic_in_an_exclusive_answer_ends_that_life_only() {
    let pair = Pair::start().await;
    let answer = soon(pair.hurt.ask(Before::others(async { panic!("in an exclusive answer") }))).await;
    assert!(is_lost(&answer));
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: in an exclusive answer").await;
}

#[actix::test]
async fn a_panic_in_stopping_ends_that_life_only() {
    let pair = Pair::start().await;
    let stop = Act::new(|probe, context| {
        probe.on_stopping = Box::new(|_| panic!("in stopping"));
        context.stop();
    });
    assert_eq!(soon(pair.hurt.ask(stop)).await.unwrap(), 1);
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: in stopping").await;
}

#[actix::test]
async fn a_panic_while_the_actor_is_dropped_ends_that_life_only() {
    let pair = Pair::start().await;
    let stop = Act::new(|probe, context| {
        probe.on_drop = Some(Box::new(|| panic!("in drop")));
        context.stop();
    });
    assert_eq!(soon(pair.hurt.ask(stop)).await.unwrap(), 1);
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: in drop").await;
}

#[actix::test]
async fn a_panic_in_drop_after_a_panic_in_a_handler_is_survived() {
    let pair = Pair::start().await;
    let twice = Act::new(|probe, _| {
        probe.on_drop = Some(Box::new(|| panic!("in drop")));
        panic!("the first of two");
    });
    assert!(is_lost(&soon(pair.hurt.ask(twice)).await));
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: the first of two").await;
}

#[actix::test]
async fn an_injected_panic_ends_that_life_only() {
    let pair = Pair::start().await;
    assert!(inject_panic(&pair.tree, "/hurt"));
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: told to by fault injection").await;
}

#[actix::test]
async fn a_panic_cannot_be_injected_where_nobody_lives() {
    let pair = Pair::start().await;
    assert!(!inject_panic(&pair.tree, "/nobody"));
    soon(pair.root.stop()).await;
    assert!(!inject_panic(&pair.tree, "/hurt"));
}

#[actix::test]
async fn a_panicked_actor_runs_no_more_of_its_own_code_but_its_drop() {
    let pair = Pair::start().await;
    let ran = Arc::new(Mutex::new(Vec::new()));
    let (on_stopping, on_drop) = (ran.clone(), ran.clone());
    let panicking = Act::new(move |probe, _| {
        probe.on_drop = Some(Box::new(move || on_drop.lock().unwrap().push("drop")));
        probe.on_stopping = Box::new(move |_| {
            on_stopping.lock().unwrap().push("stopping");
            Running::Stop
        });
        panic!("once");
    });
    assert!(is_lost(&soon(pair.hurt.ask(panicking)).await));
    only_the_hurt_child_is_rebuilt_after(pair, "panicked: once").await;
    assert_eq!(*ran.lock().unwrap(), ["drop"]);
}

/// Panics in the factory and in `started` come before there is anybody to ask.
#[actix::test]
async fn a_panic_in_the_factory_is_a_death_like_any_other() {
    let tree = Node::root();
    let handle = Handle::new("probe", AskLimits::default());
    let lives = Arc::new(AtomicU64::new(0));
    let child = actor(spec("hurt"), &handle, move |lifeline| {
        let life = lives.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(life > 2, "in the factory");
        Probe::new(lifeline, life)
    });
    let mut root = Supervisor::new(Strategy::OneForOne).with(child).start(tree.clone());
    soon(root.ready()).await.unwrap();
    assert_eq!(report_of(&tree, "/hurt").restarts, 2);
    assert_eq!(last_exit(&tree, "/hurt"), "panicked: in the factory");
    assert_eq!(life_of(&handle).await, 3);
    soon(root.stop()).await;
}

struct PanicsWhenStarted(Probe);

impl Actor for PanicsWhenStarted {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        assert!(self.0.life > 2, "in started");
        self.0.lifeline.ready();
    }
}

#[actix::test]
async fn a_panic_in_started_is_a_death_like_any_other() {
    let tree = Node::root();
    let handle = Handle::new("probe", AskLimits::default());
    let lives = Arc::new(AtomicU64::new(0));
    let child = actor(spec("hurt"), &handle, move |lifeline| {
        PanicsWhenStarted(Probe::new(lifeline, lives.fetch_add(1, Ordering::Relaxed) + 1))
    });
    let mut root = Supervisor::new(Strategy::OneForOne).with(child).start(tree.clone());
    soon(root.ready()).await.unwrap();
    assert_eq!(report_of(&tree, "/hurt").restarts, 2);
    assert_eq!(last_exit(&tree, "/hurt"), "panicked: in started");
    soon(root.stop()).await;
}
