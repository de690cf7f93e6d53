//! Whose things somebody may hear of, asked by everybody who opens a socket. Thousands come at once when a replica drains: those
//! who come together share a statement.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::TeamError;
use crate::actors::revocations::RevocationView;
use crate::models::store::{SharedDb, StoreError, UserDb, team_projection as projection, teams};
use crate::models::{Membership, Reach};

/// Questions that wait. Those who ask are bounded by their lane already; this is for whoever asks by another.
pub(super) const WAITING_MAX: usize = 1_024;

/// Questions in one statement. More make the first of them wait for the rows of all.
const BATCH_LENGTH_MAX: usize = 256;

/// Between the beginnings of two statements. Who comes after a pause does not wait; in a storm, shorter makes more statements,
/// and longer is felt by whoever opens a socket.
const PACE: Duration = Duration::from_millis(20);

/// How long the truth is waited for. Longer keeps everybody waiting when it says nothing; shorter takes one that is busy for
/// one that is away.
const TRUTH_WITHIN: Duration = Duration::from_millis(500);

type Found = Result<Vec<Membership>, Arc<StoreError>>;

/// A question, and whoever waits for its answer.
struct Waiting {
    reach: Reach,
    asker: oneshot::Sender<Found>,
}

/// Takes questions.
pub(super) struct Questions {
    queue: mpsc::Sender<Waiting>,
}

impl Questions {
    /// Leaves a question. Its answer is read after this.
    pub(super) fn leave(&self, reach: Reach) -> Result<oneshot::Receiver<Found>, StoreError> {
        let (asker, answer) = oneshot::channel();
        let full = |_full_or_ended| StoreError::Busy {
            reason: "too many ask for their teams".to_owned(),
            is_about_rows: false,
        };
        self.queue.try_send(Waiting { reach, asker }).map_err(full)?;
        Ok(answer)
    }
}

/// The answer to a question that was left.
pub(super) async fn answer(
    left: Result<oneshot::Receiver<Found>, StoreError>,
) -> Result<Vec<Membership>, TeamError> {
    let gone = |_porter_ended| StoreError::Unavailable { reason: "nobody answers any more".to_owned() };
    Ok(left?.await.map_err(gone)??)
}

/// Answers questions, until its future is dropped.
pub(super) struct Porter {
    queue: mpsc::Receiver<Waiting>,
    user_db: UserDb,
    shared_db: SharedDb,
    ended: RevocationView,
}

impl Porter {
    pub(super) fn new(user_db: UserDb, shared_db: SharedDb, ended: RevocationView) -> (Questions, Self) {
        let (sender, queue) = mpsc::channel(WAITING_MAX);
        (Questions { queue: sender }, Self { queue, user_db, shared_db, ended })
    }

    pub(super) async fn run(mut self) {
        let mut next = Instant::now();
        while let Some(first) = self.queue.recv().await {
            sleep_until(next).await;
            next = Instant::now() + PACE;
            let mut batch = vec![first];
            while batch.len() < BATCH_LENGTH_MAX
                && let Ok(waiting) = self.queue.try_recv()
            {
                batch.push(waiting);
            }
            self.answer(batch).await;
        }
    }

    /// Looks each up once, however many ask the same.
    async fn answer(&self, batch: Vec<Waiting>) {
        let mut askers: HashMap<Reach, Vec<oneshot::Sender<Found>>> = HashMap::new();
        for Waiting { reach, asker } in batch {
            if !asker.is_closed() {
                askers.entry(reach).or_default().push(asker);
            }
        }
        if askers.is_empty() {
            return;
        }
        let (reaches, askers): (Vec<Reach>, Vec<_>) = askers.into_iter().unzip();
        match self.find(&reaches).await {
            Ok(found) => {
                for (askers, memberships) in askers.into_iter().zip(found) {
                    tell(askers, &Ok(memberships));
                }
            }
            Err(error) => {
                let error = Err(Arc::new(error));
                askers.into_iter().for_each(|askers| tell(askers, &error));
            }
        }
    }

    /// Out of the truth: what was changed since is told to whoever opens a socket with this. While it is away nobody changes
    /// anything, and what is known of it elsewhere is as good. What was not heard of for seconds is not waited for.
    async fn find(&self, reaches: &[Reach]) -> Result<Vec<Vec<Membership>>, StoreError> {
        if self.ended.is_fresh() {
            match timeout(TRUTH_WITHIN, self.find_in_truth(reaches)).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => tracing::debug!(%error, "memberships are read from the projection"),
                Err(_elapsed) => {
                    tracing::debug!("user_psql is silent: memberships are read from the projection")
                }
            }
        }
        projection::list_of_users(&self.shared_db.connection().await?, reaches).await
    }

    async fn find_in_truth(&self, reaches: &[Reach]) -> Result<Vec<Vec<Membership>>, StoreError> {
        teams::list_of_users(&self.user_db.connection().await?, reaches).await
    }
}

/// An asker that has gone away has no use for the answer.
fn tell(askers: Vec<oneshot::Sender<Found>>, found: &Found) {
    for asker in askers {
        let _gone = asker.send(found.clone());
    }
}
