//! Many children of one kind: each dies and comes back alone, and all of them go with their owner.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix::{Actor, ActorContext, Context, Running};
use tokio::sync::{mpsc, oneshot};

use super::super::{
    AskLimits, Backoff, Brood, ChildSpec, Exit, Handle, Intensity, Lifeline, Node, Phase, Restart, Strategy,
    Supervisor, TellError, actor, inject_panic,
};
use super::probe::{Act, Before, Probe};
use super::{last_exit, let_others_run, report_of, soon, spec, until, up_after};

type Members = Brood<u32, Probe>;

/// What a test sees of its brood.
struct Seen {
    tree: Arc<Node>,
    /// The key of every life that began, in order.
    begun: Rc<RefCell<Vec<u32>>>,
    /// Who was reported to have ended for good.
    ended: Rc<RefCell<Vec<(u32, Exit)>>>,
}

impl Seen {
    fn begun(&self, key: u32) -> usize {
        self.begun.borrow().iter().filter(|known| **known == key).count()
    }

    fn population(&self) -> usize {
        report_of(&self.tree, "/brood").population.unwrap()
    }
}

fn brood(spec: ChildSpec) -> (Members, Seen) {
    let tree = Node::root();
    let (begun, ended) = (Rc::default(), Rc::default());
    let seen = Seen { tree: tree.clone(), begun: Rc::clone(&begun), ended: Rc::clone(&ended) };
    let factory = move |key: &u32, lifeline: Lifeline| {
        begun.borrow_mut().push(*key);
        let life = begun.borrow().iter().filter(|known| *known == key).count();
        Probe::new(lifeline, life as u64)
    };
    let members = Brood::new(&tree, spec, factory, move |key, exit| ended.borrow_mut().push((key, exit)));
    (members, seen)
}

/// Which life of the member of this key hears a fact.
async fn life_of(members: &Members, key: u32) -> u64 {
    let (tell, told) = oneshot::channel();
    members.tell(&key, Act::new(move |probe, _| tell.send(probe.life).unwrap())).unwrap();
    soon(told).await.unwrap()
}

#[actix::test]
async fn a_member_is_begun_once_and_hears_what_it_is_told() {
    let (members, seen) = brood(spec("brood"));
    for _ in 0..3 {
        members.ensure(&7);
    }
    members.ensure(&8);
    assert_eq!(members.len(), 2);
    assert_eq!(members.tell(&7, Act::new(|_, _| {})), Err(TellError::Down), "it begins with its first step");
    until(|| seen.begun.borrow().len() == 2).await;
    assert_eq!([life_of(&members, 7).await, life_of(&members, 8).await], [1, 1]);
    assert_eq!(members.tell(&9, Act::new(|_, _| {})), Err(TellError::Down));
    assert!(members.contains(&7) && !members.contains(&9));
    assert_eq!(seen.population(), 2);
    let mut keys = members.keys();
    keys.sort_unstable();
    assert_eq!(keys, [7, 8]);
}

#[actix::test]
async fn a_member_that_panics_is_rebuilt_alone_and_keeps_its_key() {
    let (members, seen) = brood(spec("brood"));
    members.ensure(&1);
    members.ensure(&2);
    until(|| seen.begun.borrow().len() == 2).await;
    members.tell(&1, Act::new(|_, _| panic!("in a member"))).unwrap();
    until(|| seen.begun(1) == 2).await;
    assert_eq!([life_of(&members, 1).await, life_of(&members, 2).await], [2, 1]);
    assert_eq!(last_exit(&seen.tree, "/brood"), "panicked: in a member");
    assert_eq!(report_of(&seen.tree, "/brood").restarts, 1);
    assert_eq!(seen.population(), 2);

    assert!(members.break_one(&2));
    assert!(!members.break_one(&3));
    until(|| seen.begun(2) == 2).await;
    assert_eq!(last_exit(&seen.tree, "/brood"), "panicked: told to by fault injection");
    assert!(seen.ended.borrow().is_empty());
}

#[actix::test]
async fn a_member_past_its_intensity_is_given_up_alone() {
    let intensity = Intensity { restarts_max: 2, window: Duration::MAX };
    let (members, seen) = brood(ChildSpec { intensity, ..spec("brood") });
    members.ensure(&1);
    members.ensure(&2);
    for lives in 1..=3 {
        until(|| seen.begun(1) == lives).await;
        assert!(members.break_one(&1));
    }
    until(|| !members.contains(&1)).await;
    let panicked = Exit::Panicked("told to by fault injection".to_owned());
    assert_eq!(*seen.ended.borrow(), [(1, panicked)]);
    assert_eq!(life_of(&members, 2).await, 1);
    assert_eq!(seen.population(), 1);

    members.ensure(&1);
    until(|| seen.begun(1) == 4).await;
    assert_eq!(life_of(&members, 1).await, 4);
}

#[actix::test]
async fn a_member_that_finishes_is_reported_and_can_be_ensured_from_within_the_report() {
    let tree = Node::root();
    let lives = Arc::new(AtomicU64::new(0));
    let counted = lives.clone();
    let members = Rc::new_cyclic(|members: &Weak<Members>| {
        let (from_factory, from_report) = (members.clone(), members.clone());
        let factory = move |key: &u32, lifeline| {
            // A factory may look at the brood that it works for.
            assert!(from_factory.upgrade().unwrap().contains(key));
            Probe::new(lifeline, counted.fetch_add(1, Ordering::Relaxed) + 1)
        };
        let report = move |key, exit| {
            assert_eq!(exit, Exit::Normal);
            from_report.upgrade().unwrap().ensure(&key);
        };
        Brood::new(&tree, ChildSpec { restart: Restart::Transient, ..spec("brood") }, factory, report)
    });
    members.ensure(&1);
    until(|| lives.load(Ordering::Relaxed) == 1).await;
    members.tell(&1, Act::new(|_, context| context.stop())).unwrap();
    until(|| lives.load(Ordering::Relaxed) == 2).await;
    assert_eq!(life_of(&members, 1).await, 2);
    assert_eq!(members.len(), 1);
}

/// One member of each kind there is: at work, between two lives, not yet begun, and deaf to being told to stop.
async fn of_every_kind() -> (Members, Seen) {
    let pause = Duration::from_secs(3600);
    let spec = ChildSpec {
        backoff: Backoff { min: pause, max: pause },
        stop_within: Duration::from_millis(20),
        ..spec("brood")
    };
    let (members, seen) = brood(spec);
    for key in 1..=3 {
        members.ensure(&key);
    }
    until(|| seen.begun.borrow().len() == 3).await;
    members.break_one(&2);
    let deaf = Act::new(|probe, _| probe.on_stopping = Box::new(|_| Running::Continue));
    members.tell(&3, deaf).unwrap();
    until(|| report_of(&seen.tree, "/brood").restarts == 1).await;
    life_of(&members, 3).await;
    members.ensure(&4);
    (members, seen)
}

#[actix::test]
async fn a_brood_that_is_stopped_ends_every_member_and_begins_no_more() {
    let (members, seen) = of_every_kind().await;
    assert_eq!(members.len(), 4);
    soon(members.stop()).await;
    assert!(members.is_empty());
    assert_eq!(seen.population(), 0);
    assert!(seen.ended.borrow().is_empty(), "who was told to is not reported");
    assert_eq!(seen.begun(4), 0);
    members.ensure(&1);
    assert!(members.is_empty());
    soon(members.stop()).await;
}

#[actix::test]
async fn a_brood_that_is_dropped_ends_every_member_and_none_comes_back() {
    let (members, seen) = of_every_kind().await;
    drop(members);
    let begun = seen.begun.borrow().len();
    until(|| seen.population() == 0).await;
    let_others_run().await;
    assert_eq!(seen.begun.borrow().len(), begun);
    assert!(seen.ended.borrow().is_empty());
    assert_eq!(report_of(&seen.tree, "/brood").phase, Phase::Ended);
    assert_eq!(Rc::strong_count(&seen.begun), 1, "its factory is gone with it");
}

#[actix::test]
async fn two_who_stop_a_brood_both_hear_of_its_end() {
    let (members, seen) = brood(spec("brood"));
    members.ensure(&1);
    until(|| seen.begun.borrow().len() == 1).await;
    soon(async { tokio::join!(members.stop(), members.stop()) }).await;
    assert!(members.is_empty());
}

#[actix::test]
async fn a_member_frozen_in_a_handler_is_rebuilt() {
    let (members, seen) = brood(ChildSpec { handler_within: Duration::from_millis(20), ..spec("brood") });
    members.ensure(&1);
    until(|| seen.begun(1) == 1).await;
    members.tell(&1, Before::others(std::future::pending())).unwrap();
    until(|| seen.begun(1) == 2).await;
    assert_eq!(last_exit(&seen.tree, "/brood"), "frozen: a handler ran for more than 20ms");
    assert_eq!(life_of(&members, 1).await, 2);
}

/// An actor that owns a brood of three.
struct Owner {
    members: Members,
    lifeline: Lifeline,
}

impl Actor for Owner {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        for key in 0..3 {
            self.members.ensure(&key);
        }
        self.lifeline.ready();
    }
}

#[actix::test]
async fn members_go_with_their_owner_and_the_next_owner_begins_its_own() {
    let (tell, mut ended) = mpsc::unbounded_channel();
    let handle = Handle::new("owner", AskLimits::default());
    let owner = actor(spec("owner"), &handle, move |lifeline| {
        let tell = tell.clone();
        let factory = move |_: &u32, lifeline: Lifeline| {
            let (line, tell) = (lifeline.clone(), tell.clone());
            actix::spawn(async move {
                line.ended().await;
                let _gone = tell.send(());
            });
            Probe::new(lifeline, 1)
        };
        Owner { members: Brood::new(lifeline.node(), spec("members"), factory, |_, _| {}), lifeline }
    });
    let tree = Node::root();
    let mut root = Supervisor::new(Strategy::OneForOne).with(owner).start(tree.clone());
    soon(root.ready()).await.unwrap();
    let population = || report_of(&tree, "/owner/members").population;
    for restarts in 1..=2 {
        until(|| population() == Some(3)).await;
        let_others_run().await;
        assert!(inject_panic(&tree, "/owner"));
        for _ in 0..3 {
            soon(ended.recv()).await.unwrap();
        }
        up_after(&tree, "/owner", restarts).await;
        up_after(&tree, "/owner/members", 0).await;
    }
    until(|| population() == Some(3)).await;
    assert_eq!(soon(root.stop()).await, Exit::Stopped);
    for _ in 0..3 {
        soon(ended.recv()).await.unwrap();
    }
    until(|| population() == Some(0)).await;
}
