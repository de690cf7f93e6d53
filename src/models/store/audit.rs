//! The audit log, its chain and the other chain's anchors: the same tables in either database.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, Session};
use crate::models::audit::{AuditEntry, AuditFilter, ChainHash, ChainHead};
use crate::models::page::PageLimit;

const LIST: &str = include_str!("sql/audit_log/list.sql");
const LIST_OF_ACTOR: &str = include_str!("sql/audit_log/list_of_actor.sql");
const LIST_OF_TARGET: &str = include_str!("sql/audit_log/list_of_target.sql");
const LIST_UNSEALED: &str = include_str!("sql/audit_log/list_unsealed.sql");
const HAS_UNSEALED: &str = include_str!("sql/audit_log/has_unsealed.sql");
const COUNT_UNSEALED: &str = include_str!("sql/audit_log/count_unsealed.sql");
const TAKE_TURN: &str = include_str!("sql/audit_sealing/take_turn.sql");
const ADVANCE: &str = include_str!("sql/audit_sealing/advance.sql");
const HEAD: &str = include_str!("sql/audit_chain/head.sql");
const INSERT: &str = include_str!("sql/audit_chain/insert.sql");
const LIST_LINKS: &str = include_str!("sql/audit_chain/list.sql");
const ANCHOR: &str = include_str!("sql/audit_anchors/insert.sql");
const LAST_ANCHOR: &str = include_str!("sql/audit_anchors/last.sql");
const LIST_ANCHORS: &str = include_str!("sql/audit_anchors/list.sql");

/// Rows that are not in the chain, and what is known then.
#[derive(Clone, Debug)]
pub struct Unsealed {
    /// In the order of the transactions that wrote them.
    pub entries: Vec<AuditEntry>,
    /// The transaction that wrote the last of them.
    pub last_written_in: i64,
    /// The snapshot in which they were found; empty where none was.
    pub sealed_to: String,
}

/// A link, and its row.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its place and its hash.
    pub head: ChainHead,
    /// What it says that the hash before it was.
    pub previous: ChainHash,
    /// Which row it is about.
    pub audit_id: Uuid,
    /// The row; `None` if it is gone.
    pub entry: Option<AuditEntry>,
}

/// A page of all rows, as to whether they are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoosePage {
    /// Where it ended; `None` if there was nothing.
    pub last_id: Option<Uuid>,
    /// How many are not sealed.
    pub unsealed: i64,
    /// How long the oldest of them has waited.
    pub oldest_age_ms: Option<i64>,
    /// The first that a sealer has passed over.
    pub passed_over: Option<Uuid>,
}

/// Rows that fit, newest first: those with ids below `before`.
///
/// # Errors
/// Only those of the database itself.
pub async fn list<Side>(
    db: &impl Session<Side>,
    filter: &AuditFilter,
    before: Option<Uuid>,
    limit: PageLimit,
) -> Result<Vec<AuditEntry>, StoreError> {
    let AuditFilter { actor_id, action, target_id, outcome, since, until } = filter;
    let (from, end) = (since.map_or(Uuid::nil(), first_of), until.map_or(Uuid::max(), after_last_of));
    let before = before.map_or(end, |before| before.min(end));
    let rows = limit.rows();
    let both: session::Parameters<'_> = &[&before, &from, action, outcome, since, until, &rows];
    let found = match (target_id, actor_id) {
        (Some(target), actor) => {
            session::rows(db, LIST_OF_TARGET, &[both, &[target, actor]].concat()).await?
        }
        (None, Some(actor)) => session::rows(db, LIST_OF_ACTOR, &[both, &[actor]].concat()).await?,
        (None, None) => session::rows(db, LIST, both).await?,
    };
    session::decode_all(&found)
}

/// The smallest id of version 7 of that moment's millisecond: ids are given when rows are written, as times are.
fn first_of(moment: Timestamp) -> Uuid {
    let millis = u64::try_from(moment.as_millisecond()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis) << 80)
}

/// An id behind all of that moment's millisecond.
fn after_last_of(moment: Timestamp) -> Uuid {
    let millis = u64::try_from(moment.as_millisecond()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis.saturating_add(1)) << 80)
}

/// Takes the right to seal until the transaction ends; `false` when another replica has it.
///
/// # Errors
/// Only those of the database itself.
pub async fn take_turn<Side>(transaction: &Transaction<'_, Side>) -> Result<bool, StoreError> {
    Ok(session::one(transaction, TAKE_TURN, &[]).await?.try_get("is_mine")?)
}

/// Whether there is something to seal.
///
/// # Errors
/// Only those of the database itself.
pub async fn has_unsealed<Side>(db: &impl Session<Side>) -> Result<bool, StoreError> {
    Ok(session::one(db, HAS_UNSEALED, &[]).await?.try_get("has_unsealed")?)
}

/// Up to `limit` rows that are committed and not in the chain.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_unsealed<Side>(db: &impl Session<Side>, limit: i64) -> Result<Unsealed, StoreError> {
    let rows = session::rows(db, LIST_UNSEALED, &[&limit]).await?;
    let sealed_to = rows.first().map(|row| row.try_get("sealed_to")).transpose()?.unwrap_or_default();
    let last_written_in = rows.last().map(|row| row.try_get("written_in")).transpose()?.unwrap_or_default();
    Ok(Unsealed { entries: session::decode_all(&rows)?, last_written_in, sealed_to })
}

/// Notes that all which that snapshot shows is in the chain.
///
/// # Errors
/// Only those of the database itself.
pub async fn advance<Side>(transaction: &Transaction<'_, Side>, sealed_to: &str) -> Result<(), StoreError> {
    let _one = session::run(transaction, ADVANCE, &[&sealed_to]).await?;
    Ok(())
}

/// Where the chain ends.
///
/// # Errors
/// Only those of the database itself.
pub async fn head<Side>(db: &impl Session<Side>) -> Result<ChainHead, StoreError> {
    let row = session::optional(db, HEAD, &[]).await?;
    row.as_ref().map_or(Ok(ChainHead::EMPTY), ChainHead::try_from)
}

/// Adds links: each the hash before it, the row and where it ends.
///
/// # Errors
/// [`StoreError::Conflict`] when a row or a place is in the chain already.
pub async fn append<Side>(
    transaction: &Transaction<'_, Side>,
    links: &[(ChainHash, Uuid, ChainHead)],
) -> Result<(), StoreError> {
    let seqs: Vec<i64> = links.iter().map(|(_, _, head)| head.seq).collect();
    let ids: Vec<Uuid> = links.iter().map(|(_, id, _)| *id).collect();
    let previous: Vec<&[u8]> = links.iter().map(|(previous, _, _)| previous.0.as_slice()).collect();
    let hashes: Vec<&[u8]> = links.iter().map(|(_, _, head)| head.hash.0.as_slice()).collect();
    let _all = session::run(transaction, INSERT, &[&seqs, &ids, &previous, &hashes]).await?;
    Ok(())
}

/// A page of links behind `after`, with their rows.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_links<Side>(
    db: &impl Session<Side>,
    after: i64,
    limit: i64,
) -> Result<Vec<Link>, StoreError> {
    session::decode_all(&session::rows(db, LIST_LINKS, &[&after, &limit]).await?)
}

/// A page of all rows behind `after`, as to whether they are sealed.
///
/// # Errors
/// Only those of the database itself.
pub async fn count_unsealed<Side>(
    db: &impl Session<Side>,
    after: Uuid,
    limit: i64,
) -> Result<LoosePage, StoreError> {
    let row = session::one(db, COUNT_UNSEALED, &[&after, &limit]).await?;
    Ok(LoosePage {
        last_id: row.try_get("last_id")?,
        unsealed: row.try_get("unsealed")?,
        oldest_age_ms: row.try_get("oldest_age_ms")?,
        passed_over: row.try_get("passed_over")?,
    })
}

/// Keeps the end of the other database's chain; one that is kept already stays as it is.
///
/// # Errors
/// Only those of the database itself.
pub async fn anchor<Side>(db: &impl Session<Side>, head: ChainHead) -> Result<(), StoreError> {
    let _one_or_none = session::run(db, ANCHOR, &[&head.seq, &head.hash.0.as_slice()]).await?;
    Ok(())
}

/// The last anchor of the other database's chain.
///
/// # Errors
/// Only those of the database itself.
pub async fn last_anchor<Side>(db: &impl Session<Side>) -> Result<Option<ChainHead>, StoreError> {
    session::optional(db, LAST_ANCHOR, &[]).await?.as_ref().map(ChainHead::try_from).transpose()
}

/// Anchors of the other database's chain, behind `after` and up to `to`.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_anchors<Side>(
    db: &impl Session<Side>,
    after: i64,
    to: i64,
) -> Result<Vec<ChainHead>, StoreError> {
    session::decode_all(&session::rows(db, LIST_ANCHORS, &[&after, &to]).await?)
}

fn hash_of(row: &Row, column: &str) -> Result<ChainHash, StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    // One of another length was put there by force: no chain gives it.
    Ok(bytes.try_into().map_or(ChainHash([0xff; 32]), ChainHash))
}

impl TryFrom<&Row> for ChainHead {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { seq: row.try_get("seq")?, hash: hash_of(row, "hash")? })
    }
}

impl TryFrom<&Row> for Link {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let is_there = row.try_get::<_, Option<Uuid>>("id")?.is_some();
        Ok(Self {
            head: ChainHead::try_from(row)?,
            previous: hash_of(row, "prev_hash")?,
            audit_id: row.try_get("audit_id")?,
            entry: is_there.then(|| AuditEntry::try_from(row)).transpose()?,
        })
    }
}

impl TryFrom<&Row> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            occurred_at: row.try_get("occurred_at")?,
            actor_kind: row.try_get("actor_kind")?,
            actor_id: row.try_get("actor_id")?,
            actor_name: row.try_get("actor_name")?,
            credential_id: row.try_get("credential_id")?,
            address: row.try_get("address")?,
            action: row.try_get("action")?,
            target_kind: row.try_get("target_kind")?,
            target_id: row.try_get("target_id")?,
            team_id: row.try_get("team_id")?,
            outcome: row.try_get("outcome")?,
            count: row.try_get("count")?,
            request_id: row.try_get("request_id")?,
            traceparent: row.try_get("traceparent")?,
            detail: row.try_get("detail")?,
        })
    }
}
