//! Vectors of what stands in knowledge bases, in `shared_psql`: which entries want them, and what there is.

use tokio_postgres::Row;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{EntryId, KnowledgeBaseId, UserId};
use crate::models::knowledge::{EmbeddingState, Vector};

const CLAIM: &str = include_str!("sql/knowledge_base_embeddings/claim.sql");
const FINISH: &str = include_str!("sql/knowledge_base_embeddings/finish.sql");
const FORGET: &str = include_str!("sql/knowledge_base_embeddings/forget.sql");
const POSTPONE: &str = include_str!("sql/knowledge_base_embeddings/postpone.sql");
const WANT_AGAIN: &str = include_str!("sql/knowledge_base_embeddings/want_again.sql");
const COUNT_WAITING: &str = include_str!("sql/knowledge_base_embeddings/count_waiting.sql");
const WITHOUT_VECTOR: &str = include_str!("sql/knowledge_base_chunks/without_vector.sql");
const LOCK: &str = include_str!("sql/knowledge_base_vectors/lock.sql");
const INSERT: &str = include_str!("sql/knowledge_base_vectors/insert.sql");
const LIST_AFTER: &str = include_str!("sql/knowledge_base_vectors/list_after.sql");
const LIST_IDS: &str = include_str!("sql/knowledge_base_vectors/list_ids.sql");
const LIST_LIVING: &str = include_str!("sql/knowledge_base_vectors/list_living.sql");

/// An entry whose pieces want vectors.
#[derive(Clone, Debug)]
pub struct WaitingEntry {
    /// Its id.
    pub id: EntryId,
    /// Where it stands.
    pub knowledge_base_id: KnowledgeBaseId,
    /// Whose it is.
    pub user_id: UserId,
    /// How often its pieces were replaced.
    pub round: i64,
    /// The epoch that its pieces are of; none while they are about to go.
    pub epoch: Option<i64>,
}

/// A piece without a vector.
#[derive(Clone, Debug)]
pub struct BarePiece {
    /// Which of the entry.
    pub number: i32,
    /// The headings above it.
    pub headings: Vec<String>,
    /// It.
    pub text: String,
}

/// Takes an entry that waits for this model or for any, of the next user after `behind`, for `for_ms`.
///
/// # Errors
/// Only those of the database itself.
pub async fn claim(
    db: &impl Session<SharedSide>,
    behind: UserId,
    for_ms: i64,
    model: &str,
) -> Result<Option<WaitingEntry>, StoreError> {
    session::optional(db, CLAIM, &[&behind, &for_ms, &model])
        .await?
        .as_ref()
        .map(WaitingEntry::try_from)
        .transpose()
}

/// Up to `limit` pieces after the one at `after` that have no vector of this model.
///
/// # Errors
/// Only those of the database itself.
pub async fn without_vector(
    db: &impl Session<SharedSide>,
    entry: EntryId,
    after: i32,
    model: &str,
    limit: i64,
) -> Result<Vec<BarePiece>, StoreError> {
    session::decode_all(&session::rows(db, WITHOUT_VECTOR, &[&entry, &after, &model, &limit]).await?)
}

/// Lets no other writer of vectors of this knowledge base in until the transaction ends. What is inserted before that is out of order.
///
/// # Errors
/// Only those of the database itself.
pub async fn lock(db: &impl Session<SharedSide>, base: KnowledgeBaseId) -> Result<(), StoreError> {
    let _nothing = session::one(db, LOCK, &[&base]).await?;
    Ok(())
}

/// Keeps vectors of pieces. False when the pieces are not those any more, or somebody else has the entry.
///
/// # Errors
/// Only those of the database itself.
pub async fn insert(
    db: &impl Session<SharedSide>,
    entry: &WaitingEntry,
    epoch: i64,
    model: &str,
    vectors: &[(i32, Vector)],
) -> Result<bool, StoreError> {
    let numbers: Vec<i32> = vectors.iter().map(|(number, _)| *number).collect();
    let scales: Vec<f32> = vectors.iter().map(|(_, vector)| vector.scale).collect();
    let bytes: Vec<Vec<u8>> = vectors.iter().map(|(_, vector)| vector.bytes()).collect();
    let parameters: session::Parameters<'_> =
        &[&entry.id, &epoch, &model, &numbers, &scales, &bytes, &entry.round];
    Ok(session::run(db, INSERT, parameters).await? > 0)
}

/// All pieces of an entry have their vectors, if they are those still.
///
/// # Errors
/// Only those of the database itself.
pub async fn finish(
    db: &impl Session<SharedSide>,
    entry: &WaitingEntry,
    epoch: i64,
    model: &str,
) -> Result<(), StoreError> {
    let _or_read_anew = session::run(db, FINISH, &[&entry.id, &epoch, &model, &entry.round]).await?;
    Ok(())
}

/// Lets an entry wait for longer. False when it has got other pieces meanwhile, or somebody else has it.
///
/// # Errors
/// Only those of the database itself.
pub async fn postpone(
    db: &impl Session<SharedSide>,
    entry: &WaitingEntry,
    pause_ms: i64,
    reason: Option<&str>,
) -> Result<bool, StoreError> {
    Ok(session::run(db, POSTPONE, &[&entry.id, &entry.round, &pause_ms, &reason]).await? > 0)
}

/// An entry that has failed wants no vectors. Any other goes on wanting them.
///
/// # Errors
/// Only those of the database itself.
pub async fn forget(db: &impl Session<SharedSide>, entry: EntryId) -> Result<bool, StoreError> {
    Ok(session::run(db, FORGET, &[&entry]).await? > 0)
}

/// Has up to twice `limit` entries wait whose vectors are of another model, or were to be. Gives how many.
///
/// # Errors
/// Only those of the database itself.
pub async fn want_again(db: &impl Session<SharedSide>, model: &str, limit: i64) -> Result<u64, StoreError> {
    session::run(db, WANT_AGAIN, &[&model, &limit]).await
}

/// How far the vectors of a knowledge base are, of this model.
///
/// # Errors
/// Only those of the database itself.
pub async fn state(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    model: &str,
) -> Result<EmbeddingState, StoreError> {
    let row = session::one(db, COUNT_WAITING, &[&base]).await?;
    let (waiting, reason) = (row.try_get("waiting")?, row.try_get("reason")?);
    Ok(EmbeddingState { model: model.to_owned(), waiting, reason })
}

/// A vector of a knowledge base.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptVector {
    /// What it is known by, until its piece goes.
    pub id: i64,
    /// It; none if it is of another model.
    pub vector: Option<Vector>,
}

/// Up to `limit` vectors that were written after the one with the id `after`, in order.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_after(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    after: i64,
    model: &str,
    limit: i64,
) -> Result<Vec<KeptVector>, StoreError> {
    session::decode_all(&session::rows(db, LIST_AFTER, &[&base, &after, &model, &limit]).await?)
}

/// All that there are, by their ids, in order.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_ids(db: &impl Session<SharedSide>, base: KnowledgeBaseId) -> Result<Vec<i64>, StoreError> {
    let rows = session::rows(db, LIST_IDS, &[&base]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Which of these are there still.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_living(
    db: &impl Session<SharedSide>,
    base: KnowledgeBaseId,
    ids: &[i64],
) -> Result<Vec<i64>, StoreError> {
    let rows = session::rows(db, LIST_LIVING, &[&base, &ids]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

impl TryFrom<&Row> for WaitingEntry {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("entry_id")?,
            knowledge_base_id: row.try_get("knowledge_base_id")?,
            user_id: row.try_get("user_id")?,
            round: row.try_get("round")?,
            epoch: row.try_get("epoch")?,
        })
    }
}

impl TryFrom<&Row> for BarePiece {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.try_get("number")?,
            headings: row.try_get("headings")?,
            text: row.try_get("content")?,
        })
    }
}

impl TryFrom<&Row> for KeptVector {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let bytes: Option<&[u8]> = row.try_get("vector")?;
        let scale = row.try_get("scale")?;
        let steps = |bytes: &[u8]| bytes.iter().map(|byte| byte.cast_signed()).collect();
        let vector = bytes.map(|bytes| Vector { scale, steps: steps(bytes) });
        Ok(Self { id: row.try_get("id")?, vector })
    }
}
