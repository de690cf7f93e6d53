//! Keeps children alive: starts them in order, rebuilds the dead, stops them in reverse order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Arbiter;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::incarnation::Incarnation;
use super::node::Node;
use super::{Child, ChildSpec, Exit, Lifeline, Phase, Restarts, Strategy};

/// A list of children in start order, and what to do when one dies.
pub struct Supervisor {
    strategy: Strategy,
    children: Vec<Child>,
}

impl Supervisor {
    /// No children yet.
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, children: Vec::new() }
    }

    /// Adds the next child in start order.
    #[must_use]
    pub fn with(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// As a child of another supervisor, on the same thread.
    pub fn child(self, spec: ChildSpec) -> Child {
        let (strategy, children) = (self.strategy, Arc::new(self.children));
        Child::new(spec, move |lifeline| Box::pin(run(strategy, children.clone(), lifeline)))
    }

    /// As a child of another supervisor, with a thread of its own: what blocks or burns there disturbs nobody else.
    pub fn child_on_own_thread(self, spec: ChildSpec) -> Child {
        let (strategy, children) = (self.strategy, Arc::new(self.children));
        Child::new(spec, move |lifeline| {
            let children = children.clone();
            Box::pin(async move {
                let thread = OwnThread(Arbiter::new());
                let (tell, told) = oneshot::channel();
                thread.0.spawn(async move {
                    let _gone = tell.send(run(strategy, children, lifeline).await);
                });
                told.await.unwrap_or_else(|_closed| Exit::Failed("its thread ended".to_owned()))
            })
        })
    }

    /// As the root of the tree under `node`, on this thread.
    pub fn start(self, node: Arc<Node>) -> Root {
        let (told_ready, ready) = oneshot::channel();
        let (tell, exit) = oneshot::channel();
        let on_ready = Box::new(move || {
            let _gone = told_ready.send(());
        });
        let lifeline = Lifeline::new(node, Duration::MAX, Some(on_ready));
        let (strategy, children) = (self.strategy, Arc::new(self.children));
        let incarnation =
            Incarnation::new(lifeline.clone(), move |lifeline| Box::pin(run(strategy, children, lifeline)));
        actix::spawn(async move {
            let _gone = tell.send(incarnation.await);
        });
        Root { lifeline, ready: Some(ready), exit }
    }
}

/// Ends with the subtree that it was made for.
struct OwnThread(Arbiter);

impl Drop for OwnThread {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// A running tree.
pub struct Root {
    lifeline: Lifeline,
    ready: Option<oneshot::Receiver<()>>,
    exit: oneshot::Receiver<Exit>,
}

impl Root {
    /// Waits until every child has said that it is ready, or the tree has ended first.
    pub async fn ready(&mut self) -> Result<(), Exit> {
        let Some(ready) = self.ready.take() else { return Ok(()) };
        tokio::select! {
            Ok(()) = ready => Ok(()),
            exit = &mut self.exit => Err(exit.unwrap_or(Exit::Stopped)),
        }
    }

    /// Waits for the end of the tree. Anything but [`Exit::Stopped`] has to end the process with a non-zero code.
    pub async fn ended(&mut self) -> Exit {
        (&mut self.exit).await.unwrap_or(Exit::Stopped)
    }

    /// Stops every child in reverse order, each within its own deadline.
    pub async fn stop(mut self) -> Exit {
        self.lifeline.request_stop();
        self.ended().await
    }
}

#[derive(Debug)]
enum Event {
    Ready,
    Overdue,
    Ended(Exit),
    PauseOver,
}

struct Slot {
    node: Arc<Node>,
    phase: Phase,
    /// Which life the slot is in; events of earlier lives are old news.
    life: u64,
    lifeline: Option<Lifeline>,
    restarts: Restarts,
}

impl Slot {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.node.enter(phase);
    }
}

type News = (usize, u64, Event);

struct Running {
    strategy: Strategy,
    children: Arc<Vec<Child>>,
    slots: Vec<Slot>,
    lifeline: Lifeline,
    tell: mpsc::UnboundedSender<News>,
    news: mpsc::UnboundedReceiver<News>,
    /// News of other children that came while one was being stopped.
    deferred: VecDeque<News>,
}

async fn run(strategy: Strategy, children: Arc<Vec<Child>>, lifeline: Lifeline) -> Exit {
    let slots = children.iter().map(|child| Slot {
        node: lifeline.node().child(&child.spec.name),
        phase: Phase::Waiting,
        life: 0,
        lifeline: None,
        restarts: Restarts::default(),
    });
    // Unbounded is bounded here: a life sends at most four items of news.
    let (tell, news) = mpsc::unbounded_channel();
    let mut running = Running {
        strategy,
        slots: slots.collect(),
        children,
        lifeline: lifeline.clone(),
        tell,
        news,
        deferred: VecDeque::new(),
    };
    running.lifeline.node().enter(Phase::Starting);
    running.start_next();
    loop {
        let news = tokio::select! {
            biased;
            () = lifeline.ended() => return Exit::Stopped,
            () = lifeline.stop_requested() => {
                running.stop_from(0).await;
                return Exit::Stopped;
            }
            Some(news) = running.next() => news,
        };
        if let Err(exit) = running.react(news).await {
            running.stop_from(0).await;
            return exit;
        }
    }
}

impl Running {
    async fn next(&mut self) -> Option<News> {
        match self.deferred.pop_front() {
            Some(news) => Some(news),
            None => self.news.recv().await,
        }
    }

    async fn react(&mut self, (index, life, event): News) -> Result<(), Exit> {
        if self.slots[index].life != life {
            return Ok(());
        }
        match event {
            Event::Ready if self.slots[index].phase == Phase::Starting => {
                self.slots[index].enter(Phase::Up);
                self.start_next();
            }
            Event::Overdue if self.slots[index].phase == Phase::Starting => {
                let within = self.children[index].spec.ready_within;
                if let Some(lifeline) = &self.slots[index].lifeline {
                    lifeline.end(Exit::Frozen(format!("not ready within {within:?}")));
                }
            }
            Event::PauseOver if self.slots[index].phase == Phase::BackingOff => {
                self.slots[index].enter(Phase::Waiting);
                self.start_next();
            }
            Event::Ended(exit) => return self.bury(index, exit).await,
            Event::Ready | Event::Overdue | Event::PauseOver => {}
        }
        Ok(())
    }

    /// Starts the first child that is waiting, if all before it are up; its readiness brings us here again.
    fn start_next(&mut self) {
        for index in 0..self.slots.len() {
            match self.slots[index].phase {
                Phase::Up | Phase::Ended => {}
                Phase::Waiting => return self.start(index),
                Phase::Starting | Phase::BackingOff | Phase::Stopping => return,
            }
        }
        self.lifeline.node().enter(Phase::Up);
        self.lifeline.ready();
    }

    fn start(&mut self, index: usize) {
        let spec = &self.children[index].spec;
        let (ready_within, handler_within) = (spec.ready_within, spec.handler_within);
        let slot = &mut self.slots[index];
        slot.life += 1;
        slot.enter(Phase::Starting);

        let (life, tell) = (slot.life, self.tell.clone());
        let on_ready = Box::new(move || {
            let _gone = tell.send((index, life, Event::Ready));
        });
        let lifeline = Lifeline::new(slot.node.clone(), handler_within, Some(on_ready));
        lifeline.begun();
        slot.lifeline = Some(lifeline.clone());

        let children = self.children.clone();
        let incarnation = Incarnation::new(lifeline.clone(), move |line| (children[index].begin)(line));
        let tell = self.tell.clone();
        actix::spawn(async move {
            let exit = incarnation.await;
            let _gone = tell.send((index, life, Event::Ended(exit)));
        });
        self.tell_after(ready_within, lifeline, (index, life, Event::Overdue));
    }

    /// Sends `news` after a pause, unless that life has ended by then.
    fn tell_after(&self, pause: Duration, lifeline: Lifeline, news: News) {
        let tell = self.tell.clone();
        actix::spawn(async move {
            tokio::select! {
                () = sleep(pause) => { let _gone = tell.send(news); }
                () = lifeline.ended() => {}
            }
        });
    }

    /// A child has ended by itself: build it again after a pause, leave it, or give up.
    async fn bury(&mut self, index: usize, exit: Exit) -> Result<(), Exit> {
        let children = self.children.clone();
        let spec = &children[index].spec;
        let slot = &mut self.slots[index];
        slot.lifeline = None;
        slot.node.ended(&exit);
        let path = slot.node.path().to_owned();
        if !spec.restart.wants(&exit) {
            tracing::debug!(actor = path, %exit, "ended");
            slot.enter(Phase::Ended);
            self.start_next();
            return Ok(());
        }
        let Some(attempt) = slot.restarts.count(spec.intensity, Instant::now()) else {
            tracing::error!(actor = path, %exit, "died too often");
            slot.enter(Phase::Ended);
            return Err(Exit::Failed(format!("{path} died too often; the last time it {exit}")));
        };
        let pause = spec.backoff.pause_now(attempt);
        tracing::warn!(actor = path, %exit, attempt, ?pause, "died and will be built again");
        slot.node.restarted();
        slot.enter(Phase::BackingOff);
        let life = slot.life;
        if self.strategy == Strategy::RestForOne {
            self.stop_from(index + 1).await;
        }
        let tell = self.tell.clone();
        actix::spawn(async move {
            sleep(pause).await;
            let _gone = tell.send((index, life, Event::PauseOver));
        });
        Ok(())
    }

    /// Stops the children from `first` on, the last one first; those that have ended for good stay so.
    async fn stop_from(&mut self, first: usize) {
        for index in (first..self.slots.len()).rev() {
            let stop_within = self.children[index].spec.stop_within;
            let Some(lifeline) = self.slots[index].lifeline.clone() else {
                if self.slots[index].phase != Phase::Ended {
                    self.slots[index].enter(Phase::Waiting);
                }
                continue;
            };
            self.slots[index].enter(Phase::Stopping);
            lifeline.request_stop();
            if timeout(stop_within, self.until_gone(index, first)).await.is_err() {
                tracing::warn!(
                    actor = lifeline.node().path(),
                    ?stop_within,
                    "did not stop in time and is dropped"
                );
                lifeline.end(Exit::Stopped);
                if timeout(stop_within, self.until_gone(index, first)).await.is_err() {
                    tracing::error!(actor = lifeline.node().path(), "does not give its thread back");
                }
            }
            self.slots[index].enter(Phase::Waiting);
        }
    }

    /// Takes news until child `index` is gone. What concerns a child before `first` is kept for later.
    async fn until_gone(&mut self, index: usize, first: usize) {
        while self.slots[index].lifeline.is_some() {
            let Some((about, life, event)) = self.news.recv().await else { return };
            if about < first {
                self.deferred.push_back((about, life, event));
            } else if let Event::Ended(exit) = event
                && self.slots[about].life == life
            {
                self.slots[about].node.ended(&exit);
                self.slots[about].lifeline = None;
            }
        }
    }
}

impl Drop for Running {
    /// Dropped before its end (it was killed, or its thread is going down): its children go with it.
    fn drop(&mut self) {
        for slot in &mut self.slots {
            if let Some(lifeline) = slot.lifeline.take() {
                lifeline.end(Exit::Stopped);
            }
            slot.enter(Phase::Ended);
        }
    }
}
