//! A supervisor at work: starts its children in order, rebuilds the dead, stops them in reverse order.
//!
//! One loop owns the books. What happens to a child only ever gets noted ([`Running::note`]); what follows from it is
//! decided in one place ([`Running::settle`]), so a death during the stop of others is not lost and not acted on twice.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::incarnation::live;
use super::node::Node;
use super::{Child, Exit, Lifeline, Phase, Restart, Restarts, Strategy};

/// What a life tells its supervisor, and which life of which child it was.
struct News {
    index: usize,
    life: u64,
    event: Event,
}

enum Event {
    Ready,
    Ended(Exit),
}

/// One child and its present life.
struct Slot {
    node: Arc<Node>,
    phase: Phase,
    /// Counts the lives; news of earlier ones is old.
    life: u64,
    /// There from the start of a life until nothing is left of it.
    lifeline: Option<Lifeline>,
    /// A death that nothing has followed from yet.
    death: Option<Exit>,
    /// When a child that is starting is overdue, and when one that backs off is built again.
    due: Option<Instant>,
    restarts: Restarts,
}

impl Slot {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.due = None;
        self.node.enter(phase);
    }
}

struct Running {
    strategy: Strategy,
    children: Arc<Vec<Child>>,
    slots: Vec<Slot>,
    lifeline: Lifeline,
    tell: mpsc::UnboundedSender<News>,
    /// Unbounded is bounded here: a life sends two items of news.
    news: mpsc::UnboundedReceiver<News>,
}

/// The life of a supervisor.
pub(super) async fn run(strategy: Strategy, children: Arc<Vec<Child>>, lifeline: Lifeline) -> Exit {
    let mut running = Running::new(strategy, children, lifeline.clone());
    loop {
        if let Err(exit) = running.settle().await {
            running.stop_from(0).await;
            return exit;
        }
        let due = running.slots.iter().filter_map(|slot| slot.due).min();
        tokio::select! {
            biased;
            () = lifeline.stop_requested() => {
                running.stop_from(0).await;
                return Exit::Stopped;
            }
            Some(news) = running.news.recv() => running.note(news),
            () = reached(due) => running.act_on_time(),
        }
    }
}

async fn reached(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

impl Running {
    fn new(strategy: Strategy, children: Arc<Vec<Child>>, lifeline: Lifeline) -> Self {
        let slots = children.iter().map(|child| Slot {
            node: lifeline.node().child(&child.spec.name),
            phase: Phase::Waiting,
            life: 0,
            lifeline: None,
            death: None,
            due: None,
            restarts: Restarts::default(),
        });
        let slots = slots.collect();
        let (tell, news) = mpsc::unbounded_channel();
        Self { strategy, children, slots, lifeline, tell, news }
    }

    fn note(&mut self, News { index, life, event }: News) {
        let slot = &mut self.slots[index];
        if slot.life != life {
            // Said by somebody who still holds the line of a life that is over.
            return;
        }
        match event {
            Event::Ready if slot.phase == Phase::Starting => slot.enter(Phase::Up),
            Event::Ready => {}
            Event::Ended(exit) => {
                slot.node.ended(&exit);
                slot.lifeline = None;
                slot.death = Some(exit);
            }
        }
    }

    fn act_on_time(&mut self) {
        let now = Instant::now();
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.due.is_none_or(|due| due > now) {
                continue;
            }
            slot.due = None;
            match (slot.phase, &slot.lifeline) {
                (Phase::BackingOff, _) => self.start(index),
                (_, Some(lifeline)) => {
                    let within = self.children[index].spec.ready_within;
                    lifeline.end(Exit::Frozen(format!("not ready within {within:?}")));
                }
                _ => {}
            }
        }
    }

    /// Draws the conclusions from what was noted. An error ends this supervisor, and its parent decides.
    async fn settle(&mut self) -> Result<(), Exit> {
        while let Some(index) = self.slots.iter().position(|slot| slot.death.is_some()) {
            self.bury(index).await?;
        }
        self.start_next();
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
        self.lifeline.ready();
    }

    fn start(&mut self, index: usize) {
        let spec = &self.children[index].spec;
        let slot = &mut self.slots[index];
        slot.life += 1;
        slot.phase = Phase::Starting;
        slot.due = Instant::now().checked_add(spec.ready_within);

        let (life, tell) = (slot.life, self.tell.clone());
        let on_ready = Box::new(move || {
            let _gone = tell.send(News { index, life, event: Event::Ready });
        });
        let lifeline = Lifeline::new(slot.node.clone(), spec.handler_within, Some(on_ready));
        slot.lifeline = Some(lifeline.clone());
        slot.node.begin(&lifeline);

        let (children, tell) = (self.children.clone(), self.tell.clone());
        let attached = self.lifeline.attach();
        actix::spawn(async move {
            let exit = live(lifeline, move |lifeline| (children[index].begin)(lifeline)).await;
            let _gone = tell.send(News { index, life, event: Event::Ended(exit) });
            drop(attached);
        });
    }

    /// What follows from a death that nobody asked for: build the child again after a pause, leave it, or give up.
    async fn bury(&mut self, index: usize) -> Result<(), Exit> {
        let spec = self.children[index].spec.clone();
        let slot = &mut self.slots[index];
        let Some(exit) = slot.death.take() else { return Ok(()) };
        let path = slot.node.path().to_owned();
        if !spec.restart.wants(&exit) {
            tracing::debug!(actor = path, %exit, "ended");
            slot.enter(Phase::Ended);
            return Ok(());
        }
        let Some(attempt) = slot.restarts.count(spec.intensity, Instant::now().into_std()) else {
            tracing::error!(actor = path, %exit, "died too often");
            slot.enter(Phase::Ended);
            return Err(Exit::Failed(format!("{path} died too often; the last time it {exit}")));
        };
        let pause = spec.backoff.pause_now(attempt);
        tracing::warn!(actor = path, %exit, attempt, ?pause, "died and will be built again");
        slot.enter(Phase::BackingOff);
        if self.strategy == Strategy::RestForOne {
            self.stop_from(index + 1).await;
        }
        self.slots[index].due = Instant::now().checked_add(pause);
        Ok(())
    }

    /// Stops the children from `first` on, the last one first; those that have ended for good stay so.
    async fn stop_from(&mut self, first: usize) {
        for index in (first..self.slots.len()).rev() {
            self.stop(index).await;
        }
    }

    async fn stop(&mut self, index: usize) {
        let (restart, within) = (self.children[index].spec.restart, self.children[index].spec.stop_within);
        let told = self.slots[index].lifeline.clone();
        if let Some(lifeline) = &told {
            self.slots[index].enter(Phase::Stopping);
            lifeline.request_stop();
            if timeout(within, self.until_gone(index)).await.is_err() {
                tracing::warn!(
                    actor = lifeline.node().path(),
                    ?within,
                    "did not stop in time and is dropped"
                );
                lifeline.end(Exit::Frozen(format!("not stopped within {within:?}")));
                self.until_gone(index).await;
            }
        }
        let slot = &mut self.slots[index];
        let death = slot.death.take();
        let ended_for_good = match death {
            _ if slot.phase == Phase::Ended => true,
            Some(_) if told.is_some() => restart == Restart::Temporary,
            Some(exit) => !restart.wants(&exit),
            None => false,
        };
        slot.enter(if ended_for_good { Phase::Ended } else { Phase::Waiting });
    }

    async fn until_gone(&mut self, index: usize) {
        while self.slots[index].lifeline.is_some() {
            let Some(news) = self.news.recv().await else { return };
            self.note(news);
        }
    }
}

impl Drop for Running {
    /// Its children go with it, if it was dropped before it could stop them: it was killed, or its thread is going down.
    fn drop(&mut self) {
        for slot in self.slots.iter_mut().rev() {
            if let Some(lifeline) = slot.lifeline.take() {
                lifeline.end(Exit::Stopped);
            }
            slot.enter(Phase::Ended);
        }
    }
}
