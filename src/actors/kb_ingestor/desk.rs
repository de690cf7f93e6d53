//! What the readers of one process share: who reads what, and whose turn it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as Turn;

use super::KbIngestorParts;
use crate::actors::bell;
use crate::models::store::StoreError;
use crate::models::store::knowledge_work::{self as work, Claim, ClaimedEntry};
use crate::models::{EntryId, EntrySource, UserId};

/// What a user reads of an entry whose readers died over it.
const GIVEN_UP: &str = "Reading it did not come to an end, again and again.";

/// How long fetching what an address leads to may take, however often it leads on.
pub(super) const FETCHING: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Desk {
    pub(super) parts: KbIngestorParts,
    /// The right to take the next: so an entry is known to be read before another reader looks.
    turn: Arc<Turn<Taking>>,
    busy: Arc<Mutex<Busy>>,
}

/// What is read here, and where its text comes from.
type Busy = BTreeMap<EntryId, EntrySource>;

struct Taking {
    /// Whose entry was taken last.
    last: UserId,
    /// When it was looked for what was left behind.
    swept: Option<Instant>,
}

/// An entry in somebody's hands. Dropped, it is nobody's.
pub(super) struct Held {
    pub(super) entry: ClaimedEntry,
    pub(super) claim: Claim,
    busy: Arc<Mutex<Busy>>,
}

impl Desk {
    pub(super) fn new(parts: KbIngestorParts) -> Self {
        let nobody = UserId(uuid::Uuid::nil());
        let taking = Taking { last: nobody, swept: None };
        Self { parts, turn: Arc::new(Turn::new(taking)), busy: Arc::default() }
    }

    /// Takes the next entry: what was left behind by readers that are gone comes first, once in a while, for it has waited longest.
    pub(super) async fn take(&self) -> Result<Option<Held>, StoreError> {
        let mut taking = self.turn.lock().await;
        let KbIngestorParts { shared_db, lease, settings, .. } = &self.parts;
        if !lease.may_act() {
            return Ok(None);
        }
        let (me, deadline_ms) = (lease.id(), settings.deadline_ms(FETCHING));
        let connection = shared_db.connection().await?;
        let mut entry = None;
        if taking.swept.is_none_or(|swept| swept.elapsed() >= settings.sweep()) {
            let (busy, most) = (self.busy_ones(), settings.attempts_max);
            let given_up = work::give_up(&connection, me, &busy, most, GIVEN_UP).await?;
            if given_up > 0 {
                tracing::warn!(given_up, "entries were begun too often and never finished");
                self.told();
            }
            entry = work::claim_orphaned(&connection, me, &busy, deadline_ms, most).await?;
            // Where one was found there may be more.
            taking.swept = if entry.is_some() { None } else { Some(Instant::now()) };
        }
        if entry.is_none() {
            entry = work::claim_queued(&connection, me, taking.last, self.may_fetch(), deadline_ms).await?;
        }
        let Some(entry) = entry else { return Ok(None) };
        taking.last = entry.user_id;
        self.told();
        let claim = Claim { id: entry.id, owner: me, epoch: entry.owner_epoch };
        let _new = held(&self.busy).insert(entry.id, entry.source);
        Ok(Some(Held { entry, claim, busy: self.busy.clone() }))
    }

    /// One reader, where there are several, fetches nothing: addresses that do not answer hold up addresses only.
    fn may_fetch(&self) -> bool {
        let fetching = held(&self.busy).values().filter(|source| **source == EntrySource::Url).count();
        fetching < self.parts.settings.readers().saturating_sub(1).max(1)
    }

    pub(super) fn told(&self) {
        bell::ring(&self.parts.bell);
    }

    fn busy_ones(&self) -> Vec<EntryId> {
        held(&self.busy).keys().copied().collect()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _was_there = held(&self.busy).remove(&self.entry.id);
    }
}

fn held(busy: &Mutex<Busy>) -> MutexGuard<'_, Busy> {
    // Whatever panicked in between, a map of ids is whole.
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}
