//! Brings one instance to where its user wants it, and keeps it there.
//!
//! - **Owns:** one instance, as long as its row names this replica and the epoch of its claim; what was prepared for it.
//! - **Receives:** [`Hinted`] from the directory when there is word of a later revision; [`Void`] when it was
//!   taken from this replica; [`FindDoing`], to explain it.
//! - **Sends:** claims and status moves to the instance ledger, one at a time; nothing else leaves it but the effects of
//!   its engine.
//! - **Invariant:** it acts on a row that it has read under its own claim, begins no effect while the replica's lease may
//!   have run out, and calls nothing `running` that it has not prepared. A hint whose revision it knows costs no read.
//! - **On failure:** holds no truth; a rebuilt one claims its row again, under a new epoch, and goes on from its status.
//!   While Postgres is away it waits, with backoff. A configuration that cannot run is not a failure of it: the row says
//!   `failed` and why, for its user to read.
//!
//! Read `lifecycle.rs` for what follows from what, `work.rs` for how it is done, `engine.rs` for the port behind which
//! pipelines run. It lives while the instance runs or is on its way; one that is stopped or failed needs nobody, and its
//! supervisor leaves. Idle, it keeps less than a hundred bytes beside what the kernel needs for a life.

mod agent_versions;
mod bench;
mod builtin;
mod engine;
mod lifecycle;
mod messages;
mod pipeline;
mod roster;
mod work;

pub use bench::Doing;
pub use messages::{FindDoing, Hinted, Void};
pub use roster::{Birth, Roster};

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, WrapFuture};
use jiff::Timestamp;

use crate::actors::instance_ledger::InstanceLedger;
use crate::actors::replica::ReplicaLease;
use crate::actors::system::{Handle, Lifeline};
use crate::models::InstanceId;
use crate::models::store::SharedDb;

use agent_versions::AgentVersions;
use bench::Bench;
use builtin::Builtin;
use engine::Engines;
use work::{End, Kept, settle};

/// What all supervisors of a directory work with.
pub struct Tools {
    ledger: Handle<InstanceLedger>,
    lease: ReplicaLease,
    roster: Rc<Roster>,
    engines: Engines,
    provisioning_within: Duration,
}

impl Tools {
    /// `shared_db` is where agents are read; `provisioning_within` is how long one preparation may take.
    #[must_use]
    pub fn new(
        ledger: Handle<InstanceLedger>,
        lease: ReplicaLease,
        roster: Rc<Roster>,
        shared_db: SharedDb,
        provisioning_within: Duration,
    ) -> Self {
        let engines = Engines::new(Builtin::new(AgentVersions::new(shared_db)));
        Self { ledger, lease, roster, engines, provisioning_within }
    }
}

/// The supervisor of one instance.
pub struct InstanceSupervisor {
    id: InstanceId,
    tools: Rc<Tools>,
    lifeline: Lifeline,
    state: State,
}

enum State {
    /// Told of news by the bell on it.
    Working(Rc<Bench>),
    /// Since when.
    Resting(Kept, Timestamp),
}

impl InstanceSupervisor {
    /// One that has not begun. It begins with the row that the roster holds for it, or by claiming it.
    #[must_use]
    pub fn new(id: InstanceId, tools: Rc<Tools>, lifeline: Lifeline) -> Self {
        Self { id, tools, lifeline, state: State::Working(Rc::new(Bench::new())) }
    }

    fn work(&mut self, context: &mut Context<Self>) {
        let bench = Rc::new(Bench::new());
        let before = std::mem::replace(&mut self.state, State::Working(bench.clone()));
        let prepared = match before {
            State::Resting(kept, _) => Some(kept.prepared),
            State::Working(_) => None,
        };
        let work = settle(self.tools.clone(), self.id, bench, prepared);
        context.spawn(work.into_actor(self).map(|end, supervisor, context| match end {
            End::Rests(kept) => supervisor.rest(kept, context),
            End::Leaves => context.stop(),
        }));
    }

    fn rest(&mut self, kept: Kept, context: &mut Context<Self>) {
        self.state = State::Resting(kept, Timestamp::now());
        self.look(context);
    }

    /// Goes back to work if there is word of a later revision than the one that was settled.
    fn look(&mut self, context: &mut Context<Self>) {
        match &self.state {
            State::Working(bench) => bench.word.notify_one(),
            State::Resting(kept, _) if self.tools.roster.has_news(self.id, kept.revision) => {
                self.work(context);
            }
            State::Resting(..) => {}
        }
    }
}

impl Actor for InstanceSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.lifeline.ready();
        self.work(context);
    }
}

impl Handler<Hinted> for InstanceSupervisor {
    type Result = ();

    fn handle(&mut self, _hinted: Hinted, context: &mut Self::Context) {
        self.look(context);
    }
}

impl Handler<Void> for InstanceSupervisor {
    type Result = ();

    fn handle(&mut self, Void { owner_epoch }: Void, context: &mut Self::Context) -> Self::Result {
        let is_void = match &self.state {
            State::Working(bench) => bench.acts_before(owner_epoch),
            State::Resting(kept, _) => kept.owner_epoch < owner_epoch,
        };
        if is_void {
            tracing::info!(instance.id = %self.id, owner_epoch, "it was taken from this replica, and its supervisor ends");
            context.stop();
        }
    }
}

impl Handler<FindDoing> for InstanceSupervisor {
    type Result = Result<Doing, Infallible>;

    fn handle(&mut self, _question: FindDoing, _context: &mut Self::Context) -> Self::Result {
        Ok(match &self.state {
            State::Working(bench) => bench.doing(),
            State::Resting(kept, since) => {
                let owner_epoch = Some(kept.owner_epoch);
                Doing { step: "resting", since: *since, owner_epoch, retry: None }
            }
        })
    }
}
