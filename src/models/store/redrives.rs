//! Dead letters that are to be sent again, in `shared_psql`: for whoever sends them.

use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, Session, SharedSide};
use crate::models::ids::DeadLetterId;

const HAS_WISHED: &str = include_str!("sql/dead_letters/has_wished.sql");
const TAKE_WISHED: &str = include_str!("sql/dead_letters/take_wished.sql");
const MARK_REDRIVEN: &str = include_str!("sql/dead_letters/mark_redriven.sql");
const GIVE_UP: &str = include_str!("sql/dead_letters/give_up.sql");
const POSTPONE: &str = include_str!("sql/dead_letters/postpone.sql");
const NOTE_ERROR: &str = include_str!("sql/dead_letters/note_error.sql");
const COUNT_OPEN: &str = include_str!("sql/dead_letters/count_open.sql");

/// A dead letter to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// Which.
    pub id: DeadLetterId,
    /// The queue that it goes to.
    pub queue: String,
    /// What it was published as.
    pub routing_key: String,
    /// Its properties and headers, as they were kept.
    pub envelope: Vec<u8>,
    /// Its body.
    pub body: Vec<u8>,
    /// How often it was sent again before.
    pub redrives: i32,
}

/// Whether there is anything to be sent.
///
/// # Errors
/// Only those of the database itself.
pub async fn has_wished(db: &impl Session<SharedSide>) -> Result<bool, StoreError> {
    Ok(session::one(db, HAS_WISHED, &[]).await?.try_get("found")?)
}

/// Takes the one whose wish is oldest, for as long as the transaction lasts; passes over those that others have taken.
///
/// # Errors
/// Only those of the database itself.
pub async fn take_wished(transaction: &Transaction<'_, SharedSide>) -> Result<Option<Redrive>, StoreError> {
    let Some(row) = session::optional(transaction, TAKE_WISHED, &[]).await? else { return Ok(None) };
    Ok(Some(Redrive {
        id: row.try_get("id")?,
        queue: row.try_get("queue")?,
        routing_key: row.try_get("routing_key")?,
        envelope: row.try_get("envelope")?,
        body: row.try_get("body")?,
        redrives: row.try_get("redrives")?,
    }))
}

/// Closes it: its queue has it.
///
/// # Errors
/// Only those of the database itself.
pub async fn mark_redriven(
    transaction: &Transaction<'_, SharedSide>,
    id: DeadLetterId,
) -> Result<(), StoreError> {
    let _it_is_locked = session::run(transaction, MARK_REDRIVEN, &[&id]).await?;
    Ok(())
}

/// Leaves it open with the reason why it was not taken.
///
/// # Errors
/// Only those of the database itself.
pub async fn give_up(
    transaction: &Transaction<'_, SharedSide>,
    id: DeadLetterId,
    error: &str,
) -> Result<(), StoreError> {
    let _it_is_locked = session::run(transaction, GIVE_UP, &[&id, &error]).await?;
    Ok(())
}

/// Keeps the wish, behind all others, with the reason why it is not carried out yet.
///
/// # Errors
/// Only those of the database itself.
pub async fn postpone(
    transaction: &Transaction<'_, SharedSide>,
    id: DeadLetterId,
    error: &str,
) -> Result<(), StoreError> {
    let _it_is_locked = session::run(transaction, POSTPONE, &[&id, &error]).await?;
    Ok(())
}

/// Notes with those that are next what they wait for.
///
/// # Errors
/// Only those of the database itself.
pub async fn note_error(db: &impl Session<SharedSide>, error: &str) -> Result<(), StoreError> {
    let _so_many = session::run(db, NOTE_ERROR, &[&error]).await?;
    Ok(())
}

/// How many letters nobody has handled; no more than 100,000.
///
/// # Errors
/// Only those of the database itself.
pub async fn count_open(db: &impl Session<SharedSide>) -> Result<i64, StoreError> {
    Ok(session::one(db, COUNT_OPEN, &[]).await?.try_get("open")?)
}
