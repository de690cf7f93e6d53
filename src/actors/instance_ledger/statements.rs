//! The asks of a lane as one statement each; answers in the order of the asks.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::sleep;

use super::lane::Answered;
use super::{LedgerError, Move, Moved, Purge, Take, Taken};
use crate::actors::replica::ReplicaLease;
use crate::models::store::instance_work::{self, Claim, Missing};
use crate::models::store::{SharedDb, StoreError};
use crate::models::{Instance, InstanceId, InstanceStatus};

/// Entries of a deleted instance's knowledge base that go in one statement: their files may have 25 MiB each.
const EMPTIED_AT_ONCE: i64 = 10;
/// How many such statements one purge has before others get their turn.
const EMPTYING_ROUNDS_MAX: usize = 20;

/// How often what is owned is given back: a row that a user's statement holds is passed over the first time.
const RELEASE_ROUNDS_MAX: u32 = 10;

/// Between two of them. What is still held in the end, others find when this replica has left.
const RELEASE_PAUSE: Duration = Duration::from_millis(30);

/// What every statement needs.
#[derive(Clone)]
pub(super) struct Statements {
    pub(super) shared_db: SharedDb,
    pub(super) lease: ReplicaLease,
    pub(super) deadline_ms: i64,
}

impl Statements {
    /// Where two ask for the same instance, the first is a life that is over: the last one gets the row. Why some could not be
    /// had is one more statement for all of them, and only where there is such a row.
    pub(super) async fn take(&self, asks: Vec<Take>) -> Result<Vec<Answered<Taken>>, StoreError> {
        let mut missing: HashSet<InstanceId> = asks.iter().map(|ask| ask.id).collect();
        let rows = self.take_many(&missing.iter().copied().collect::<Vec<_>>()).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, Box::new(row))).collect();
        missing.retain(|id| !rows.contains_key(id));
        let mut reasons = self.explain(missing).await;
        let mut answer = |id| match (rows.remove(&id), reasons.remove(&id)) {
            (Some(row), _) => Ok(Taken::Ours(row)),
            (None, Some(Missing::Elsewhere(there))) => Ok(Taken::Elsewhere(there)),
            (None, Some(Missing::Claimable(_))) => Err(LedgerError::Locked),
            (None, None) => Ok(Taken::Nobodys),
        };
        let mut answers: Vec<_> = asks.iter().rev().map(|ask| answer(ask.id)).collect();
        answers.reverse();
        Ok(answers)
    }

    /// What was claimed is claimed, whatever becomes of this: an owner that cannot be found now is not told, and its own
    /// sweep finds what it should know, as ours finds what was locked.
    async fn explain(&self, missing: HashSet<InstanceId>) -> HashMap<InstanceId, Missing> {
        if missing.is_empty() {
            return HashMap::new();
        }
        let ids: Vec<_> = missing.into_iter().collect();
        let listed = async {
            let connection = self.shared_db.connection().await?;
            instance_work::explain_missing(&connection, self.lease.id(), &ids).await
        };
        match listed.await {
            Ok(rows) => rows.into_iter().map(|row| (row.id(), row)).collect(),
            Err(error) => {
                tracing::debug!(%error, count = ids.len(), "why these instances could not be claimed was not read");
                HashMap::new()
            }
        }
    }

    pub(super) async fn take_many(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, StoreError> {
        let connection = self.shared_db.connection().await?;
        instance_work::take_batch(&connection, self.lease.id(), ids, self.deadline_ms).await
    }

    pub(super) async fn write_moves(&self, asks: Vec<Move>) -> Result<Vec<Answered<Moved>>, StoreError> {
        let ids: Vec<_> = asks.iter().map(|ask| ask.id).collect();
        let steps: Vec<_> = asks.into_iter().map(|ask| self.step(ask)).collect();
        let connection = self.shared_db.connection().await?;
        let made = instance_work::move_batch(&connection, self.lease.id(), &steps).await?;
        let revisions: HashMap<_, _> = made.into_iter().map(|made| (made.id, made.revision)).collect();
        let answer = |id| match revisions.get(id) {
            Some(&revision) => Ok(Moved::Applied { revision }),
            None => Ok(Moved::Lost),
        };
        Ok(ids.iter().map(answer).collect())
    }

    pub(super) async fn purge(&self, asks: Vec<Purge>) -> Result<Vec<Answered<bool>>, StoreError> {
        let claims: Vec<_> = asks.iter().map(|ask| Claim { id: ask.id, epoch: ask.epoch }).collect();
        let connection = self.shared_db.connection().await?;
        let ids: Vec<_> = asks.iter().map(|ask| ask.id).collect();
        for _ in 0..EMPTYING_ROUNDS_MAX {
            if instance_work::empty_knowledge(&connection, &ids, EMPTIED_AT_ONCE).await? == 0 {
                break;
            }
        }
        // Those that are not empty yet are asked for again.
        let gone = instance_work::finish_teardown(&connection, self.lease.id(), &claims).await?;
        let gone: HashSet<_> = gone.into_iter().collect();
        Ok(asks.iter().map(|ask| Ok(gone.contains(&ask.id))).collect())
    }

    pub(super) async fn list_owned(&self) -> Result<Vec<InstanceId>, StoreError> {
        let connection = self.shared_db.connection().await?;
        instance_work::list_owned(&connection, self.lease.id()).await
    }

    pub(super) async fn release_all(&self) -> Result<usize, StoreError> {
        let connection = self.shared_db.connection().await?;
        let mut released = 0;
        for _ in 0..RELEASE_ROUNDS_MAX {
            released += instance_work::release_all(&connection, self.lease.id()).await?.len();
            if instance_work::list_owned(&connection, self.lease.id()).await?.is_empty() {
                break;
            }
            sleep(RELEASE_PAUSE).await;
        }
        Ok(released)
    }

    fn step(&self, ask: Move) -> instance_work::Move {
        // Whatever is on its way somewhere has to arrive.
        let deadline_ms = match ask.to {
            InstanceStatus::Pending | InstanceStatus::Provisioning => Some(self.deadline_ms),
            InstanceStatus::Running | InstanceStatus::Failed | InstanceStatus::Stopped => None,
        };
        instance_work::Move {
            claim: Claim { id: ask.id, epoch: ask.epoch },
            from: ask.from,
            to: ask.to,
            reason: ask.reason,
            deadline_ms,
        }
    }
}
