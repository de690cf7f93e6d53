//! How much of what is limited each user has, in `shared_psql`. Triggers count; nothing here does.

use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::UserId;

const FIND: &str = include_str!("sql/usage/find.sql");
const OPEN: &str = include_str!("sql/usage/open.sql");

/// One user's usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Instances that are not deleted; those that are stopped count.
    pub instances: i64,
    /// How many there may be of them, if it is another number for this user than for everybody.
    pub instances_max: Option<i64>,
}

/// What a user has.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(db: &impl Session<SharedSide>, user: UserId) -> Result<Usage, StoreError> {
    let Some(row) = session::optional(db, FIND, &[&user]).await? else { return Ok(Usage::default()) };
    Ok(Usage { instances: row.try_get("instances")?, instances_max: row.try_get("instances_max")? })
}

/// Begins to count for users who have no count yet; the others' stays as it is.
///
/// # Errors
/// Only those of the database itself.
pub async fn open(db: &impl Session<SharedSide>, users: &[UserId]) -> Result<(), StoreError> {
    let _new_ones = session::run(db, OPEN, &[&users]).await?;
    Ok(())
}
