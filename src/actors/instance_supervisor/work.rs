//! The way of one instance from where it was found to where its user wants it.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Tools;
use super::bench::{Bench, CLAIMING};
use super::engine::{PrepareError, Prepared};
use super::lifecycle::{Picture, Remains, Step, next_step};
use super::roster::Birth;
use crate::actors::instance_ledger::{LedgerError, Move, Moved, Purge, Take, Taken};
use crate::actors::system::{AskError, Backoff};
use crate::models::{Instance, InstanceId, InstanceStatus};

/// Between two tries of the same thing. The longest pause is also how late an instance may notice that Postgres is back.
const RETRY: Backoff = Backoff { min: Duration::from_millis(50), max: Duration::from_secs(5) };

/// How often a start may be begun without coming to its end. One that takes its process down each time must not do so
/// for ever.
const ATTEMPTS_MAX: i32 = 10;

/// How often in a row what a preparation needs may be away: a quarter of a minute.
const FAILURES_MAX: u32 = 10;

/// The longest reason that is written; what is beyond helps nobody.
const REASON_CHARS_MAX: usize = 500;

/// How it ended.
pub(super) enum End {
    /// It is running, and has to be kept so.
    Rests(Kept),
    /// It is settled, gone, or another's.
    Leaves,
}

/// What a supervisor keeps of a running instance.
pub(super) struct Kept {
    /// The last revision that it has seen.
    pub(super) revision: i64,
    /// The epoch of its claim.
    pub(super) owner_epoch: i64,
    /// What the instance needs to run.
    pub(super) prepared: Prepared,
}

/// One walk along the way. It never gives up by itself: whatever is in the way for a while is waited for.
pub(super) struct Work {
    tools: Rc<Tools>,
    bench: Rc<Bench>,
    row: Box<Instance>,
    prepared: Option<Prepared>,
    torn_down: bool,
    doom: Option<String>,
    /// How often the replica's lease had run out when the row was claimed.
    lapses: u64,
    /// Failures since the last thing that went well.
    failures: u32,
}

/// What a step comes to.
enum Went {
    On,
    Off(End),
}

/// Walks the whole way. `prepared` is what an earlier walk of the same life has left.
pub(super) async fn settle(
    tools: Rc<Tools>,
    id: InstanceId,
    bench: Rc<Bench>,
    prepared: Option<Prepared>,
) -> End {
    let lapses = tools.lease.lapses();
    let born = if prepared.is_none() { tools.roster.birth(id) } else { None };
    let (row, lapses) = match born {
        Some(Birth { row, lapses }) => (row, lapses),
        None => match take(&tools, &bench, id).await {
            Some(row) => (row, lapses),
            None => return End::Leaves,
        },
    };
    let torn_down = false;
    let mut work = Work { tools, bench, row, prepared, torn_down, doom: None, lapses, failures: 0 };
    work.look_at_the_row();
    loop {
        if let Went::Off(end) = work.step().await {
            return end;
        }
    }
}

/// Claims the instance, however long that takes; `None` if there is nothing to claim.
async fn take(tools: &Tools, bench: &Bench, id: InstanceId) -> Option<Box<Instance>> {
    let mut failures = 0;
    bench.turn_to(CLAIMING);
    loop {
        tools.roster.look_into(id);
        match tools.ledger.ask(Take { id }).await {
            Ok(Taken::Ours(row)) => return Some(row),
            Ok(Taken::Elsewhere(there)) => {
                tools.roster.find_elsewhere(there);
                return None;
            }
            Ok(Taken::Nobodys) => return None,
            Err(error) => {
                failures += 1;
                tracing::debug!(instance.id = %id, %error, failures, "could not be taken yet");
                bench.failed(failures, error.to_string());
                pause(bench, failures).await;
            }
        }
    }
}

/// A pause that ends early when there is word of the instance.
async fn pause(bench: &Bench, failures: u32) {
    tokio::select! {
        () = sleep(RETRY.pause_now(failures)) => {}
        () = bench.word.notified() => {}
    }
}

impl Work {
    async fn step(&mut self) -> Went {
        if self.has_news() {
            return self.take_again().await;
        }
        match next_step(self.picture()) {
            Step::Move(to) => self.write(to).await,
            Step::Prepare => self.prepare().await,
            Step::TearDown => self.tear_down().await,
            Step::Purge => self.purge().await,
            Step::Rest => self.rest(),
            Step::Leave => self.leave(),
        }
    }

    fn picture(&self) -> Picture {
        let remains = match (&self.prepared, self.torn_down) {
            (Some(_), _) => Remains::Prepared,
            (None, true) => Remains::Nothing,
            (None, false) => Remains::Unknown,
        };
        let (status, desired) = (self.row.status, self.row.desired_state);
        Picture { status, desired, remains, doomed: self.doom.is_some() }
    }

    fn has_news(&self) -> bool {
        self.tools.roster.has_news(self.row.id, self.row.revision)
    }

    /// Goes back to the row: something else is true of it by now, or it is not known what.
    async fn take_again(&mut self) -> Went {
        self.lapses = self.tools.lease.lapses();
        match take(&self.tools, &self.bench, self.row.id).await {
            Some(row) => {
                self.row = row;
                self.look_at_the_row();
                Went::On
            }
            None => Went::Off(End::Leaves),
        }
    }

    fn look_at_the_row(&mut self) {
        self.doom = None;
        self.bench.claimed(self.row.owner_epoch);
        if self.prepared.as_ref().is_some_and(|prepared| !prepared.suits(&self.row)) {
            self.prepared = None;
            self.torn_down = false;
        }
        if self.row.status == InstanceStatus::Provisioning && self.row.attempts > ATTEMPTS_MAX {
            self.doom =
                Some(format!("provisioning was begun {ATTEMPTS_MAX} times and never came to its end"));
        }
    }

    async fn write(&mut self, to: InstanceStatus) -> Went {
        let reason = if to == InstanceStatus::Failed { self.doom.as_deref().map(cut) } else { None };
        let order = Move { id: self.row.id, epoch: self.row.owner_epoch, from: self.row.status, to, reason };
        self.bench.turn_to("writing");
        match self.tools.ledger.ask(order).await {
            Ok(Moved::Applied { revision }) if revision == self.row.revision + 1 => {
                self.row.status = to;
                self.row.revision = revision;
                self.doom = None;
                self.went_well();
                Went::On
            }
            Ok(Moved::Applied { .. } | Moved::Lost) => self.take_again().await,
            Err(error) => self.write_went_wrong(&error).await,
        }
    }

    async fn purge(&mut self) -> Went {
        self.bench.turn_to("purging");
        let order = Purge { id: self.row.id, epoch: self.row.owner_epoch };
        match self.tools.ledger.ask(order).await {
            Ok(true) => self.leave(),
            Ok(false) => self.take_again().await,
            Err(error) => self.write_went_wrong(&error).await,
        }
    }

    /// It may have happened or not; the row knows.
    async fn write_went_wrong(&mut self, error: &AskError<LedgerError>) -> Went {
        self.failed(error).await;
        self.take_again().await
    }

    async fn prepare(&mut self) -> Went {
        if let Some(instead) = self.something_before_an_effect().await {
            return instead;
        }
        // From here on something may stand, also if this is given up in the middle.
        self.torn_down = false;
        let within = self.tools.provisioning_within;
        self.bench.turn_to("preparing");
        let outcome = match self.tools.engines.of(&self.row) {
            Err(error) => Err(error),
            Ok(engine) => tokio::select! {
                biased;
                outcome = timeout(within, engine.prepare(&self.row)) => outcome.unwrap_or_else(|_elapsed| {
                    let seconds = within.as_secs_f64();
                    Err(PrepareError::Refused(format!("provisioning did not come to its end within {seconds} s")))
                }),
                // Wanted otherwise meanwhile: what was begun is torn down or begun again, as the row says.
                () = self.until_news() => return Went::On,
            },
        };
        match outcome {
            Ok(prepared) => {
                self.prepared = Some(prepared);
                self.went_well();
                Went::On
            }
            Err(PrepareError::Refused(reason)) => {
                self.doom = Some(reason);
                Went::On
            }
            // Owners change, and each counts from the beginning; the row counts them.
            Err(PrepareError::Away(reason)) if self.failures >= FAILURES_MAX => {
                self.doom = Some(reason);
                Went::On
            }
            Err(PrepareError::Away(reason)) => {
                self.failed(&reason).await;
                // The row's deadline has gone on meanwhile; taking it again begins a new one.
                self.take_again().await
            }
        }
    }

    async fn until_news(&self) {
        while !self.has_news() {
            self.bench.word.notified().await;
        }
    }

    async fn tear_down(&mut self) -> Went {
        if let Some(instead) = self.something_before_an_effect().await {
            return instead;
        }
        // From here on it is not what was prepared any more, also if this does not come to its end.
        self.prepared = None;
        self.bench.turn_to("tearing_down");
        let outcome = match self.tools.engines.of(&self.row) {
            // An engine that is not there has left nothing.
            Err(_) => Ok(()),
            Ok(engine) => match timeout(self.tools.provisioning_within, engine.tear_down(&self.row)).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Err(PrepareError::Away("it took too long".to_owned())),
            },
        };
        match outcome {
            Ok(()) => {
                self.torn_down = true;
                self.went_well();
            }
            Err(error) => self.failed(&error).await,
        }
        Went::On
    }

    /// To be asked before each effect outside of Postgres, which no epoch fences. `None` lets it begin.
    async fn something_before_an_effect(&mut self) -> Option<Went> {
        if !self.tools.lease.may_act() {
            self.failed(&"this replica's lease has run out").await;
            return Some(Went::On);
        }
        if self.tools.lease.lapses() != self.lapses {
            // Others may have taken it while the lease had run out.
            return Some(self.take_again().await);
        }
        None
    }

    async fn failed(&mut self, cause: &impl std::fmt::Display) {
        self.failures += 1;
        tracing::debug!(instance.id = %self.row.id, %cause, failures = self.failures, "is tried again");
        self.bench.failed(self.failures, cut(&cause.to_string()));
        pause(&self.bench, self.failures).await;
    }

    fn went_well(&mut self) {
        self.failures = 0;
        self.bench.succeeded();
    }

    fn rest(&mut self) -> Went {
        match self.prepared.take() {
            Some(prepared) => {
                let Instance { revision, owner_epoch, .. } = *self.row;
                Went::Off(End::Rests(Kept { revision, owner_epoch, prepared }))
            }
            None => Went::On,
        }
    }

    fn leave(&self) -> Went {
        self.tools.roster.leave(self.row.id, self.row.revision);
        Went::Off(End::Leaves)
    }
}

fn cut(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}
