//! The supervisors under one roof: how they come, go, and are found again.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{sleep, timeout};

use super::forwarding::Forwarding;
use super::{Adopted, WorkerSettings};
use crate::actors::courier::Courier;
use crate::actors::instance_ledger::{
    Begin, InstanceLedger, LedgerError, ListOwned, Move, Moved, ReleaseAll, Take, TakeMany, Taken,
};
use crate::actors::instance_supervisor::{Birth, FindDoing, Hinted, InstanceSupervisor, Roster, Tools, Void};
use crate::actors::replica::ReplicaLease;
use crate::actors::system::{AskError, Backoff, Brood, ChildSpec, Exit, Handle, Lifeline};
use crate::models::control::{ActorState, LetGo};
use crate::models::store::SharedDb;
use crate::models::{DesiredState, InstanceId, InstanceStatus};

/// Rows that are claimed in one statement. More make the claim hold its locks longer, and each may bring documents of 128 KiB;
/// fewer make a takeover slower.
const ADOPT_ROWS_MAX: usize = 500;

/// Documents of a claimed row that wait with it for its supervisor, of which there may be ten thousands.
const BIRTH_BYTES_MAX: usize = 4_096;

/// Claims in bulk under way at once; each holds a connection of the pool.
const ADOPTIONS_MAX: usize = 2;

/// Between two tries of what must be done in the end.
const RETRY: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(5) };

/// What the user reads when the supervisor itself was the trouble. The cause is for the log.
const GIVEN_UP: &str = "the platform gave up on it after repeated faults of its own; start it again later";

/// A directory that is full says so, and not at every hint.
const TOLD_FULL_EVERY: Duration = Duration::from_secs(60);

/// Beyond every revision: whoever gets this hint looks at the row.
pub(super) const LOOK: i64 = i64::MAX;

/// How long a supervisor may take to say what it does. It only looks; one that does not answer is worth knowing of.
const DESCRIBED_WITHIN: Duration = Duration::from_millis(500);

pub(super) struct House {
    brood: Brood<InstanceId, InstanceSupervisor>,
    roster: Rc<Roster>,
    ledger: Handle<InstanceLedger>,
    instances_max: usize,
    told_full_at: Cell<Option<Instant>>,
    is_closed: Cell<bool>,
    forwarding: Forwarding,
    lease: ReplicaLease,
    /// Where its supervisors stand in the tree.
    path: String,
}

impl House {
    pub(super) fn build(
        shared_db: SharedDb,
        ledger: Handle<InstanceLedger>,
        courier: Handle<Courier>,
        lease: ReplicaLease,
        supervisors: ChildSpec,
        settings: &WorkerSettings,
        lifeline: &Lifeline,
    ) -> Rc<Self> {
        let forwarding = Forwarding { courier, shared_db: shared_db.clone(), me: lease.id() };
        let path = format!("{}/{}", lifeline.node().path(), supervisors.name);
        let roster = Rc::new(Roster::default());
        let within = settings.provisioning_within();
        let tools = Rc::new(Tools::new(ledger.clone(), lease.clone(), roster.clone(), shared_db, within));
        let told = roster.clone();
        let brood = Brood::new(
            lifeline.node(),
            supervisors,
            move |id, lifeline| InstanceSupervisor::new(*id, tools.clone(), lifeline),
            move |id, exit| told.end(id, exit),
        );
        let instances_max = settings.instances_max;
        let (told_full_at, is_closed) = (Cell::new(None), Cell::new(false));
        Rc::new(Self {
            brood,
            roster,
            ledger,
            instances_max,
            told_full_at,
            is_closed,
            forwarding,
            lease,
            path,
        })
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.roster
    }

    pub(super) fn forwarding(&self) -> &Forwarding {
        &self.forwarding
    }

    /// Whether an instance is looked after here; for a moment also true of one that is only being looked at.
    pub(super) fn looks_after(&self, id: &InstanceId) -> bool {
        self.brood.contains(id)
    }

    /// The claim on an instance is void under epochs before this one. Between two lives nobody hears it; the next one claims
    /// the row anew.
    pub(super) fn let_go(&self, LetGo { instance_id, owner_epoch }: LetGo) {
        let _heard = self.brood.tell(&instance_id, Void { owner_epoch });
    }

    /// How the supervisor of an instance does; `None` if there is none.
    pub(super) async fn describe(&self, id: InstanceId) -> Option<ActorState> {
        if !self.brood.contains(&id) {
            return None;
        }
        let doing = match self.brood.ask(&id, FindDoing) {
            Some(asked) => Some(timeout(DESCRIBED_WITHIN, asked).await),
            None => None,
        };
        let phase = if doing.is_some() { "up" } else { "backing_off" };
        let doing = match doing {
            Some(Ok(Ok(Ok(doing)))) => Some(doing),
            _ => None,
        };
        let past = self.brood.past(&id);
        Some(ActorState {
            path: format!("{}/{id}", self.path),
            phase: phase.to_owned(),
            step: doing.as_ref().map(|doing| doing.step.to_owned()),
            since: doing.as_ref().map(|doing| doing.since),
            owner_epoch: doing.as_ref().and_then(|doing| doing.owner_epoch),
            restarts: past.as_ref().map_or(0, |past| past.restarts),
            last_exit: past.as_ref().map(|past| past.last_exit.to_string()),
            last_exit_at: past.map(|past| past.ended_at),
            retry: doing.and_then(|doing| doing.retry),
        })
    }

    /// There is word that the row of `id` has this revision. Costs no read where that is known.
    pub(super) fn hint(&self, id: InstanceId, revision: i64) {
        if !self.brood.contains(&id) && self.roster.left_with(id, revision) {
            return;
        }
        self.look_after(id, revision);
    }

    /// As [`House::hint`], for a row that is known to need somebody.
    pub(super) fn look_after(&self, id: InstanceId, revision: i64) {
        if self.brood.contains(&id) {
            self.roster.hint(id, revision);
            // Between two lives nobody hears it; the next one reads the row anyway.
            let _heard = self.brood.tell(&id, Hinted);
        } else if self.room() > 0 {
            self.roster.hint(id, revision);
            self.brood.ensure(&id);
        }
    }

    /// For fault injection.
    pub(super) fn break_one(&self, id: &InstanceId) -> bool {
        self.brood.break_one(id)
    }

    /// How many more supervisors there may be.
    fn room(&self) -> usize {
        let room = self.instances_max.saturating_sub(self.brood.len());
        if room == 0 && self.told_full_at.get().is_none_or(|then| then.elapsed() > TOLD_FULL_EVERY) {
            self.told_full_at.set(Some(Instant::now()));
            let instances_max = self.instances_max;
            tracing::warn!(instances_max, "instances past the maximum wait for room, here or elsewhere");
        }
        room
    }

    /// Claims what there is room for and begins its supervisors with the rows.
    pub(super) async fn adopt(&self, mut ids: Vec<InstanceId>) -> Result<Adopted, LedgerError> {
        ids.retain(|id| !self.brood.contains(id));
        ids.truncate(self.room());
        let counts: Vec<usize> = stream::iter(ids.chunks(ADOPT_ROWS_MAX))
            .map(|some| self.adopt_some(some.to_vec()))
            .buffer_unordered(ADOPTIONS_MAX)
            .try_collect()
            .await?;
        Ok(Adopted { count: counts.into_iter().sum(), room: self.room() })
    }

    async fn adopt_some(&self, ids: Vec<InstanceId>) -> Result<usize, LedgerError> {
        // Before the claim: whoever lapses while it is under way has lapsed since.
        let lapses = self.lease.lapses();
        let rows = match self.ledger.ask(TakeMany { ids: ids.clone() }).await.map_err(in_ledger_words) {
            Ok(rows) => rows,
            Err(LedgerError::Refused(_)) => {
                // A row that cannot be claimed must not keep its neighbours: each for itself.
                ids.iter().for_each(|id| self.look_after(*id, LOOK));
                return Ok(0);
            }
            Err(error) => return Err(error),
        };
        let count = rows.len();
        for row in rows {
            let id = row.id;
            let bytes = row.user_config.text().len() + row.pipeline_config.text().len();
            if self.brood.contains(&id) || bytes > BIRTH_BYTES_MAX {
                // A hint has come between, whose claim is older than ours and so void; or it is too much to keep for all of them,
                // and is read when its turn comes.
                self.look_after(id, LOOK);
            } else {
                self.roster.bear(Birth { row: Box::new(row), lapses });
                self.brood.ensure(&id);
            }
        }
        Ok(count)
    }

    /// Compares with the rows: begins what is owned and not supervised, has those look that are supervised and not owned.
    pub(super) async fn muster(&self) -> Result<usize, LedgerError> {
        let owned = self.ledger.ask(ListOwned).await.map_err(in_ledger_words)?;
        let owned: HashSet<InstanceId> = owned.into_iter().collect();
        let mut doubtful = self.brood.keys();
        doubtful.retain(|id| !owned.contains(id));
        for id in &doubtful {
            self.look_after(*id, LOOK);
        }
        self.adopt(owned.into_iter().collect()).await?;
        Ok(doubtful.len())
    }

    /// After a beginning: whatever an earlier life of the directory has left. Until Postgres answers.
    pub(super) async fn find_again(self: Rc<Self>) {
        let mut failures = 0;
        while let Err(error) = self.begin().await {
            failures += 1;
            tracing::debug!(%error, failures, "what this replica owns cannot be listed yet");
            sleep(RETRY.pause_now(failures)).await;
        }
    }

    async fn begin(&self) -> Result<(), LedgerError> {
        if self.is_closed.get() {
            return Ok(());
        }
        self.ledger.ask(Begin).await.map_err(in_ledger_words)?;
        self.muster().await?;
        Ok(())
    }

    /// Sees to those that have ended, for ever.
    pub(super) async fn keep(self: Rc<Self>) {
        loop {
            self.roster.until_one_ended().await;
            for (id, exit) in self.roster.ended() {
                if exit.is_abnormal() {
                    // Beside the others: while Postgres is away this takes as long as that.
                    actix::spawn(give_up(self.ledger.clone(), id, exit));
                } else {
                    self.look_after(id, 0);
                }
            }
        }
    }

    /// Stops all supervisors, gives everything back, and tells the others.
    pub(super) async fn hand_back(self: Rc<Self>) {
        self.is_closed.set(true);
        self.brood.stop().await;
        match self.ledger.ask(ReleaseAll).await {
            Ok(0) => tracing::info!("there was nothing to hand back"),
            Ok(count) => {
                tracing::info!(count, "instances were handed back");
                self.forwarding.call_to_take_up().await;
            }
            Err(error) => {
                tracing::warn!(%error, "instances could not be handed back; others wait for the lease to end")
            }
        }
    }

    /// As [`House::hand_back`], when the whole process ends and not only this part of it. The lease is retired first, so that
    /// nothing is claimed any more, whoever is built again meanwhile.
    pub(super) async fn leave(self: Rc<Self>) {
        self.lease.retire();
        self.hand_back().await;
    }
}

/// Fails an instance whose supervisor dies whenever it is built. It ends with this process at the latest; then the row
/// is another's to find.
async fn give_up(ledger: Handle<InstanceLedger>, id: InstanceId, exit: Exit) {
    tracing::error!(instance.id = %id, %exit, "its supervisor is given up and the instance is failed");
    let mut failures = 0;
    while let Err(error) = fail(&ledger, id).await {
        failures += 1;
        tracing::warn!(instance.id = %id, error, failures, "it could not be failed yet");
        sleep(RETRY.pause_now(failures)).await;
    }
}

async fn fail(ledger: &Handle<InstanceLedger>, id: InstanceId) -> Result<(), String> {
    let row = match ledger.ask(Take { id }).await.map_err(|error| error.to_string())? {
        Taken::Ours(row) => row,
        Taken::Elsewhere(_) | Taken::Nobodys => return Ok(()),
    };
    let may_fail = row.status.can_move_to(InstanceStatus::Failed);
    if row.desired_state == DesiredState::Deleted || !may_fail {
        // The reaper finds it past its deadline.
        return Ok(());
    }
    let reason = Some(GIVEN_UP.to_owned());
    let order = Move { id, epoch: row.owner_epoch, from: row.status, to: InstanceStatus::Failed, reason };
    match ledger.ask(order).await.map_err(|error| error.to_string())? {
        Moved::Applied { .. } => Ok(()),
        Moved::Lost => Err("something came between its claim and its end".to_owned()),
    }
}

fn in_ledger_words(error: AskError<LedgerError>) -> LedgerError {
    match error {
        AskError::Reply(error) => error,
        unheard @ (AskError::Overloaded { .. }
        | AskError::Down { .. }
        | AskError::Lost { .. }
        | AskError::TimedOut { .. }) => LedgerError::Unavailable(unheard.to_string()),
    }
}
