//! What users do to entries: each a transaction that is entered by way of the instance.

use super::{
    AddEntry, BYTES, ChangeEntry, DeleteEntry, ENTRIES, KnowledgeError, OrderReading, ReadingOrder,
    ReindexEntries, Works,
};
use crate::models::knowledge::{ContentHash, KnowledgeBase};
use crate::models::store::knowledge_entries::{self as entries, EntryChange, LockedEntry};
use crate::models::store::usage::{self, KnowledgeMeter};
use crate::models::store::{
    SharedSide, StoreError, Transaction, idempotency, knowledge_bases as bases, knowledge_files as files,
};
use crate::models::{Entry, EntryId, EntryPatch, EntrySource, EntryStatus, Made, NewEntry, Origin};

/// What keys are used for here.
const ROUTE: &str = "POST /instances/{id}/knowledge-base/entries";

/// Entries that one wish has read anew: one transaction, and an event for each.
const REINDEXED_MAX: i64 = 10_000;

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
            self.check_room(transaction, &base, 1, added_bytes(wish)).await?;
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
        if let Some(content) = &patch.content {
            // Before the entry, as whoever adds one does.
            self.check_room(&transaction, &base, 0, length(content)).await?;
        }
        let locked = lock(&transaction, &base, id, patch.expected_revision).await?;
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
        let transaction = session.transaction().await?;
        let base = Self::enter(&transaction, reach, instance).await?;
        // Before the entry, as whoever adds one does: the deletion gives room back.
        self.check_room(&transaction, &base, 0, 0).await?;
        let _locked = lock(&transaction, &base, id, expected_revision).await?;
        entries::delete(&transaction, &base, id, &origin).await?;
        transaction.commit().await?;
        self.told();
        Ok(())
    }

    pub(super) async fn order(&self, order: OrderReading) -> Result<Entry, KnowledgeError> {
        let OrderReading { reach, instance, id, order, origin } = order;
        let mut session = self.shared_db.connection().await?;
        let transaction = session.transaction().await?;
        let base = Self::enter(&transaction, reach, instance).await?;
        let locked = lock(&transaction, &base, id, None).await?;
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

    pub(super) async fn reindex(&self, order: ReindexEntries) -> Result<i64, KnowledgeError> {
        let ReindexEntries { reach, instance, filter, origin } = order;
        let mut session = self.shared_db.connection().await?;
        let transaction = session.transaction().await?;
        let base = Self::enter(&transaction, reach, instance).await?;
        let queued = entries::requeue_many(&transaction, &base, filter, REINDEXED_MAX, &origin).await?;
        transaction.commit().await?;
        self.told();
        Ok(queued)
    }

    /// Locks what the user who made the instance has, and sees to it that there is room for more.
    async fn check_room(
        &self,
        transaction: &Transaction<'_, SharedSide>,
        base: &KnowledgeBase,
        more_entries: i64,
        more_bytes: i64,
    ) -> Result<(), KnowledgeError> {
        let (entries_max, bytes_max) = (self.quotas.knowledge_entries_max, self.quotas.knowledge_bytes_max);
        let meter = usage::lock_knowledge(transaction, base.user_id, entries_max, bytes_max).await?;
        let KnowledgeMeter { entries, entries_allowed, bytes, bytes_allowed } = meter;
        if more_entries > 0 && entries.saturating_add(more_entries) > entries_allowed {
            return Err(KnowledgeError::QuotaExceeded {
                name: ENTRIES,
                used: entries,
                limit: entries_allowed,
            });
        }
        if more_bytes > 0 && bytes.saturating_add(more_bytes) > bytes_allowed {
            return Err(KnowledgeError::QuotaExceeded { name: BYTES, used: bytes, limit: bytes_allowed });
        }
        Ok(())
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

/// The entry, as nobody changes it until the transaction ends.
async fn lock(
    transaction: &Transaction<'_, SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
    expected_revision: Option<i64>,
) -> Result<LockedEntry, KnowledgeError> {
    let locked = entries::lock(transaction, base, id).await?.ok_or(KnowledgeError::EntryNotFound(id))?;
    if expected_revision.is_some_and(|expected| expected != locked.entry.revision) {
        return Err(KnowledgeError::Stale(id));
    }
    Ok(locked)
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
