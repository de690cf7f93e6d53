//! Knows who supervises which instance in this process.
//!
//! - **Owns:** the supervisors of this replica's instances, by id, and the bound on their number.
//! - **Receives:** [`Deliver`] and [`Bound`] from the consumer of `agents_worker.instance`; [`Obey`] with the orders of other
//!   replicas; [`Adopt`], [`LookAfter`] and [`Muster`] from the reaper; [`HandBack`] when the process ends.
//! - **Sends:** hints to supervisors, claims in bulk to the instance ledger, a call to the reaper after each [`Bound`]; orders
//!   to other replicas, by way of the courier, about instances that are theirs.
//! - **Invariant:** a hint is answered at once and never lost while this process lives: it stays in the roster until a
//!   supervisor has looked at the row. What the process itself loses, the reaper finds again.
//! - **On failure:** its supervisors end with it; a rebuilt one lists what its replica owns and begins them anew. A
//!   supervisor that dies too often is given up alone: its instance is failed with a reason. When it is told to stop, it
//!   stops them all and hands every instance back, so that another replica can take over at once.
//!
//! A hint for another's instance is acknowledged like any other. Its claim finds whose it is; `orders.rs` keeps the word for that
//! one until it is acknowledged. It is never needed for correctness: what an owner was not told, its own sweep finds.
//!
//! Past `instances_max` a hint is dropped and logged, not refused: its row stays unclaimed, so that a replica with room, or
//! this one when it has room again, finds it by its sweep. That is no impairment: what is supervised works as ever.

mod forwarding;
mod house;
mod messages;
mod orders;
mod settings;
mod sweep_call;

pub use messages::{Adopt, Adopted, BreakOne, HandBack, LookAfter, Muster};
pub use settings::WorkerSettings;
pub use sweep_call::SweepCall;

use std::rc::Rc;
use std::time::Duration;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Running, WrapFuture};

use crate::actors::control::{NotObeyed, Obey};
use crate::actors::courier::Courier;
use crate::actors::event_consumers::{Bound, Deliver, NotTaken};
use crate::actors::instance_ledger::{InstanceLedger, LedgerError};
use crate::actors::replica::ReplicaLease;
use crate::actors::system::{Answer, AskLimits, ChildSpec, Handle, Lifeline, Restart};
use crate::models::InstanceId;
use crate::models::control::{Described, KnownRevision, Order, OrderReply, Taken};
use crate::models::store::SharedDb;

use house::House;

/// The register of this replica's instances.
pub struct InstanceDirectory {
    house: Rc<House>,
    sweep_call: SweepCall,
    lifeline: Lifeline,
    stopping: bool,
}

impl InstanceDirectory {
    /// The name of its handle.
    pub const NAME: &'static str = "instance_directory";

    /// What its handle should allow: one consumer and one reaper ask, each for one thing at a time, and up to 64 orders of other
    /// replicas are under way.
    pub const LIMITS: AskLimits = AskLimits { in_flight_max: 128, timeout: Duration::from_secs(30) };

    /// An empty directory. `supervisors` says how each supervisor is run, its restart budget above all; `shared_db` is
    /// where agents are read; `courier` brings orders to other replicas; `sweep_call` is shared with the reaper.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "each is one thing it works with, named where it is built")]
    pub fn new(
        shared_db: SharedDb,
        ledger: Handle<InstanceLedger>,
        courier: Handle<Courier>,
        lease: ReplicaLease,
        sweep_call: SweepCall,
        supervisors: ChildSpec,
        settings: &WorkerSettings,
        lifeline: Lifeline,
    ) -> Self {
        let house = House::build(shared_db, ledger, courier, lease, supervisors, settings, &lifeline);
        Self { house, sweep_call, lifeline, stopping: false }
    }

    /// A supervisor of one instance, as the kernel runs it unless it is told otherwise: built again after an accident,
    /// left to go when it has nothing to do.
    #[must_use]
    pub fn supervisors() -> ChildSpec {
        ChildSpec { restart: Restart::Transient, ..ChildSpec::permanent("instances") }
    }
}

impl Actor for InstanceDirectory {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(self.house.clone().keep().into_actor(self));
        context.spawn(self.house.clone().find_again().into_actor(self));
        context.spawn(forwarding::forward(self.house.clone()).into_actor(self));
        self.lifeline.ready();
    }

    fn stopping(&mut self, context: &mut Self::Context) -> Running {
        if self.stopping || !self.lifeline.is_stopping() {
            return Running::Stop;
        }
        self.stopping = true;
        let hand_back = self.house.clone().hand_back();
        context.spawn(hand_back.into_actor(self).map(|(), _, context| context.stop()));
        Running::Continue
    }
}

impl Handler<Deliver> for InstanceDirectory {
    type Result = Result<(), NotTaken>;

    fn handle(&mut self, Deliver { events }: Deliver, _context: &mut Self::Context) -> Self::Result {
        if self.stopping {
            return Err(NotTaken::Leaving);
        }
        for event in events {
            // Keys of other kinds are bound to other queues; a row's revision is in each event about it.
            if let (Some(id), Some(revision)) = (event.instance_id, event.revision) {
                self.house.hint(id, revision);
            }
        }
        Ok(())
    }
}

impl Handler<Bound> for InstanceDirectory {
    type Result = Result<(), NotTaken>;

    fn handle(&mut self, _bound: Bound, _context: &mut Self::Context) -> Self::Result {
        if self.stopping {
            return Err(NotTaken::Leaving);
        }
        self.sweep_call.call();
        Ok(())
    }
}

impl Handler<Adopt> for InstanceDirectory {
    type Result = Answer<Result<Adopted, LedgerError>>;

    fn handle(&mut self, Adopt { ids }: Adopt, _context: &mut Self::Context) -> Self::Result {
        let house = self.house.clone();
        self.lifeline.answer(async move { house.adopt(ids).await })
    }
}

impl Handler<LookAfter> for InstanceDirectory {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, LookAfter { revisions }: LookAfter, _context: &mut Self::Context) -> Self::Result {
        for (id, revision) in revisions {
            self.house.look_after(id, revision);
        }
        Ok(())
    }
}

impl Handler<Muster> for InstanceDirectory {
    type Result = Answer<Result<usize, LedgerError>>;

    fn handle(&mut self, _muster: Muster, _context: &mut Self::Context) -> Self::Result {
        let house = self.house.clone();
        self.lifeline.answer(async move { house.muster().await })
    }
}

impl Handler<HandBack> for InstanceDirectory {
    type Result = Answer<Result<(), LedgerError>>;

    fn handle(&mut self, _order: HandBack, _context: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        let house = self.house.clone();
        self.lifeline.answer(async move {
            house.leave().await;
            Ok(())
        })
    }
}

impl Handler<Obey> for InstanceDirectory {
    type Result = Answer<Result<OrderReply, NotObeyed>>;

    fn handle(&mut self, Obey { order }: Obey, _context: &mut Self::Context) -> Self::Result {
        let house = self.house.clone();
        let taken = |not_mine| Ok(OrderReply::Taken(Taken { not_mine }));
        let answer = match order {
            Order::Describe(question) => {
                return self.lifeline.answer(async move {
                    Ok(OrderReply::Described(Described { actor: house.describe(question.instance_id).await }))
                });
            }
            Order::LookAfter(these) => taken(self.look_after_mine(&these.instances)),
            Order::TakeUp(_) => {
                self.sweep_call.call();
                taken(Vec::new())
            }
            Order::LetGo(order) => {
                house.let_go(order);
                taken(Vec::new())
            }
        };
        self.lifeline.answer(std::future::ready(answer))
    }
}

impl InstanceDirectory {
    /// Answers which of them are not looked after here. Nothing is claimed for an order: who has a row, the row says.
    fn look_after_mine(&self, instances: &[KnownRevision]) -> Vec<InstanceId> {
        let mut not_mine = Vec::new();
        for KnownRevision { instance_id, revision } in instances {
            if !self.stopping && self.house.looks_after(instance_id) {
                self.house.look_after(*instance_id, *revision);
            } else {
                not_mine.push(*instance_id);
            }
        }
        not_mine
    }
}

impl Handler<BreakOne> for InstanceDirectory {
    type Result = Result<bool, LedgerError>;

    fn handle(&mut self, BreakOne { id }: BreakOne, _context: &mut Self::Context) -> Self::Result {
        Ok(self.house.break_one(&id))
    }
}
