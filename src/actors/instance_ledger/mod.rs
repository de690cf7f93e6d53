//! The hand that writes down what becomes of this replica's instances.
//!
//! - **Owns:** every fenced write of this process to `instances`: claims, status moves, purges, the final release.
//! - **Receives:** [`Take`], [`Move`] and [`Purge`] from supervisors, one at a time from each; [`Begin`], [`TakeMany`],
//!   [`ListOwned`] and [`ReleaseAll`] from the directory.
//! - **Sends:** a ring of the bell after each commit that raised events.
//! - **Invariant:** a statement carries what has arrived while the one before it was under way, so that a thousand
//!   instances at once cost a handful of commits; one that cannot be written never fails another. Nothing is claimed
//!   once the final release has begun.
//! - **On failure:** holds no truth. What was under way may have been written or not; its askers are told that the answer
//!   is lost, and take their instances again, under a new epoch. While Postgres is away everything is answered at once
//!   with [`LedgerError::Unavailable`], and the askers pause.

mod error;
mod lane;
mod messages;
mod statements;
mod under_way;

pub use error::LedgerError;
pub use messages::{Begin, ListOwned, Move, Moved, Purge, ReleaseAll, Take, TakeMany, Taken};

use std::future::Future;
use std::time::Duration;

use actix::fut::{ActorFutureExt, ready, wrap_future};
use actix::{Actor, AsyncContext, Context, Handler};
use tokio::sync::oneshot;

use crate::actors::bell::{self, Bell};
use crate::actors::replica::ReplicaLease;
use crate::actors::system::{Answer, AskLimits, Handle, Lifeline};
use crate::models::store::SharedDb;
use crate::models::{Instance, InstanceId, InstanceStatus};

use lane::{Lane, Waiting, write};
use statements::Statements;
use under_way::UnderWay;

/// Rows per statement. More make each of them wait longer for the slowest; at this size a commit is shared well enough.
const BATCH_ROWS_MAX: usize = 256;

/// Statements of one kind under way at once. Each holds a connection of the pool.
const STATEMENTS_MAX: usize = 1;

/// The scribe of this replica.
pub struct InstanceLedger {
    statements: Statements,
    bell: Handle<Bell>,
    lifeline: Lifeline,
    takes: Lane<Take, Taken>,
    moves: Lane<Move, Moved>,
    purges: Lane<Purge, bool>,
    closing: bool,
    under_way: UnderWay,
}

impl InstanceLedger {
    /// The name of its handle.
    pub const NAME: &'static str = "instance_ledger";

    /// What its handle should allow: as many asks as supervisors may have something to write at once, each waiting for
    /// a few statements at most.
    pub const LIMITS: AskLimits = AskLimits { in_flight_max: 16_384, timeout: Duration::from_secs(15) };

    /// An idle ledger. `deadline_ms`: how long a row may be on its way to another status before it counts as stuck.
    #[must_use]
    pub fn new(
        shared_db: SharedDb,
        lease: ReplicaLease,
        bell: Handle<Bell>,
        deadline_ms: u64,
        lifeline: Lifeline,
    ) -> Self {
        let deadline_ms = i64::try_from(deadline_ms).unwrap_or(i64::MAX);
        Self {
            statements: Statements { shared_db, lease, deadline_ms },
            bell,
            lifeline,
            takes: Lane::default(),
            moves: Lane::default(),
            purges: Lane::default(),
            closing: false,
            under_way: UnderWay::default(),
        }
    }

    /// Joins `ask` to a lane and answers when its statement has. The statement is made up one turn later, when all that
    /// lies in the mailbox has joined, too.
    fn write_down<K: Kind>(
        &mut self,
        ask: K,
        context: &mut Context<Self>,
    ) -> Answer<Result<K::Written, LedgerError>> {
        if self.closing {
            return self.lifeline.answer(std::future::ready(Err(LedgerError::Closing)));
        }
        let answered = K::lane(self).join(ask);
        self.pump::<K>(context);
        self.lifeline.answer(answer_of(answered))
    }

    fn pump<K: Kind>(&mut self, context: &mut Context<Self>) {
        let lane = K::lane(self);
        if lane.under_way >= STATEMENTS_MAX || lane.is_empty() {
            return;
        }
        lane.under_way += 1;
        let begun = self.under_way.begin();
        let statement = ready::<()>(())
            .then(|(), ledger: &mut Self, _: &mut Context<Self>| {
                let batch = K::lane(ledger).next_batch(BATCH_ROWS_MAX);
                wrap_future(K::write(ledger.statements.clone(), ledger.bell.clone(), batch))
            })
            .map(|outcome, ledger, context| {
                drop(begun);
                K::lane(ledger).under_way -= 1;
                ledger.report(outcome);
                ledger.pump::<K>(context);
            });
        context.spawn(statement);
    }

    /// What a replica claims whose lease does not run, the next one to look may claim from it again.
    fn may_claim(&self) -> Result<(), LedgerError> {
        if self.closing {
            return Err(LedgerError::Closing);
        }
        if !self.statements.lease.may_act() {
            return Err(LedgerError::Unavailable("the lease of this replica does not run".to_owned()));
        }
        Ok(())
    }

    fn report(&self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.lifeline.recovered(),
            Err(reason) => self.lifeline.impaired(format!("postgres: {reason}")),
        }
    }
}

/// A kind of ask that shares statements with others of its kind.
trait Kind: Clone + 'static {
    /// What one of them is answered.
    type Written: 'static;

    /// Where they wait.
    fn lane(ledger: &mut InstanceLedger) -> &mut Lane<Self, Self::Written>;

    /// Writes a batch and answers each.
    fn write(
        statements: Statements,
        bell: Handle<Bell>,
        batch: Vec<Waiting<Self, Self::Written>>,
    ) -> impl Future<Output = Result<(), String>> + 'static;
}

impl Kind for Take {
    type Written = Taken;

    fn lane(ledger: &mut InstanceLedger) -> &mut Lane<Self, Self::Written> {
        &mut ledger.takes
    }

    async fn write(
        statements: Statements,
        bell: Handle<Bell>,
        batch: Vec<Waiting<Self, Self::Written>>,
    ) -> Result<(), String> {
        let outcome = write(batch, async |asks| statements.take(asks).await).await;
        // Whether a claim changed a status is not told; a bell too many costs less than an answer more.
        bell::ring(&bell);
        outcome
    }
}

impl Kind for Move {
    type Written = Moved;

    fn lane(ledger: &mut InstanceLedger) -> &mut Lane<Self, Self::Written> {
        &mut ledger.moves
    }

    async fn write(
        statements: Statements,
        bell: Handle<Bell>,
        batch: Vec<Waiting<Self, Self::Written>>,
    ) -> Result<(), String> {
        let outcome = write(batch, async |asks| statements.write_moves(asks).await).await;
        bell::ring(&bell);
        outcome
    }
}

impl Kind for Purge {
    type Written = bool;

    fn lane(ledger: &mut InstanceLedger) -> &mut Lane<Self, Self::Written> {
        &mut ledger.purges
    }

    async fn write(
        statements: Statements,
        _bell: Handle<Bell>,
        batch: Vec<Waiting<Self, Self::Written>>,
    ) -> Result<(), String> {
        write(batch, async |asks| statements.purge(asks).await).await
    }
}

async fn answer_of<T>(answered: oneshot::Receiver<Result<T, LedgerError>>) -> Result<T, LedgerError> {
    answered.await.unwrap_or(Err(LedgerError::Closing))
}

impl Actor for InstanceLedger {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.lifeline.ready();
    }
}

impl Handler<Take> for InstanceLedger {
    type Result = Answer<Result<Taken, LedgerError>>;

    fn handle(&mut self, take: Take, context: &mut Self::Context) -> Self::Result {
        match self.may_claim() {
            Ok(()) => self.write_down(take, context),
            Err(error) => self.lifeline.answer(std::future::ready(Err(error))),
        }
    }
}

impl Handler<Move> for InstanceLedger {
    type Result = Answer<Result<Moved, LedgerError>>;

    fn handle(&mut self, order: Move, context: &mut Self::Context) -> Self::Result {
        self.write_down(order, context)
    }
}

impl Handler<Purge> for InstanceLedger {
    type Result = Answer<Result<bool, LedgerError>>;

    fn handle(&mut self, purge: Purge, context: &mut Self::Context) -> Self::Result {
        self.write_down(purge, context)
    }
}

impl Handler<Begin> for InstanceLedger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, _begin: Begin, _context: &mut Self::Context) -> Self::Result {
        self.closing = false;
        Ok(())
    }
}

impl Handler<TakeMany> for InstanceLedger {
    type Result = Answer<Result<Vec<Instance>, LedgerError>>;

    fn handle(&mut self, TakeMany { ids }: TakeMany, _context: &mut Self::Context) -> Self::Result {
        let (statements, bell, may_claim) = (self.statements.clone(), self.bell.clone(), self.may_claim());
        let begun = self.under_way.begin();
        self.lifeline.answer(async move {
            let _begun = begun;
            may_claim?;
            let rows = statements.take_many(&ids).await.map_err(|error| LedgerError::of(&error))?;
            if rows.iter().any(|row| row.status != InstanceStatus::Running) {
                bell::ring(&bell);
            }
            Ok(rows)
        })
    }
}

impl Handler<ListOwned> for InstanceLedger {
    type Result = Answer<Result<Vec<InstanceId>, LedgerError>>;

    fn handle(&mut self, _list: ListOwned, _context: &mut Self::Context) -> Self::Result {
        let statements = self.statements.clone();
        self.lifeline
            .answer(async move { statements.list_owned().await.map_err(|error| LedgerError::of(&error)) })
    }
}

impl Handler<ReleaseAll> for InstanceLedger {
    type Result = Answer<Result<usize, LedgerError>>;

    fn handle(&mut self, _release: ReleaseAll, _context: &mut Self::Context) -> Self::Result {
        self.closing = true;
        self.takes.close();
        self.moves.close();
        self.purges.close();
        let (statements, under_way) = (self.statements.clone(), self.under_way.clone());
        self.lifeline.answer(async move {
            under_way.until_none().await;
            statements.release_all().await.map_err(|error| LedgerError::of(&error))
        })
    }
}
