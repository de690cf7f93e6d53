//! Entries as workers see them, in `shared_psql`: claimed, read, and finished under the epoch of the claim. Whoever was shut out
//! meanwhile changes nothing.

use tokio_postgres::Row;

use super::error::StoreError;
use super::knowledge_files::FileId;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{EntryId, KnowledgeBaseId, ReplicaId, UserId};
use crate::models::knowledge::{Chunk, ContentHash, EntryDataType, EntrySource, LanguageHint};
use crate::models::origin::Origin;

const CLAIM_QUEUED: &str = include_str!("sql/knowledge_base_entries/claim_queued.sql");
const CLAIM_ORPHANED: &str = include_str!("sql/knowledge_base_entries/claim_orphaned.sql");
const GIVE_UP: &str = include_str!("sql/knowledge_base_entries/give_up.sql");
const IS_OWNED: &str = include_str!("sql/knowledge_base_entries/is_owned.sql");
const FINISH: &str = include_str!("sql/knowledge_base_entries/finish.sql");
const KEEP_AS_IT_IS: &str = include_str!("sql/knowledge_base_entries/keep_as_it_is.sql");
const FAIL: &str = include_str!("sql/knowledge_base_entries/fail.sql");
const POSTPONE: &str = include_str!("sql/knowledge_base_entries/postpone.sql");
const HAND_BACK: &str = include_str!("sql/knowledge_base_entries/hand_back.sql");
const HOLD: &str = include_str!("sql/knowledge_base_entries/hold.sql");
const RESERVE: &str = include_str!("sql/knowledge_base_entries/reserve.sql");
const FORGET_CHUNKS: &str = include_str!("sql/knowledge_base_chunks/forget.sql");
const INSERT_CHUNKS: &str = include_str!("sql/knowledge_base_chunks/insert.sql");
const INSERT_WORDS: &str = include_str!("sql/knowledge_base_words/insert.sql");

/// Stands between headings on their way to the database, where arrays in arrays are of one length. Texts have none of it.
const BETWEEN_HEADINGS: &str = "\u{1f}";

/// An entry that somebody has begun to read, and all that it takes to go on.
#[derive(Clone, Debug)]
pub struct ClaimedEntry {
    /// Its id.
    pub id: EntryId,
    /// Where it stands.
    pub knowledge_base_id: KnowledgeBaseId,
    /// Whose quota it counts for.
    pub user_id: UserId,
    /// What kind of thing it is.
    pub data_type: EntryDataType,
    /// What language it is in.
    pub lang_hint: LanguageHint,
    /// Where its text comes from.
    pub source: EntrySource,
    /// The address, if it has one.
    pub source_url: Option<String>,
    /// What it is called.
    pub title: Option<String>,
    /// What the file was called.
    pub file_name: Option<String>,
    /// Its text, if it was sent as it is.
    pub content: Option<String>,
    /// Its file, if it has one.
    pub file_id: Option<FileId>,
    /// What it takes of the quota.
    pub bytes: i64,
    /// What it is known by.
    pub content_hash: Option<ContentHash>,
    /// What its address led to the last time.
    pub fetched_hash: Option<ContentHash>,
    /// What its chunks were made from.
    pub indexed_hash: Option<Vec<u8>>,
    /// How many chunks it has.
    pub chunk_count: i32,
    /// Whether it is to be read even if it would come to the same.
    pub is_forced: bool,
    /// The epoch of this claim.
    pub owner_epoch: i64,
    /// How often it was begun, this time included.
    pub attempts: i32,
    /// The request that it follows from.
    pub origin: Origin,
}

/// By whom an entry was claimed, and under which epoch.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The entry.
    pub id: EntryId,
    /// Who has it.
    pub owner: ReplicaId,
    /// Since when, as the row counts.
    pub epoch: i64,
}

/// Claims the next entry that waits, of the next user after `after` who has one; each has until the deadline. Entries that are
/// fetched are among them if `may_fetch`.
///
/// # Errors
/// Only those of the database itself.
pub async fn claim_queued(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    after: UserId,
    may_fetch: bool,
    deadline_ms: i64,
) -> Result<Option<ClaimedEntry>, StoreError> {
    let row = session::optional(db, CLAIM_QUEUED, &[&me, &after, &deadline_ms, &may_fetch]).await?;
    row.as_ref().map(ClaimedEntry::try_from).transpose()
}

/// Claims an entry that nobody reads any more, though it is being read: its reader died or came past its deadline, or is this
/// process and does not know of it (`busy` are those that it does know of).
///
/// # Errors
/// Only those of the database itself.
pub async fn claim_orphaned(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    busy: &[EntryId],
    deadline_ms: i64,
    attempts_max: i32,
) -> Result<Option<ClaimedEntry>, StoreError> {
    let row = session::optional(db, CLAIM_ORPHANED, &[&me, &busy, &deadline_ms, &attempts_max]).await?;
    row.as_ref().map(ClaimedEntry::try_from).transpose()
}

/// Fails, for that reason, what nobody reads any more after so many attempts. Gives how many.
///
/// # Errors
/// Only those of the database itself.
pub async fn give_up(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    busy: &[EntryId],
    attempts_max: i32,
    reason: &str,
) -> Result<usize, StoreError> {
    Ok(session::rows(db, GIVE_UP, &[&me, &busy, &attempts_max, &reason]).await?.len())
}

/// Whether the claim still holds.
///
/// # Errors
/// Only those of the database itself.
pub async fn is_owned(db: &impl Session<SharedSide>, claim: Claim) -> Result<bool, StoreError> {
    Ok(session::one(db, IS_OWNED, &[&claim.id, &claim.owner, &claim.epoch]).await?.try_get("is_owned")?)
}

/// What reading an entry has come to, without its chunks.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// What it calls itself.
    pub title: Option<&'a str>,
    /// What its bytes were taken for.
    pub format: &'a str,
    /// Its text, where its user sent none.
    pub content: Option<&'a str>,
    /// The text that its chunks are pieces of, where that is another than its content.
    pub extracted: Option<&'a str>,
    /// What its address led to.
    pub fetched_hash: Option<ContentHash>,
    /// What its chunks were made from.
    pub indexed_hash: Option<[u8; 32]>,
    /// How many chunks there are.
    pub chunk_count: i32,
    /// What language they are in.
    pub indexed_lang: LanguageHint,
}

/// Holds an entry: the beginning of the transaction that [`finish`] ends. False if the claim does not hold any more.
///
/// # Errors
/// [`StoreError::Busy`] when its user holds it for too long.
pub async fn hold(db: &impl Session<SharedSide>, claim: Claim) -> Result<bool, StoreError> {
    Ok(session::optional(db, HOLD, &[&claim.id, &claim.owner, &claim.epoch]).await?.is_some())
}

/// Notes what an entry is going to take of the quota. False if the claim does not hold any more.
///
/// # Errors
/// Only those of the database itself.
pub async fn reserve(db: &impl Session<SharedSide>, claim: Claim, bytes: i64) -> Result<bool, StoreError> {
    Ok(session::run(db, RESERVE, &[&claim.id, &claim.owner, &claim.epoch, &bytes]).await? == 1)
}

/// Takes away what was found of an entry.
///
/// # Errors
/// Only those of the database itself.
pub async fn forget_chunks(db: &impl Session<SharedSide>, id: EntryId) -> Result<(), StoreError> {
    let _before = session::run(db, FORGET_CHUNKS, &[&id]).await?;
    Ok(())
}

/// Adds chunks, the first of which has the number `first`.
///
/// # Errors
/// [`StoreError::Reference`] when the entry is gone.
pub async fn insert_chunks(
    db: &impl Session<SharedSide>,
    entry: &ClaimedEntry,
    first: i32,
    chunks: &[Chunk],
) -> Result<(), StoreError> {
    let headings: Vec<String> = chunks.iter().map(|chunk| chunk.headings.join(BETWEEN_HEADINGS)).collect();
    let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    let place = |place: u32| i32::try_from(place).unwrap_or(i32::MAX);
    let moment = |moment: Option<u64>| moment.map(|moment| i64::try_from(moment).unwrap_or(i64::MAX));
    let starts: Vec<i32> = chunks.iter().map(|chunk| place(chunk.start)).collect();
    let ends: Vec<i32> = chunks.iter().map(|chunk| place(chunk.end)).collect();
    let pages: Vec<Option<i32>> = chunks.iter().map(|chunk| chunk.page.map(place)).collect();
    let start_ms: Vec<Option<i64>> = chunks.iter().map(|chunk| moment(chunk.start_ms)).collect();
    let end_ms: Vec<Option<i64>> = chunks.iter().map(|chunk| moment(chunk.end_ms)).collect();
    let parameters: session::Parameters<'_> = &[
        &entry.knowledge_base_id,
        &entry.id,
        &first,
        &entry.lang_hint,
        &headings,
        &texts,
        &starts,
        &ends,
        &pages,
        &start_ms,
        &end_ms,
    ];
    let _as_many = session::run(db, INSERT_CHUNKS, parameters).await?;
    Ok(())
}

/// Adds words that a typing error may have meant, each once.
///
/// # Errors
/// [`StoreError::Reference`] when the knowledge base is gone.
pub async fn insert_words(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    words: &[&str],
) -> Result<(), StoreError> {
    let _new_ones = session::run(db, INSERT_WORDS, &[&base, &words]).await?;
    Ok(())
}

/// It can be found: the end of the transaction. False, and to be rolled back, if the claim does not hold any more.
///
/// # Errors
/// Only those of the database itself.
pub async fn finish(
    db: &impl Session<SharedSide>,
    claim: Claim,
    reading: &Reading<'_>,
) -> Result<bool, StoreError> {
    let fetched = reading.fetched_hash.as_ref().map(ContentHash::as_bytes);
    let indexed = reading.indexed_hash.as_ref().map(<[u8; 32]>::as_slice);
    let parameters: session::Parameters<'_> = &[
        &claim.id,
        &claim.owner,
        &claim.epoch,
        &reading.title,
        &reading.format,
        &reading.content,
        &reading.extracted,
        &fetched,
        &indexed,
        &reading.chunk_count,
        &reading.indexed_lang,
    ];
    Ok(session::run(db, FINISH, parameters).await? == 1)
}

/// It would come to what is there already. False if the claim does not hold any more.
///
/// # Errors
/// Only those of the database itself.
pub async fn keep_as_it_is(db: &impl Session<SharedSide>, claim: Claim) -> Result<bool, StoreError> {
    Ok(session::run(db, KEEP_AS_IT_IS, &[&claim.id, &claim.owner, &claim.epoch]).await? == 1)
}

/// It cannot be read, for that reason. Changes nothing if the claim does not hold any more.
///
/// # Errors
/// Only those of the database itself.
pub async fn fail(db: &impl Session<SharedSide>, claim: Claim, reason: &str) -> Result<(), StoreError> {
    let _its_chunks = session::run(db, FAIL, &[&claim.id, &claim.owner, &claim.epoch, &reason]).await?;
    Ok(())
}

/// It is tried again later, for that reason. Changes nothing if the claim does not hold any more.
///
/// # Errors
/// Only those of the database itself.
pub async fn postpone(
    db: &impl Session<SharedSide>,
    claim: Claim,
    reason: &str,
    pause_ms: i64,
) -> Result<(), StoreError> {
    let parameters: session::Parameters<'_> = &[&claim.id, &claim.owner, &claim.epoch, &reason, &pause_ms];
    let _one_or_none = session::run(db, POSTPONE, parameters).await?;
    Ok(())
}

/// Gives an entry back, for a reason that is none of its own: the attempt does not count. Somebody may take it after the pause.
/// Changes nothing if the claim does not hold any more.
///
/// # Errors
/// Only those of the database itself.
pub async fn hand_back(
    db: &impl Session<SharedSide>,
    claim: Claim,
    reason: Option<&str>,
    pause_ms: i64,
) -> Result<(), StoreError> {
    let parameters: session::Parameters<'_> = &[&claim.id, &claim.owner, &claim.epoch, &reason, &pause_ms];
    let _one_or_none = session::run(db, HAND_BACK, parameters).await?;
    Ok(())
}

impl TryFrom<&Row> for ClaimedEntry {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let hash = |column| -> Result<Option<ContentHash>, StoreError> {
            Ok(row.try_get::<_, Option<&[u8]>>(column)?.and_then(ContentHash::read))
        };
        Ok(Self {
            id: row.try_get("id")?,
            knowledge_base_id: row.try_get("knowledge_base_id")?,
            user_id: row.try_get("user_id")?,
            data_type: row.try_get("data_type")?,
            lang_hint: row.try_get("lang_hint")?,
            source: row.try_get("source")?,
            source_url: row.try_get("source_url")?,
            title: row.try_get("title")?,
            file_name: row.try_get("file_name")?,
            content: row.try_get("content")?,
            file_id: row.try_get("file_id")?,
            bytes: row.try_get("bytes")?,
            content_hash: hash("content_hash")?,
            fetched_hash: hash("fetched_hash")?,
            indexed_hash: row.try_get("indexed_hash")?,
            chunk_count: row.try_get("chunk_count")?,
            is_forced: row.try_get("is_forced")?,
            owner_epoch: row.try_get("owner_epoch")?,
            attempts: row.try_get("attempts")?,
            origin: Origin::read(row.try_get("request_id")?, row.try_get("traceparent")?),
        })
    }
}
