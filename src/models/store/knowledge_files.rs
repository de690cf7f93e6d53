//! Files that users have uploaded, in the pieces in which they came, in `shared_psql`.

use uuid::Uuid;

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::{EntryId, UserId};

const INSERT: &str = include_str!("sql/knowledge_base_files/insert.sql");
const INSERT_PART: &str = include_str!("sql/knowledge_base_files/insert_part.sql");
const ATTACH: &str = include_str!("sql/knowledge_base_files/attach.sql");
const READ_PART: &str = include_str!("sql/knowledge_base_files/read_part.sql");
const DISCARD: &str = include_str!("sql/knowledge_base_files/discard.sql");

/// A file, for as long as it is on its way to its entry.
pub type FileId = Uuid;

/// Begins a file that belongs to no entry yet.
///
/// # Errors
/// Only those of the database itself.
pub async fn begin(db: &impl Session<SharedSide>, id: FileId, user: UserId) -> Result<(), StoreError> {
    let _one = session::run(db, INSERT, &[&id, &user]).await?;
    Ok(())
}

/// Adds the next piece of a file; they are numbered from 0.
///
/// # Errors
/// [`StoreError::Reference`] when the file was swept away as left behind.
pub async fn append(
    db: &impl Session<SharedSide>,
    id: FileId,
    number: i32,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let _one = session::run(db, INSERT_PART, &[&id, &number, &bytes]).await?;
    Ok(())
}

/// Gives a file to its entry. False when it was swept away as left behind.
///
/// # Errors
/// Only those of the database itself.
pub async fn attach(db: &impl Session<SharedSide>, id: FileId, entry: EntryId) -> Result<bool, StoreError> {
    Ok(session::run(db, ATTACH, &[&id, &entry]).await? == 1)
}

/// Forgets a file that came to nothing.
///
/// # Errors
/// Only those of the database itself.
pub async fn discard(db: &impl Session<SharedSide>, id: FileId) -> Result<(), StoreError> {
    let _one_or_none = session::run(db, DISCARD, &[&id]).await?;
    Ok(())
}

/// A piece of a file; `None` behind its end.
///
/// # Errors
/// Only those of the database itself.
pub async fn read(
    db: &impl Session<SharedSide>,
    id: FileId,
    number: i32,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = session::optional(db, READ_PART, &[&id, &number]).await?;
    row.map(|row| Ok(row.try_get("bytes")?)).transpose()
}
