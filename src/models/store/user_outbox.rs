//! The events of `user_psql`, on their way to the log in `shared_psql`, and what follows from the end of an account.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, Session, SharedSide, UserSide};
use crate::models::ids::{EventId, UserId};

const HAS_UNRELAYED: &str = include_str!("sql/user_outbox/has_unrelayed.sql");
const TAKE_TURN: &str = include_str!("sql/user_outbox/take_turn.sql");
const LIST_UNRELAYED: &str = include_str!("sql/user_outbox/list_unrelayed.sql");
const MARK_RELAYED: &str = include_str!("sql/user_outbox/mark_relayed.sql");
const COPY_IN: &str = include_str!("sql/event_outbox/copy_in.sql");
const INSERT_DELETED: &str = include_str!("sql/deleted_users/insert.sql");
const TAKE_DUE: &str = include_str!("sql/deleted_users/take_due.sql");
const SETTLE: &str = include_str!("sql/deleted_users/settle.sql");
const POSTPONE: &str = include_str!("sql/deleted_users/postpone.sql");
const TOMBSTONE: &str = include_str!("sql/instances/tombstone_of_user.sql");

/// An event of `user_psql`. It has no position: those are given in `shared_psql`.
#[derive(Clone, Debug)]
pub struct AccountEvent {
    /// Its id, the same everywhere.
    pub event_id: EventId,
    /// What kind of fact it tells. A text: what a newer release writes is carried on unread.
    pub routing_key: String,
    /// What it is about.
    pub aggregate_id: String,
    /// Whose it is.
    pub user_id: UserId,
    /// Its own fields, a JSON object as Postgres wrote it.
    pub body: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The request that it followed from.
    pub request_id: Option<String>,
    /// The trace of that request, as it stands in a header.
    pub traceparent: Option<String>,
}

/// Whether something waits to be handed on.
///
/// # Errors
/// Only those of the database itself.
pub async fn has_unrelayed(db: &impl Session<UserSide>) -> Result<bool, StoreError> {
    Ok(session::one(db, HAS_UNRELAYED, &[]).await?.try_get("has_unrelayed")?)
}

/// Takes the right to hand on until the transaction ends; `false` when another replica has it.
///
/// # Errors
/// Only those of the database itself.
pub async fn take_turn(transaction: &Transaction<'_, UserSide>) -> Result<bool, StoreError> {
    Ok(session::one(transaction, TAKE_TURN, &[]).await?.try_get("is_mine")?)
}

/// The oldest that wait, at most `limit`.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_unrelayed(
    db: &impl Session<UserSide>,
    limit: i64,
) -> Result<Vec<AccountEvent>, StoreError> {
    session::decode_all(&session::rows(db, LIST_UNRELAYED, &[&limit]).await?)
}

/// Notes that these have arrived.
///
/// # Errors
/// Only those of the database itself.
pub async fn mark_relayed(db: &impl Session<UserSide>, events: &[AccountEvent]) -> Result<(), StoreError> {
    let ids: Vec<EventId> = events.iter().map(|event| event.event_id).collect();
    let _all = session::run(db, MARK_RELAYED, &[&ids]).await?;
    Ok(())
}

/// Writes the events into the log, in this order, unless they are there; gives how many are new.
///
/// # Errors
/// Only those of the database itself.
pub async fn copy_in(db: &impl Session<SharedSide>, events: &[AccountEvent]) -> Result<u64, StoreError> {
    let ids: Vec<EventId> = events.iter().map(|event| event.event_id).collect();
    let keys: Vec<&str> = events.iter().map(|event| event.routing_key.as_str()).collect();
    let aggregates: Vec<&str> = events.iter().map(|event| event.aggregate_id.as_str()).collect();
    let users: Vec<UserId> = events.iter().map(|event| event.user_id).collect();
    let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
    let times: Vec<Timestamp> = events.iter().map(|event| event.occurred_at).collect();
    let requests: Vec<Option<&str>> = events.iter().map(|event| event.request_id.as_deref()).collect();
    let traces: Vec<Option<&str>> = events.iter().map(|event| event.traceparent.as_deref()).collect();
    let parameters: session::Parameters<'_> =
        &[&ids, &keys, &aggregates, &users, &bodies, &times, &requests, &traces];
    session::run(db, COPY_IN, parameters).await
}

/// Notes that these accounts are closed, so that their things are taken away.
///
/// # Errors
/// Only those of the database itself.
pub async fn note_deleted(db: &impl Session<SharedSide>, users: &[UserId]) -> Result<(), StoreError> {
    let _new_ones = session::run(db, INSERT_DELETED, &[&users]).await?;
    Ok(())
}

/// Somebody whose things are to be looked for, held until the transaction ends.
///
/// # Errors
/// Only those of the database itself.
pub async fn take_due(transaction: &Transaction<'_, SharedSide>) -> Result<Option<UserId>, StoreError> {
    let row = session::optional(transaction, TAKE_DUE, &[]).await?;
    Ok(row.map(|row| row.try_get("user_id")).transpose()?)
}

/// Tombstones up to `limit` of the user's instances; gives how many.
///
/// # Errors
/// Only those of the database itself.
pub async fn tombstone_some(
    db: &impl Session<SharedSide>,
    user: UserId,
    limit: i64,
) -> Result<u64, StoreError> {
    session::run(db, TOMBSTONE, &[&user, &limit]).await
}

/// Notes that nothing of the user's is left: for good, if their account was closed `settles_ms` ago; then their count goes.
///
/// # Errors
/// Only those of the database itself.
pub async fn settle(db: &impl Session<SharedSide>, user: UserId, settles_ms: i64) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, SETTLE, &[&user, &settles_ms]).await?;
    Ok(())
}

/// Has the user's things looked for in `pause_ms` only, so that others are not kept waiting.
///
/// # Errors
/// Only those of the database itself.
pub async fn postpone(db: &impl Session<SharedSide>, user: UserId, pause_ms: i64) -> Result<(), StoreError> {
    let _one = session::run(db, POSTPONE, &[&user, &pause_ms]).await?;
    Ok(())
}

impl TryFrom<&Row> for AccountEvent {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            event_id: row.try_get("event_id")?,
            routing_key: row.try_get("routing_key")?,
            aggregate_id: row.try_get("aggregate_id")?,
            user_id: row.try_get("user_id")?,
            body: row.try_get("body")?,
            occurred_at: row.try_get("occurred_at")?,
            request_id: row.try_get("request_id")?,
            traceparent: row.try_get("traceparent")?,
        })
    }
}
