//! A thread that is not given back is noticed, with the name of who keeps it.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::super::blocked::{Told, look};
use super::super::{BlockedThreads, Handle, Node, Root, Strategy, Supervisor};
use super::probe::{Act, Beside, Probe, life_of, probe};
use super::{soon, spec, until};

const LIMIT: Duration = Duration::from_millis(20);

/// A probe with a thread of its own, at a path that no other test uses: threads are watched for the whole process.
async fn start(name: &'static str) -> (Root, Handle<Probe>) {
    let (child, handle) = probe(spec("probe"), Default::default());
    let own = Supervisor::new(Strategy::OneForOne).with(child).child_on_own_thread(spec(name));
    let mut root = Supervisor::new(Strategy::OneForOne).with(own).start(Node::root());
    soon(root.ready()).await.unwrap();
    (root, handle)
}

/// Has the probe's thread stand still until the sender is used or dropped.
fn block(handle: &Handle<Probe>, stand_still: impl FnOnce(Receiver<()>) -> Block) -> Sender<()> {
    let (open, opened) = channel();
    let handle = handle.clone();
    let block = stand_still(opened);
    actix::spawn(async move {
        match block {
            Block::InHandler(act) => drop(handle.ask(act).await),
            Block::InAnswer(work) => drop(handle.ask(work).await),
        }
    });
    open
}

enum Block {
    InHandler(Act),
    InAnswer(Beside),
}

fn in_handler(opened: Receiver<()>) -> Block {
    Block::InHandler(Act::new(move |_, _| opened.recv().unwrap()))
}

fn in_answer(opened: Receiver<()>) -> Block {
    let opened = Mutex::new(opened);
    Block::InAnswer(Beside::others(async move { opened.lock().unwrap().recv().unwrap() }))
}

/// What one look tells of `path`.
fn told_of(path: &str, told: &mut Told) -> usize {
    let heard = Mutex::new(0);
    look(LIMIT, &|who, _| *heard.lock().unwrap() += usize::from(who == path), told);
    heard.into_inner().unwrap()
}

#[actix::test]
async fn each_stay_of_a_blocked_handler_is_told_of_once() {
    let (root, handle) = start("blocked-in-handler").await;
    let path = "/blocked-in-handler/probe";
    let mut told = Told::new();
    for _ in 0..2 {
        assert_eq!(told_of(path, &mut told), 0);
        let open = block(&handle, in_handler);
        let mut told_first = 0;
        let heard = Mutex::new(&mut told_first);
        until(|| {
            **heard.lock().unwrap() += told_of(path, &mut told.clone());
            **heard.lock().unwrap() > 0
        })
        .await;
        assert_eq!(told_of(path, &mut told), 1);
        assert_eq!(told_of(path, &mut told), 0);
        open.send(()).unwrap();
        life_of(&handle).await;
    }
    soon(root.stop()).await;
}

#[actix::test]
async fn a_blocked_answer_is_told_of_too() {
    let (root, handle) = start("blocked-in-answer").await;
    let open = block(&handle, in_answer);
    until(|| told_of("/blocked-in-answer/probe", &mut Told::new()) == 1).await;
    open.send(()).unwrap();
    life_of(&handle).await;
    assert_eq!(told_of("/blocked-in-answer/probe", &mut Told::new()), 0);
    soon(root.stop()).await;
}

#[actix::test]
async fn the_watcher_tells_by_itself_and_how_long() {
    let (root, handle) = start("blocked-and-watched").await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let watcher = BlockedThreads::watch(LIMIT, move |path, stay| {
        if path == "/blocked-and-watched/probe" {
            let _gone = tell.send(stay);
        }
    })
    .unwrap();
    let open = block(&handle, in_handler);
    assert!(soon(told.recv()).await.unwrap() >= LIMIT);
    drop(watcher);
    assert_eq!(soon(told.recv()).await, None, "it ends when it is dropped");
    open.send(()).unwrap();
    soon(root.stop()).await;
}

#[actix::test]
async fn an_actor_that_waits_without_blocking_is_not_told_of() {
    let (root, handle) = start("not-blocked").await;
    soon(handle.ask(Beside::others(tokio::time::sleep(LIMIT * 3)))).await.unwrap();
    assert_eq!(told_of("/not-blocked/probe", &mut Told::new()), 0);
    soon(root.stop()).await;
}
