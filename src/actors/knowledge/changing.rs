//! What users do to entries: each a transaction that is entered by way of the instance.

use super::{
    AddEntry, ChangeEntry, DeleteEntry, KNOWLEDGE_BYTES, KNOWLEDGE_ENTRIES, KnowledgeError, OrderReading,
    ReadingOrder, ReindexEntries, Works,
};
use crate::models::knowledge::{ContentHash, KnowledgeBase};
use crate::models::store::knowledge_entries::{self as entries, EntryChange, LockedEntry};
use crate::models::store::usage::{self, KnowledgeMeter};
use crate::models::store::{
    PooledConnection, SharedSide, StoreError, Transaction, idempotency, knowledge_bases as bases,
    knowledge_files as files,
};
use crate::models::{
    Entry, EntryId, EntryPatch, EntrySource, EntryStatus, InstanceId, Made, NewEntry, Origin, Reach,
};

/// What keys are used for here.
const ROUTE: &str = "POST /instances/{id}/knowledge-base/entries";

/// Entries that one wish has read anew, and those of one transaction: each has an event.
const REINDEXED_MAX: i64 = 10_000;
const REINDEXED_AT_ONCE: i64 = 500;

/// The constraint that the same thing is kept once by.
const SAME_CONTENT: &str = "knowledge_base_entries_content_key";

/// What a user reads of an entry that they have called off.
const CALLED_OFF: &str = "Reading it was called off.";

impl Works {
    pub(super) async fn add(&self, order: AddEntry) -> Result<Made<Entry>, KnowledgeError> {
        let AddEntry { reach, instance, wish, file, key } = &order;
        if wish.source == EntrySource::Url {
            let _allowed =
                self.outbound.check("source_url", wish.source_url.as_deref().unwrap_or_default())?;
        }
        let claim = key.as_ref().map(|key| (reach.user_id, key));
        let work = async |transaction: &Transaction<'_, SharedSide>| {
            let base = Self::enter(transaction, *reach, *instance).await?;
            self.meter(transaction, &base).await?.check(1, added_bytes(wish))?;
            let Some(entry) = entries::insert(transaction, &base, wish).await? else {
                return Err(same(transaction, &base, wish.content_hash).await?);
            };
            if let Some(file) = *file
                && !files::attach(transaction, file, entry.id).await?
            {
                return Err(KnowledgeError::UploadLost);
            }
            Ok(entry)
        };
        let made = idempotency::once(&self.shared_db, ROUTE, claim, work).await?;
        if made.is_replayed {
            // Whoever left a team is shown nothing of it, not even what they put there.
            let session = self.shared_db.connection().await?;
            if bases::find(&session, *reach, *instance).await?.is_none() {
                return Err(KnowledgeError::InstanceNotFound(*instance));
            }
        }
        self.told();
        Ok(made)
    }

    pub(super) async fn change(&self, order: ChangeEntry) -> Result<Entry, KnowledgeError> {
        let ChangeEntry { reach, instance, id, patch } = order;
        let mut session = self.shared_db.connection().await?;
        let transaction = session.transaction().await?;
        let base = Self::enter(&transaction, reach, instance).await?;
        // Before the entry, as whoever adds one does.
        let room = if patch.content.is_some() { Some(self.meter(&transaction, &base).await?) } else { None };
        let locked = expected(entries::lock(&transaction, &base, id).await?, id, patch.expected_revision)?;
        if let (Some(room), Some(content)) = (room, &patch.content) {
            room.check(0, length(content).saturating_sub(locked.entry.bytes))?;
        }
        let change = self.changed(locked, &patch)?;
        if change.fields.is_empty() {
            transaction.rollback().await?;
            return Ok(change.entry);
        }
        let changed = entries::change(&transaction, &base, &change, &patch).await;
        let entry = match changed {
            Err(StoreError::Conflict { constraint, .. }) if constraint == SAME_CONTENT => {
                drop(transaction);
                let hash = change.content_hash.ok_or(KnowledgeError::Busy)?;
                return Err(same(&session, &base, hash).await?);
            }
            other => other?,
        };
        transaction.commit().await?;
        self.told();
        Ok(entry)
    }

    pub(super) async fn delete(&self, order: DeleteEntry) -> Result<(), KnowledgeError> {
        let DeleteEntry { reach, instance, id, expected_revision, origin } = order;
        let mut session = self.shared_db.connection().await?;
        shut_out(&mut session, (reach, instance), id, expected_revision).await?;
        let transaction = session.transaction().await?;
        let base = Self::enter(&transaction, reach, instance).await?;
        // Before the entry, as whoever adds one does: the deletion gives room back.
        let _gives_room = self.meter(&transaction, &base).await?;
        let locked = entries::lock_alone(&transaction, &base, id).await?;
        let _locked = expected(locked, id, expected_revision)?;
        entries::delete(&transaction, &base, id, &origin).await?;
        transaction.commit().await?;
        self.told();
        Ok(())
    }

    pub(super) async fn order(&self, order: OrderReading) -> Result<Entry, KnowledgeError> {
        let OrderReading { reach, instance, id, order, origin } = order;
        let mut session = self.shared_db.connection().await?;
        if order == ReadingOrder::Cancel {
            shut_out(&mut session, (reach, instance), id, None).await?;
        }
        let transaction = session.transaction().await?;
        let base = Self::enter(&transaction, reach, instance).await?;
        let locked = match order {
            // It may take chunks away.
            ReadingOrder::Cancel => entries::lock_alone(&transaction, &base, id).await?,
            ReadingOrder::Retry | ReadingOrder::Reindex => entries::lock(&transaction, &base, id).await?,
        };
        let locked = expected(locked, id, None)?;
        let entry = match order {
            ReadingOrder::Retry => retry(&transaction, &base, locked.entry, &origin).await?,
            ReadingOrder::Reindex => entries::requeue(&transaction, &base, id, true, &origin).await?,
            ReadingOrder::Cancel if locked.entry.status.is_under_way() => {
                entries::call_off(&transaction, &base, &locked, CALLED_OFF, &origin).await?
            }
            ReadingOrder::Cancel => return Err(KnowledgeError::NothingToCancel(id)),
        };
        transaction.commit().await?;
        self.told();
        Ok(entry)
    }

    /// Some at a time: nobody waits for ten thousand.
    pub(super) async fn reindex(&self, order: ReindexEntries) -> Result<i64, KnowledgeError> {
        let ReindexEntries { reach, instance, filter, origin } = order;
        let mut session = self.shared_db.connection().await?;
        let (mut all, mut after) = (0, EntryId(uuid::Uuid::nil()));
        while all < REINDEXED_MAX {
            let transaction = session.transaction().await?;
            let base = Self::enter(&transaction, reach, instance).await?;
            let most = REINDEXED_AT_ONCE;
            let (queued, last) =
                entries::requeue_many(&transaction, &base, filter, (after, most), &origin).await?;
            transaction.commit().await?;
            self.told();
            all += queued;
            match last {
                Some(last) if queued == most => after = last,
                _ => break,
            }
        }
        Ok(all)
    }

    /// Locks what the user who made the instance has.
    async fn meter(
        &self,
        transaction: &Transaction<'_, SharedSide>,
        base: &KnowledgeBase,
    ) -> Result<Room, KnowledgeError> {
        let (entries_max, bytes_max) = (self.quotas.knowledge_entries_max, self.quotas.knowledge_bytes_max);
        Ok(Room(usage::lock_knowledge(transaction, base.user_id, entries_max, bytes_max).await?))
    }

    /// How an entry is with a change in it.
    fn changed(
        &self,
        LockedEntry { mut entry, content_hash, .. }: LockedEntry,
        patch: &EntryPatch,
    ) -> Result<EntryChange, KnowledgeError> {
        let mut fields = Vec::new();
        let mut hash = content_hash;
        if let Some(content) = &patch.content {
            if entry.source != EntrySource::Text {
                return Err(KnowledgeError::NotEditable);
            }
            hash = Some(ContentHash::of_text(content));
            if hash != content_hash {
                fields.push("content");
            }
        }
        if let Some(url) = &patch.source_url {
            if *url != entry.source_url {
                fields.push("source_url");
            }
            if entry.source == EntrySource::Url {
                let url = url.as_deref().unwrap_or_default();
                let _allowed = self.outbound.check("source_url", url)?;
                hash = Some(ContentHash::of_url(url));
            }
            entry.source_url.clone_from(url);
        }
        if let Some(data_type) = patch.data_type.filter(|it| *it != entry.data_type) {
            entry.data_type = data_type;
            fields.push("data_type");
        }
        if let Some(lang_hint) = patch.lang_hint.filter(|it| *it != entry.lang_hint) {
            entry.lang_hint = lang_hint;
            fields.push("lang_hint");
        }
        let is_read_anew =
            hash != content_hash || fields.contains(&"data_type") || fields.contains(&"lang_hint");
        if let Some(title) = patch.title.as_ref().filter(|title| **title != entry.title) {
            entry.title.clone_from(title);
            fields.push("title");
        }
        let content = if fields.contains(&"content") { patch.content.clone() } else { None };
        Ok(EntryChange { entry, content, content_hash: hash, is_read_anew, fields })
    }
}

/// What is left to a user while the transaction lasts.
struct Room(KnowledgeMeter);

impl Room {
    /// Sees to it that there is room for more. To take less is always possible.
    fn check(&self, more_entries: i64, more_bytes: i64) -> Result<(), KnowledgeError> {
        let meter = self.0;
        let KnowledgeMeter { entries, entries_allowed, bytes, bytes_allowed } = meter;
        if !meter.has_room_for_entries(more_entries) {
            return Err(KnowledgeError::QuotaExceeded {
                name: KNOWLEDGE_ENTRIES,
                used: entries,
                limit: entries_allowed,
            });
        }
        if !meter.has_room_for_bytes(more_bytes) {
            return Err(KnowledgeError::QuotaExceeded {
                name: KNOWLEDGE_BYTES,
                used: bytes,
                limit: bytes_allowed,
            });
        }
        Ok(())
    }
}

/// An entry that is there and has the revision that was expected.
fn expected(
    locked: Option<LockedEntry>,
    id: EntryId,
    expected_revision: Option<i64>,
) -> Result<LockedEntry, KnowledgeError> {
    let locked = locked.ok_or(KnowledgeError::EntryNotFound(id))?;
    if expected_revision.is_some_and(|expected| expected != locked.entry.revision) {
        return Err(KnowledgeError::Stale(id));
    }
    Ok(locked)
}

/// Has whoever reads an entry let go of it, in a transaction of its own: they find out within a second, and until then may hold what
/// the next transaction waits for.
async fn shut_out(
    session: &mut PooledConnection<SharedSide>,
    (reach, instance): (Reach, InstanceId),
    id: EntryId,
    expected_revision: Option<i64>,
) -> Result<(), KnowledgeError> {
    let transaction = session.transaction().await?;
    let base = Works::enter(&transaction, reach, instance).await?;
    let locked = expected(entries::lock(&transaction, &base, id).await?, id, expected_revision)?;
    if locked.entry.status == EntryStatus::Processing {
        entries::shut_out(&transaction, &base, id).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// To wish it twice changes nothing.
async fn retry(
    transaction: &Transaction<'_, SharedSide>,
    base: &KnowledgeBase,
    entry: Entry,
    origin: &Origin,
) -> Result<Entry, KnowledgeError> {
    match entry.status {
        EntryStatus::Failed => Ok(entries::requeue(transaction, base, entry.id, false, origin).await?),
        EntryStatus::Queued | EntryStatus::Processing => Ok(entry),
        EntryStatus::Ready => Err(KnowledgeError::NothingToRetry(entry.id)),
    }
}

/// Names the entry that is the same thing. If that went away meanwhile, the wish is good when it is sent again.
async fn same(
    db: &impl crate::models::store::Session<SharedSide>,
    base: &KnowledgeBase,
    content_hash: ContentHash,
) -> Result<KnowledgeError, StoreError> {
    let there = entries::find_same(db, base, content_hash).await?;
    Ok(there.map_or(KnowledgeError::Busy, KnowledgeError::Exists))
}

fn added_bytes(wish: &NewEntry) -> i64 {
    match wish.source {
        EntrySource::Text => length(&wish.content),
        EntrySource::Url => 0,
        EntrySource::File => wish.bytes,
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}
