//! What the readers of one process share: who reads what, and whose turn it is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as Turn;

use super::KbIngestorParts;
use crate::actors::bell;
use crate::models::store::StoreError;
use crate::models::store::knowledge_work::{self as work, Claim, ClaimedEntry};
use crate::models::{EntryId, UserId};

/// What a user reads of an entry whose readers died over it.
const GIVEN_UP: &str = "Reading it did not come to an end, again and again.";

/// How long fetching may take by `[outbound]`'s own limits, and following where it leads.
pub(super) const FETCHING: std::time::Duration = std::time::Duration::from_secs(180);

#[derive(Clone)]
pub(super) struct Desk {
    pub(super) parts: KbIngestorParts,
    /// Whose entry was taken last, and the right to take the next: so an entry is known to be read before another reader looks.
    turn: Arc<Turn<UserId>>,
    busy: Arc<Mutex<BTreeSet<EntryId>>>,
}

/// An entry in somebody's hands. Dropped, it is nobody's.
pub(super) struct Held {
    pub(super) entry: ClaimedEntry,
    pub(super) claim: Claim,
    busy: Arc<Mutex<BTreeSet<EntryId>>>,
}

impl Desk {
    pub(super) fn new(parts: KbIngestorParts) -> Self {
        let nobody = UserId(uuid::Uuid::nil());
        Self { parts, turn: Arc::new(Turn::new(nobody)), busy: Arc::default() }
    }

    /// Takes the next entry: what was left behind by readers that are gone comes first if `sweeps`, for it has waited longest.
    pub(super) async fn take(&self, sweeps: bool) -> Result<Option<Held>, StoreError> {
        let mut last = self.turn.lock().await;
        let KbIngestorParts { shared_db, lease, settings, .. } = &self.parts;
        if !lease.may_act() {
            return Ok(None);
        }
        let (me, deadline_ms) = (lease.id(), settings.deadline_ms(FETCHING));
        let connection = shared_db.connection().await?;
        let mut entry = None;
        if sweeps {
            let busy = self.busy_ones();
            let given_up = work::give_up(&connection, me, &busy, settings.attempts_max, GIVEN_UP).await?;
            if given_up > 0 {
                tracing::warn!(given_up, "entries were begun too often and never finished");
                self.told();
            }
            entry = work::claim_orphaned(&connection, me, &busy, deadline_ms, settings.attempts_max).await?;
        }
        if entry.is_none() {
            entry = work::claim_queued(&connection, me, *last, deadline_ms).await?;
        }
        let Some(entry) = entry else { return Ok(None) };
        *last = entry.user_id;
        self.told();
        let claim = Claim { id: entry.id, owner: me, epoch: entry.owner_epoch };
        let _new = held(&self.busy).insert(entry.id);
        Ok(Some(Held { entry, claim, busy: self.busy.clone() }))
    }

    pub(super) fn told(&self) {
        bell::ring(&self.parts.bell);
    }

    fn busy_ones(&self) -> Vec<EntryId> {
        held(&self.busy).iter().copied().collect()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _was_there = held(&self.busy).remove(&self.entry.id);
    }
}

fn held(busy: &Mutex<BTreeSet<EntryId>>) -> MutexGuard<'_, BTreeSet<EntryId>> {
    // Whatever panicked in between, a set of ids is whole.
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}
