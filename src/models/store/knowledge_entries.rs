//! Entries of knowledge bases as their users see them, in `shared_psql`. Every function takes the knowledge base that the caller
//! has entered: an entry of another one does not exist.

use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::EntryId;
use crate::models::knowledge::{
    ContentHash, Entry, EntryContent, EntryFilter, EntryPatch, KnowledgeBase, NewEntry,
};
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};

const LIST: &str = include_str!("sql/knowledge_base_entries/list.sql");
const FIND: &str = include_str!("sql/knowledge_base_entries/find.sql");
const READ: &str = include_str!("sql/knowledge_base_entries/read.sql");
const LOCK: &str = include_str!("sql/knowledge_base_entries/lock.sql");
const LOCK_ALONE: &str = include_str!("sql/knowledge_base_entries/lock_alone.sql");
const SHUT_OUT: &str = include_str!("sql/knowledge_base_entries/shut_out.sql");
const INSERT: &str = include_str!("sql/knowledge_base_entries/insert.sql");
const FIND_SAME: &str = include_str!("sql/knowledge_base_entries/find_same.sql");
const CHANGE: &str = include_str!("sql/knowledge_base_entries/change.sql");
const DELETE: &str = include_str!("sql/knowledge_base_entries/delete.sql");
const REQUEUE: &str = include_str!("sql/knowledge_base_entries/requeue.sql");
const REQUEUE_MANY: &str = include_str!("sql/knowledge_base_entries/requeue_many.sql");
const CALL_OFF: &str = include_str!("sql/knowledge_base_entries/call_off.sql");

/// A page of entries, newest first.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    filter: EntryFilter,
    before: Option<EntryId>,
    limit: PageLimit,
) -> Result<Page<Entry>, StoreError> {
    let EntryFilter { status, data_type, lang_hint } = filter;
    let parameters: session::Parameters<'_> =
        &[&base.id, &base.instance_id, &before, &status, &data_type, &lang_hint, &limit.rows()];
    let rows = session::rows(db, LIST, parameters).await?;
    session::decode_page(&rows, limit, &[], |entry: &Entry| Cursor::Uuid(entry.id.as_uuid()))
}

/// One entry.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
) -> Result<Option<Entry>, StoreError> {
    let row = session::optional(db, FIND, &[&id, &base.id, &base.instance_id]).await?;
    row.as_ref().map(Entry::try_from).transpose()
}

/// One entry, with what stands in it.
///
/// # Errors
/// Only those of the database itself.
pub async fn read(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
) -> Result<Option<(Entry, EntryContent)>, StoreError> {
    let row = session::optional(db, READ, &[&id, &base.id, &base.instance_id]).await?;
    row.map(|row| {
        let content = EntryContent { content: row.try_get("content")?, extracted: row.try_get("extracted")? };
        Ok((Entry::try_from(&row)?, content))
    })
    .transpose()
}

/// An entry that nobody else changes until the transaction ends.
#[derive(Clone, Debug)]
pub struct LockedEntry {
    /// It, as the last commit left it.
    pub entry: Entry,
    /// What it is known by; nothing of one that came by plain SQL.
    pub content_hash: Option<ContentHash>,
    /// Whether what is found of it is what it would be read as.
    pub is_up_to_date: bool,
}

/// Locks an entry for a change. Whoever reads it may go on writing chunks, which come to nothing if the change shuts them out.
///
/// # Errors
/// [`StoreError::Busy`] when somebody holds it for too long.
pub async fn lock(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
) -> Result<Option<LockedEntry>, StoreError> {
    locked(db, LOCK, base, id).await
}

/// Locks an entry whose chunks are going to be taken away: waits until nobody writes any.
///
/// # Errors
/// [`StoreError::Busy`] when somebody holds it for too long: [`shut_out`] them first.
pub async fn lock_alone(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
) -> Result<Option<LockedEntry>, StoreError> {
    locked(db, LOCK_ALONE, base, id).await
}

/// Has whoever reads an entry find out that it is theirs no longer.
///
/// # Errors
/// Only those of the database itself.
pub async fn shut_out(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
) -> Result<(), StoreError> {
    let _one_or_none = session::run(db, SHUT_OUT, &[&id, &base.id]).await?;
    Ok(())
}

async fn locked(
    db: &impl Session<SharedSide>,
    statement: &'static str,
    base: &KnowledgeBase,
    id: EntryId,
) -> Result<Option<LockedEntry>, StoreError> {
    let Some(row) = session::optional(db, statement, &[&id, &base.id, &base.instance_id]).await? else {
        return Ok(None);
    };
    let entry = Entry::try_from(&row)?;
    let content_hash = row.try_get::<_, Option<&[u8]>>("content_hash")?.and_then(ContentHash::read);
    let indexed_hash: Option<&[u8]> = row.try_get("indexed_hash")?;
    let would_be = content_hash.map(|hash| hash.indexed_as(entry.data_type, entry.lang_hint));
    let is_up_to_date =
        would_be.is_some_and(|would_be| indexed_hash.is_some_and(|is| is == would_be.as_slice()));
    Ok(Some(LockedEntry { entry, content_hash, is_up_to_date }))
}

/// Inserts an entry, `queued`. `None`, and nothing was made, if the same thing is in the knowledge base already.
///
/// # Errors
/// Only those of the database itself.
pub async fn insert(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    wish: &NewEntry,
) -> Result<Option<Entry>, StoreError> {
    let content_hash = wish.content_hash.as_bytes();
    let parameters: session::Parameters<'_> = &[
        &wish.id,
        &base.id,
        &base.instance_id,
        &wish.content,
        &wish.data_type,
        &wish.lang_hint,
        &wish.source_url,
        &wish.source,
        &wish.title,
        &wish.file_name,
        &wish.bytes,
        &content_hash,
        &wish.origin.request_id,
        &wish.origin.traceparent_text(),
        &acting(&wish.origin),
    ];
    session::optional(db, INSERT, parameters).await?.as_ref().map(Entry::try_from).transpose()
}

/// Which entry of the knowledge base is the same thing.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_same(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    content_hash: ContentHash,
) -> Result<Option<EntryId>, StoreError> {
    let row = session::optional(db, FIND_SAME, &[&base.id, &content_hash.as_bytes()]).await?;
    row.map(|row| Ok(row.try_get("id")?)).transpose()
}

/// How an entry is to be from now on.
#[derive(Clone, Debug)]
pub struct EntryChange {
    /// It, with what does not change of it.
    pub entry: Entry,
    /// Another text; only of what was sent as it is.
    pub content: Option<String>,
    /// What it is known by.
    pub content_hash: Option<ContentHash>,
    /// Whether it has to be read anew.
    pub is_read_anew: bool,
    /// What is named in the audit log.
    pub fields: Vec<&'static str>,
}

/// Changes an entry that is locked. Whoever reads it at that moment is shut out if it has to be read anew.
///
/// # Errors
/// [`StoreError::Conflict`] when the same thing is in the knowledge base already.
pub async fn change(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    EntryChange { entry, content, content_hash, is_read_anew, fields }: &EntryChange,
    EntryPatch { origin, .. }: &EntryPatch,
) -> Result<Entry, StoreError> {
    let content_hash = content_hash.as_ref().map(ContentHash::as_bytes);
    let parameters: session::Parameters<'_> = &[
        &entry.id,
        &base.id,
        &base.instance_id,
        &entry.title,
        &entry.source_url,
        &entry.data_type,
        &entry.lang_hint,
        content,
        &content_hash,
        is_read_anew,
        &origin.request_id,
        &origin.traceparent_text(),
        &acting(origin),
        fields,
    ];
    Entry::try_from(&session::one(db, CHANGE, parameters).await?)
}

/// Deletes an entry that is locked, with its file and its chunks.
///
/// # Errors
/// Only those of the database itself.
pub async fn delete(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
    origin: &Origin,
) -> Result<(), StoreError> {
    let _audited = session::run(db, DELETE, &[&id, &base.id, &base.instance_id, &acting(origin)]).await?;
    Ok(())
}

/// Has an entry that is locked read again; if `is_forced`, even where it would come to the same.
///
/// # Errors
/// Only those of the database itself.
pub async fn requeue(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    id: EntryId,
    is_forced: bool,
    origin: &Origin,
) -> Result<Entry, StoreError> {
    let parameters: session::Parameters<'_> = &[
        &id,
        &base.id,
        &base.instance_id,
        &is_forced,
        &origin.request_id,
        &origin.traceparent_text(),
        &acting(origin),
    ];
    Entry::try_from(&session::one(db, REQUEUE, parameters).await?)
}

/// Has up to `most` entries behind `after` that are not under way read again. Gives how many, and the last.
///
/// # Errors
/// [`StoreError::Busy`] when somebody holds one of them for too long.
pub async fn requeue_many(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    filter: EntryFilter,
    (after, most): (EntryId, i64),
    origin: &Origin,
) -> Result<(i64, Option<EntryId>), StoreError> {
    let EntryFilter { status, data_type, lang_hint } = filter;
    let parameters: session::Parameters<'_> = &[
        &base.id,
        &base.instance_id,
        &status,
        &data_type,
        &lang_hint,
        &most,
        &origin.request_id,
        &origin.traceparent_text(),
        &acting(origin),
        &after,
    ];
    let row = session::one(db, REQUEUE_MANY, parameters).await?;
    Ok((row.try_get("queued")?, row.try_get("last")?))
}

/// Calls off that an entry which is locked is read. It is `ready` again if what is found of it is still right, and else
/// `failed` for that reason.
///
/// # Errors
/// Only those of the database itself.
pub async fn call_off(
    db: &impl Session<SharedSide>,
    base: &KnowledgeBase,
    LockedEntry { entry, is_up_to_date, .. }: &LockedEntry,
    reason: &str,
    origin: &Origin,
) -> Result<Entry, StoreError> {
    let was_read = *is_up_to_date && entry.chunk_count > 0;
    let parameters: session::Parameters<'_> = &[
        &entry.id,
        &base.id,
        &base.instance_id,
        &was_read,
        &reason,
        &origin.request_id,
        &origin.traceparent_text(),
        &acting(origin),
    ];
    Entry::try_from(&session::one(db, CALL_OFF, parameters).await?)
}

impl TryFrom<&Row> for Entry {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            knowledge_base_id: row.try_get("knowledge_base_id")?,
            instance_id: row.try_get("instance_id")?,
            data_type: row.try_get("data_type")?,
            lang_hint: row.try_get("lang_hint")?,
            source: row.try_get("source")?,
            source_url: row.try_get("source_url")?,
            title: row.try_get("title")?,
            file_name: row.try_get("file_name")?,
            format: row.try_get("format")?,
            bytes: row.try_get("bytes")?,
            status: row.try_get("status")?,
            status_reason: row.try_get("status_reason")?,
            revision: row.try_get("revision")?,
            chunk_count: row.try_get("chunk_count")?,
            attempts: row.try_get("attempts")?,
            due_at: row.try_get("due_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}
