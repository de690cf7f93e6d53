//! Group commit: wishes that come while a commit is under way share the next one.
//!
//! A commit costs a flush of the disk, whether it holds one instance or a hundred. Nobody waits for a batch to fill: a
//! committer that is free takes what is there.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::lock::Mutex;
use futures_util::stream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::{InstanceError, QuotaSettings};
use crate::actors::bell::{self, Bell};
use crate::actors::system::Handle;
use crate::models::idempotency::{IdempotencyKey, Made};
use crate::models::store::idempotency::{self, Claim, Known};
use crate::models::store::instances::{self, InsertOutcome};
use crate::models::store::{Session, SharedDb, SharedSide, StoreError, team_projection};
use crate::models::{Instance, NewInstance, UserId};

/// Commits under way at once. One would leave Postgres idle between a commit and the next; many make batches small.
pub(super) const COMMITTERS: usize = 3;

/// Wishes in one commit. Bigger makes the first of them wait for the last without saving much more.
const BATCH_LENGTH_MAX: usize = 64;

/// Wishes that wait. More are told that the service is busy.
const WAITING_MAX: usize = 1_024;

/// How long a wish may wait to be taken up. Then it is withdrawn, and whoever left it is told that the service is busy: a
/// caller who is refused in time comes back when that helps.
const WAITING_WITHIN: Duration = Duration::from_secs(2);

/// Users' commits under way at once when one of them has held up the batch of all.
const APART_MAX: usize = 3;

/// No user's commit begins later than so long after that of all has failed: whoever asked has had to wait for a lock already.
const APART_WITHIN: Duration = Duration::from_secs(3);

/// What keys are used for here.
const ROUTE: &str = "POST /instances";

/// How often a wish is tried whose key somebody else has, and then has not: each time another's work under it was refused.
const CLAIMS_MAX: usize = 3;

type Granted = Result<Made<Instance>, InstanceError>;

/// A wish and the key that it may be sent again with.
pub(super) struct Wish {
    pub(super) instance: NewInstance,
    pub(super) key: Option<IdempotencyKey>,
}

impl Wish {
    fn claim(&self) -> Option<Claim<'_>> {
        self.key.as_ref().map(|key| (self.instance.user_id, key))
    }
}

/// A wish and whoever waits for its outcome.
struct Waiting {
    wish: Wish,
    asker: oneshot::Sender<Granted>,
    claim: Rc<Cell<Holder>>,
}

/// Who has a wish. It is either taken up or withdrawn, never both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Nobody,
    Committer,
    Asker,
}

/// What became of a wish in a commit.
enum Fate {
    Decided(InsertOutcome),
    /// The same was wished before, or in the same commit: the outcome of that is this one's.
    Twin,
}

/// Takes wishes.
#[derive(Clone)]
pub(super) struct Wishes {
    queue: mpsc::Sender<Waiting>,
}

/// A wish that was left.
pub(super) struct Left {
    outcome: oneshot::Receiver<Granted>,
    claim: Rc<Cell<Holder>>,
}

impl Wishes {
    /// Leaves a wish; the outcome comes later.
    pub(super) fn leave(&self, wish: Wish) -> Result<Left, InstanceError> {
        let (asker, outcome) = oneshot::channel();
        let claim = Rc::new(Cell::new(Holder::Nobody));
        let waiting = Waiting { wish, asker, claim: claim.clone() };
        self.queue.try_send(waiting).map_err(|_full_or_ended| InstanceError::Busy)?;
        Ok(Left { outcome, claim })
    }
}

impl Left {
    /// Waits for the outcome. A wish that nobody takes up in time is withdrawn.
    pub(super) async fn outcome(mut self) -> Granted {
        if let Ok(outcome) = timeout(WAITING_WITHIN, &mut self.outcome).await {
            return outcome.map_err(|_actor_ended| InstanceError::Abandoned)?;
        }
        if self.claim.get() == Holder::Nobody {
            self.claim.set(Holder::Asker);
            return Err(InstanceError::Busy);
        }
        self.outcome.await.map_err(|_actor_ended| InstanceError::Abandoned)?
    }
}

impl Waiting {
    /// False if it was withdrawn.
    fn take_up(&self) -> bool {
        let is_free = self.claim.get() != Holder::Asker;
        if is_free {
            self.claim.set(Holder::Committer);
        }
        is_free
    }
}

/// Grants wishes. Clones share the queue; each runs until its future is dropped.
#[derive(Clone)]
pub(super) struct Committer {
    queue: Rc<Mutex<mpsc::Receiver<Waiting>>>,
    shared_db: SharedDb,
    bell: Handle<Bell>,
    quotas: QuotaSettings,
}

impl Committer {
    pub(super) fn new(shared_db: SharedDb, bell: Handle<Bell>, quotas: QuotaSettings) -> (Wishes, Self) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Wishes { queue: sender }, Self { queue: Rc::new(Mutex::new(receiver)), shared_db, bell, quotas })
    }

    pub(super) async fn run(self) {
        loop {
            let mut batch = Vec::new();
            // Only one committer at a time takes; the others wait for the queue, not for its contents.
            let taken = self.queue.lock().await.recv_many(&mut batch, BATCH_LENGTH_MAX).await;
            if taken == 0 {
                return;
            }
            batch.retain(Waiting::take_up);
            if !batch.is_empty() {
                self.grant(batch).await;
            }
        }
    }

    async fn grant(&self, batch: Vec<Waiting>) {
        let (wishes, askers): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.wish, one.asker)).unzip();
        match self.commit(&wishes).await {
            Ok(fates) => {
                // Those that are decided hear of it before the twins are looked up.
                let mut twins = Vec::new();
                for ((wish, asker), fate) in wishes.iter().zip(askers).zip(fates) {
                    match fate {
                        Fate::Decided(outcome) => answer(asker, granted(wish, outcome)),
                        Fate::Twin => twins.push((wish, asker)),
                    }
                }
                for (wish, asker) in twins {
                    answer(asker, self.grant_twin(wish).await);
                }
            }
            Err(error) if wishes.len() > 1 && is_about_one(&error) => {
                for (wish, asker) in wishes.iter().zip(askers) {
                    answer(asker, self.grant_alone(wish).await);
                }
            }
            Err(error) if is_about_rows(&error) && is_of_several(&wishes) => {
                let claim = Rc::new(Cell::new(Holder::Committer));
                let waiting = |(wish, asker)| Waiting { wish, asker, claim: claim.clone() };
                self.grant_apart(wishes.into_iter().zip(askers).map(waiting), error).await;
            }
            Err(error) => refuse(askers, error),
        }
    }

    /// One commit for each user: whoever's rows are held by somebody else waits for them alone.
    async fn grant_apart(&self, batch: impl Iterator<Item = Waiting>, error: StoreError) {
        let mut of_users: BTreeMap<UserId, Vec<Waiting>> = BTreeMap::new();
        for waiting in batch {
            of_users.entry(waiting.wish.instance.user_id).or_default().push(waiting);
        }
        tracing::debug!(%error, users = of_users.len(), "a batch was held up; each user has a commit of their own");
        let (deadline, error) = (Instant::now() + APART_WITHIN, &Arc::new(error));
        let grant = async |of_user: Vec<Waiting>| {
            if Instant::now() < deadline {
                Box::pin(self.grant(of_user)).await;
            } else {
                refuse(of_user.into_iter().map(|one| one.asker), error.clone());
            }
        };
        stream::iter(of_users.into_values()).for_each_concurrent(APART_MAX, grant).await;
    }

    async fn grant_alone(&self, wish: &Wish) -> Granted {
        let fate = self.commit(std::slice::from_ref(wish)).await?.pop();
        match fate.ok_or(InstanceError::Abandoned)? {
            Fate::Decided(outcome) => granted(wish, outcome),
            Fate::Twin => self.grant_twin(wish).await,
        }
    }

    /// Gives what was made at the first wish of that key. If that was refused, the key is free again.
    async fn grant_twin(&self, wish: &Wish) -> Granted {
        let claim = wish.claim().ok_or(InstanceError::Abandoned)?;
        for _try in 0..CLAIMS_MAX {
            let known = idempotency::find(&self.shared_db.connection().await?, ROUTE, claim).await?;
            match known {
                Known::Made(thing) => {
                    self.check_still_in(wish).await?;
                    return Ok(Made { thing, is_replayed: true });
                }
                Known::OtherWork => return Err(InstanceError::KeyReused),
                Known::Nothing => {}
            }
            let fate = self.commit(std::slice::from_ref(wish)).await?.pop();
            if let Some(Fate::Decided(outcome)) = fate {
                return granted(wish, outcome);
            }
        }
        Err(InstanceError::Busy)
    }

    /// Whoever left a team is shown nothing of it, not even what they made there.
    async fn check_still_in(&self, Wish { instance: wish, .. }: &Wish) -> Result<(), InstanceError> {
        let Some(team) = wish.team_id else { return Ok(()) };
        let session = self.shared_db.connection().await?;
        let role = team_projection::find_role(&session, team, wish.user_id).await?;
        role.map(|_any| ()).ok_or(InstanceError::TeamNotFound(team))
    }

    async fn commit(&self, wishes: &[Wish]) -> Result<Vec<Fate>, StoreError> {
        let mut session = self.shared_db.connection().await?;
        let fates = if wishes.iter().any(|wish| wish.key.is_some()) {
            let transaction = session.transaction().await?;
            let fates = self.insert_claimed(&transaction, wishes).await?;
            transaction.commit().await?;
            fates
        } else {
            let outcomes = self.insert(&session, wishes.iter()).await?;
            outcomes.into_iter().map(Fate::Decided).collect()
        };
        bell::ring(&self.bell);
        Ok(fates)
    }

    async fn insert(
        &self,
        db: &impl Session<SharedSide>,
        wishes: impl Iterator<Item = &Wish>,
    ) -> Result<Vec<InsertOutcome>, StoreError> {
        let wanted: Vec<&NewInstance> = wishes.map(|wish| &wish.instance).collect();
        instances::insert_batch(db, &wanted, self.quotas.instances_max).await
    }

    /// Claims the keys, inserts what has none or could claim it, and keeps what was made: all of it, or nothing.
    async fn insert_claimed(
        &self,
        db: &impl Session<SharedSide>,
        wishes: &[Wish],
    ) -> Result<Vec<Fate>, StoreError> {
        let mut keys = HashSet::new();
        let is_first: Vec<bool> =
            wishes.iter().map(|wish| wish.claim().is_none_or(|claim| keys.insert(named(claim)))).collect();
        let first = || wishes.iter().zip(&is_first).filter(|(_, first)| **first).map(|(wish, _)| wish);
        let claims: Vec<_> = first().filter_map(Wish::claim).collect();
        let claimed: HashSet<(UserId, String)> =
            idempotency::claim(db, ROUTE, &claims).await?.into_iter().collect();
        let is_ours = |wish: &Wish| {
            wish.claim().is_none_or(|(owner, key)| claimed.contains(&(owner, key.text().to_owned())))
        };

        let ours: Vec<&Wish> = first().filter(|wish| is_ours(wish)).collect();
        let outcomes = self.insert(db, ours.iter().copied()).await?;
        self.settle(db, &ours, &outcomes).await?;

        let mut outcomes = outcomes.into_iter();
        let fate = |(wish, is_first): (&Wish, &bool)| {
            let decided = if *is_first && is_ours(wish) { outcomes.next() } else { None };
            decided.map_or(Fate::Twin, Fate::Decided)
        };
        Ok(wishes.iter().zip(&is_first).map(fate).collect())
    }

    async fn settle(
        &self,
        db: &impl Session<SharedSide>,
        wishes: &[&Wish],
        outcomes: &[InsertOutcome],
    ) -> Result<(), StoreError> {
        let (mut settled, mut refused) = (Vec::new(), Vec::new());
        for (wish, outcome) in wishes.iter().zip(outcomes) {
            let Some(claim) = wish.claim() else { continue };
            if let InsertOutcome::Created(instance) = outcome {
                settled.push((claim, instance.as_ref()));
            } else {
                refused.push(claim);
            }
        }
        if !settled.is_empty() {
            idempotency::settle(db, ROUTE, &settled).await?;
        }
        if !refused.is_empty() {
            idempotency::give_back(db, ROUTE, &refused).await?;
        }
        Ok(())
    }
}

fn named<'a>((owner, key): Claim<'a>) -> (UserId, &'a str) {
    (owner, key.text())
}

/// Whether somebody else held a row that one of the users needs.
const fn is_about_rows(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy { is_about_rows: true, .. })
}

fn is_of_several(wishes: &[Wish]) -> bool {
    wishes.windows(2).any(|pair| matches!(pair, [one, next] if one.instance.user_id != next.instance.user_id))
}

fn refuse(askers: impl IntoIterator<Item = oneshot::Sender<Granted>>, error: impl Into<Arc<StoreError>>) {
    let error = error.into();
    for asker in askers {
        answer(asker, Err(error.clone().into()));
    }
}

/// Whether one wish spoilt it for all, so that the others may well succeed without it. An outage is everybody's.
/// A wait for somebody's row is that user's.
fn is_about_one(error: &StoreError) -> bool {
    match error {
        StoreError::Conflict { .. }
        | StoreError::Reference { .. }
        | StoreError::RuleBroken { .. }
        | StoreError::Invalid { .. }
        | StoreError::Shape(_)
        | StoreError::Database(_) => true,
        StoreError::Busy { .. }
        | StoreError::Unavailable { .. }
        | StoreError::Lost(_)
        | StoreError::Silent(_)
        | StoreError::StaleEpoch
        | StoreError::Settings(_) => false,
    }
}

fn granted(Wish { instance: wish, .. }: &Wish, outcome: InsertOutcome) -> Granted {
    match outcome {
        InsertOutcome::Created(instance) => Ok(Made::anew(*instance)),
        InsertOutcome::AgentUnknown => Err(InstanceError::AgentNotFound(wish.agent_id)),
        InsertOutcome::AgentRetired => Err(InstanceError::AgentRetired(wish.agent_id)),
        InsertOutcome::TeamUnknown => Err(gone_team(wish)),
        InsertOutcome::RoleTooLow => Err(InstanceError::RoleTooLow),
        InsertOutcome::TeamClosed => {
            Err(wish.team_id.map_or(InstanceError::RoleTooLow, InstanceError::TeamClosing))
        }
        InsertOutcome::QuotaExceeded { used, limit } => Err(InstanceError::QuotaExceeded { used, limit }),
    }
}

/// Only wishes that name a team are refused for it.
fn gone_team(wish: &NewInstance) -> InstanceError {
    wish.team_id.map_or(InstanceError::RoleTooLow, InstanceError::TeamNotFound)
}

/// An asker that has gone away has no use for the outcome; the instance is there all the same.
fn answer(asker: oneshot::Sender<Granted>, outcome: Granted) {
    let _gone = asker.send(outcome);
}
