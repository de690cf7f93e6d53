//! Group commit: wishes that come while a commit is under way share the next one.
//!
//! A commit costs a flush of the disk, whether it holds one instance or a hundred. Nobody waits for a batch to fill: a
//! committer that is free takes what is there.

use std::sync::Arc;

use futures_util::lock::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::InstanceError;
use crate::actors::bell::{self, Bell};
use crate::actors::system::Handle;
use crate::models::store::instances::{self, InsertOutcome};
use crate::models::store::{SharedDb, StoreError};
use crate::models::{Instance, NewInstance};

/// Commits under way at once. One would leave Postgres idle between a commit and the next; many make batches small.
pub(super) const COMMITTERS: usize = 3;

/// Wishes in one commit. Bigger makes the first of them wait for the last without saving much more.
const BATCH_LENGTH_MAX: usize = 64;

/// Wishes that wait. More are told that the service is busy.
const WAITING_MAX: usize = 1_024;

/// A wish and whoever waits for its outcome.
struct Waiting {
    wish: NewInstance,
    asker: oneshot::Sender<Result<Instance, InstanceError>>,
}

/// Takes wishes.
#[derive(Clone)]
pub(super) struct Wishes {
    queue: mpsc::Sender<Waiting>,
}

impl Wishes {
    /// Leaves a wish; the outcome comes later.
    pub(super) fn leave(
        &self,
        wish: NewInstance,
    ) -> Result<oneshot::Receiver<Result<Instance, InstanceError>>, InstanceError> {
        let (asker, outcome) = oneshot::channel();
        self.queue.try_send(Waiting { wish, asker }).map_err(|_full_or_ended| InstanceError::Busy)?;
        Ok(outcome)
    }
}

/// Grants wishes. Clones share the queue; each runs until its future is dropped.
#[derive(Clone)]
pub(super) struct Committer {
    queue: Arc<Mutex<mpsc::Receiver<Waiting>>>,
    shared_db: SharedDb,
    bell: Handle<Bell>,
}

impl Committer {
    pub(super) fn new(shared_db: SharedDb, bell: Handle<Bell>) -> (Wishes, Self) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Wishes { queue: sender }, Self { queue: Arc::new(Mutex::new(receiver)), shared_db, bell })
    }

    pub(super) async fn run(self) {
        loop {
            let mut batch = Vec::new();
            // Only one committer at a time takes; the others wait for the queue, not for its contents.
            let taken = self.queue.lock().await.recv_many(&mut batch, BATCH_LENGTH_MAX).await;
            if taken == 0 {
                return;
            }
            self.grant(batch).await;
        }
    }

    async fn grant(&self, batch: Vec<Waiting>) {
        let (wishes, askers): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.wish, one.asker)).unzip();
        match self.insert(&wishes).await {
            Ok(outcomes) => {
                for ((wish, asker), outcome) in wishes.iter().zip(askers).zip(outcomes) {
                    answer(asker, granted(wish, outcome));
                }
            }
            Err(error) if wishes.len() > 1 && is_about_one(&error) => {
                for (wish, asker) in wishes.iter().zip(askers) {
                    answer(asker, self.grant_alone(wish).await);
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for asker in askers {
                    answer(asker, Err(error.clone().into()));
                }
            }
        }
    }

    async fn grant_alone(&self, wish: &NewInstance) -> Result<Instance, InstanceError> {
        let mut outcomes = self.insert(std::slice::from_ref(wish)).await?;
        let outcome = outcomes.pop().ok_or(InstanceError::Abandoned)?;
        granted(wish, outcome)
    }

    async fn insert(&self, wishes: &[NewInstance]) -> Result<Vec<InsertOutcome>, StoreError> {
        let session = self.shared_db.connection().await?;
        let outcomes = instances::insert_batch(&session, wishes).await?;
        bell::ring(&self.bell);
        Ok(outcomes)
    }
}

/// Whether one wish spoilt it for all, so that the others may well succeed without it. An outage is everybody's.
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
        | StoreError::StaleEpoch
        | StoreError::Settings(_) => false,
    }
}

fn granted(wish: &NewInstance, outcome: InsertOutcome) -> Result<Instance, InstanceError> {
    match outcome {
        InsertOutcome::Created(instance) => Ok(*instance),
        InsertOutcome::AgentUnknown => Err(InstanceError::AgentNotFound(wish.agent_id)),
        InsertOutcome::AgentRetired => Err(InstanceError::AgentRetired(wish.agent_id)),
    }
}

/// An asker that has gone away has no use for the outcome; the instance is there all the same.
fn answer(asker: oneshot::Sender<Result<Instance, InstanceError>>, outcome: Result<Instance, InstanceError>) {
    let _gone = asker.send(outcome);
}
