//! Takes away what is old, a batch at a time. Each batch is one statement and so one transaction; a lock that it holds
//! itself lets one replica delete at a time in each database.

use super::error::StoreError;
use super::session::{self, Session, SharedSide, UserSide};

const EVENTS: &str = include_str!("sql/event_outbox/delete_old.sql");

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Another replica deletes at this moment.
    Anothers,
    /// So many rows are gone.
    Deleted(u64),
}

/// A table whose rows go by their age alone, with the statement that takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aging {
    /// The table, or the part of it, as measurements name it.
    pub name: &'static str,
    statement: &'static str,
}

/// A dead letter that was handled, by when it was.
pub const HANDLED_DEAD_LETTERS: Aging =
    Aging { name: "dead_letters_handled", statement: include_str!("sql/dead_letters/delete_handled.sql") };
/// A dead letter, by when it was kept.
pub const DEAD_LETTERS: Aging =
    Aging { name: "dead_letters", statement: include_str!("sql/dead_letters/delete_old.sql") };
/// A replay that is over, by when it ended.
pub const EVENT_REPLAYS: Aging =
    Aging { name: "event_replays", statement: include_str!("sql/event_replays/delete_old.sql") };
/// A file that was never given to an entry, by when its upload began.
pub const KNOWLEDGE_FILES: Aging = Aging {
    name: "knowledge_base_files",
    statement: include_str!("sql/knowledge_base_files/delete_left_behind.sql"),
};
/// The key of a `POST`, by when it was used.
pub const IDEMPOTENCY_KEYS: Aging =
    Aging { name: "idempotency_keys", statement: include_str!("sql/idempotency_keys/delete_old.sql") };
/// A sign-in with all of its refresh tokens, by when the last of them expired.
pub const SESSIONS: Aging =
    Aging { name: "sessions", statement: include_str!("sql/sessions/delete_old.sql") };
/// A refresh token, by when it expired.
pub const REFRESH_TOKENS: Aging =
    Aging { name: "refresh_tokens", statement: include_str!("sql/refresh_tokens/delete_old.sql") };
/// A ticket, by when it expired.
pub const WS_TICKETS: Aging =
    Aging { name: "ws_tickets", statement: include_str!("sql/ws_tickets/delete_old.sql") };

/// A token for another password, by when it expired.
pub const PASSWORD_RESETS: Aging =
    Aging { name: "password_resets", statement: include_str!("sql/password_resets/delete_old.sql") };
/// The note that an account was closed, by when nothing of it was left.
pub const DELETED_USERS: Aging =
    Aging { name: "deleted_users", statement: include_str!("sql/deleted_users/delete_old.sql") };
/// An API key, by when it was revoked.
pub const API_KEYS: Aging =
    Aging { name: "api_keys", statement: include_str!("sql/api_keys/delete_old.sql") };
/// The note that a credential has changed, by when it was made.
pub const CREDENTIAL_CHANGES: Aging =
    Aging { name: "credential_changes", statement: include_str!("sql/credential_changes/delete_old.sql") };
/// An account event, by when it was handed on.
pub const RELAYED_EVENTS: Aging =
    Aging { name: "user_outbox", statement: include_str!("sql/user_outbox/delete_old.sql") };

/// A deleted team, by when it was; in `user_psql`.
pub const TEAMS: Aging = Aging { name: "teams", statement: include_str!("sql/teams/delete_old.sql") };
/// What is known of a deleted team in `shared_psql`, by when it was.
pub const TEAM_PROJECTION: Aging =
    Aging { name: "team_projection", statement: include_str!("sql/team_projection/delete_old.sql") };

/// Takes up to `limit` rows of `shared_psql` that are older than `life_seconds`, the oldest first.
///
/// # Errors
/// Only those of the database itself.
pub async fn sweep_shared(
    db: &impl Session<SharedSide>,
    aging: Aging,
    life_seconds: i64,
    limit: i64,
) -> Result<Batch, StoreError> {
    batch(&session::one(db, aging.statement, &[&life_seconds, &limit]).await?)
}

/// Takes up to `limit` rows of `user_psql` that are older than `life_seconds`, the oldest first.
///
/// # Errors
/// Only those of the database itself.
pub async fn sweep_user(
    db: &impl Session<UserSide>,
    aging: Aging,
    life_seconds: i64,
    limit: i64,
) -> Result<Batch, StoreError> {
    batch(&session::one(db, aging.statement, &[&life_seconds, &limit]).await?)
}

/// Takes up to `limit` events after the position `after` that are older than `life_seconds`, from the beginning of the log,
/// and only published ones. Gives the last position that is gone beside what became of it.
///
/// # Errors
/// Only those of the database itself.
pub async fn sweep_events(
    db: &impl Session<SharedSide>,
    life_seconds: i64,
    limit: i64,
    after: i64,
) -> Result<(Batch, i64), StoreError> {
    let row = session::one(db, EVENTS, &[&life_seconds, &limit, &after]).await?;
    let reached: Option<i64> = row.try_get("reached")?;
    Ok((batch(&row)?, reached.unwrap_or(after)))
}

fn batch(row: &tokio_postgres::Row) -> Result<Batch, StoreError> {
    if !row.try_get::<_, bool>("is_mine")? {
        return Ok(Batch::Anothers);
    }
    let deleted: i64 = row.try_get("deleted")?;
    Ok(Batch::Deleted(u64::try_from(deleted).unwrap_or_default()))
}
