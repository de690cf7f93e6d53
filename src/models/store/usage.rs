//! How much of what is limited each user has, in `shared_psql`. Triggers count; nothing here does.

use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::UserId;
use crate::models::origin::Origin;
use crate::models::usage::{OwnLimits, Usage};

const FIND: &str = include_str!("sql/usage/find.sql");
const FIND_MANY: &str = include_str!("sql/usage/find_many.sql");
const LIMIT: &str = include_str!("sql/usage/limit.sql");
const LOCK_KNOWLEDGE: &str = include_str!("sql/usage/lock_knowledge.sql");
const OPEN: &str = include_str!("sql/usage/open.sql");

/// What is left to a user of knowledge bases, while the transaction lasts that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnowledgeMeter {
    /// Entries that there are.
    pub entries: i64,
    /// How many there may be.
    pub entries_allowed: i64,
    /// Bytes that they take.
    pub bytes: i64,
    /// How many they may take.
    pub bytes_allowed: i64,
}

impl KnowledgeMeter {
    /// Whether there may be that many entries more. To have fewer is always possible.
    #[must_use]
    pub const fn has_room_for_entries(&self, more: i64) -> bool {
        more <= 0 || self.entries.saturating_add(more) <= self.entries_allowed
    }

    /// Whether they may take that many bytes more. To take fewer is always possible.
    #[must_use]
    pub const fn has_room_for_bytes(&self, more: i64) -> bool {
        more <= 0 || self.bytes.saturating_add(more) <= self.bytes_allowed
    }
}

/// What a user has.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(db: &impl Session<SharedSide>, user: UserId) -> Result<Usage, StoreError> {
    let row = session::optional(db, FIND, &[&user]).await?;
    row.as_ref().map_or_else(|| Ok(Usage::default()), Usage::try_from)
}

/// What each of some users has; of whom nothing was ever counted is missing.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_many(
    db: &impl Session<SharedSide>,
    users: &[UserId],
) -> Result<Vec<(UserId, Usage)>, StoreError> {
    let rows = session::rows(db, FIND_MANY, &[&users]).await?;
    rows.iter().map(|row| Ok((row.try_get("user_id")?, Usage::try_from(row)?))).collect()
}

/// Gives a user limits of their own.
///
/// # Errors
/// Only those of the database itself.
pub async fn limit(
    db: &impl Session<SharedSide>,
    user: UserId,
    limits: &OwnLimits,
    origin: &Origin,
) -> Result<(), StoreError> {
    let parameters: session::Parameters<'_> = &[
        &user,
        &limits.names(),
        &limits.instances_max.flatten(),
        &limits.knowledge_entries_max.flatten(),
        &limits.knowledge_bytes_max.flatten(),
        &acting(origin),
    ];
    let _one_or_none = session::run(db, LIMIT, parameters).await?;
    Ok(())
}

/// Locks what a user has in knowledge bases, so that whoever adds to it finds room that nobody else takes. The limits are those of
/// everybody, where the user has none of their own.
///
/// # Errors
/// [`StoreError::Busy`] when somebody holds it for too long.
pub async fn lock_knowledge(
    db: &impl Session<SharedSide>,
    user: UserId,
    entries_max: i64,
    bytes_max: i64,
) -> Result<KnowledgeMeter, StoreError> {
    let parameters: session::Parameters<'_> = &[&user, &entries_max, &bytes_max];
    let mut row = session::optional(db, LOCK_KNOWLEDGE, parameters).await?;
    if row.is_none() {
        // Once in a user's life.
        open(db, &[user]).await?;
        row = session::optional(db, LOCK_KNOWLEDGE, parameters).await?;
    }
    let row = row.ok_or_else(|| StoreError::Shape("a user's count went away as it was opened".to_owned()))?;
    Ok(KnowledgeMeter {
        entries: row.try_get("knowledge_entries")?,
        entries_allowed: row.try_get("entries_allowed")?,
        bytes: row.try_get("knowledge_bytes")?,
        bytes_allowed: row.try_get("bytes_allowed")?,
    })
}

/// Begins to count for users who have no count yet; the others' stays as it is.
///
/// # Errors
/// Only those of the database itself.
pub async fn open(db: &impl Session<SharedSide>, users: &[UserId]) -> Result<(), StoreError> {
    let _new_ones = session::run(db, OPEN, &[&users]).await?;
    Ok(())
}

impl TryFrom<&Row> for Usage {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            instances: row.try_get("instances")?,
            instances_max: row.try_get("instances_max")?,
            knowledge_entries: row.try_get("knowledge_entries")?,
            knowledge_entries_max: row.try_get("knowledge_entries_max")?,
            knowledge_bytes: row.try_get("knowledge_bytes")?,
            knowledge_bytes_max: row.try_get("knowledge_bytes_max")?,
        })
    }
}
