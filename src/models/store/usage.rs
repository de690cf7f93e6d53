//! How much of what is limited each user has, in `shared_psql`. Triggers count; nothing here does.

use super::acting::acting;
use super::error::StoreError;
use super::session::{self, Session, SharedSide};
use crate::models::ids::UserId;
use crate::models::origin::Origin;

const FIND: &str = include_str!("sql/usage/find.sql");
const FIND_MANY: &str = include_str!("sql/usage/find_many.sql");
const LIMIT: &str = include_str!("sql/usage/limit.sql");
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

/// What each of some users has; of whom nothing was ever counted is missing.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_many(
    db: &impl Session<SharedSide>,
    users: &[UserId],
) -> Result<Vec<(UserId, Usage)>, StoreError> {
    let rows = session::rows(db, FIND_MANY, &[&users]).await?;
    rows.iter()
        .map(|row| {
            let usage =
                Usage { instances: row.try_get("instances")?, instances_max: row.try_get("instances_max")? };
            Ok((row.try_get("user_id")?, usage))
        })
        .collect()
}

/// Limits a user's instances to a number of their own; `None` is what holds for everybody.
///
/// # Errors
/// Only those of the database itself.
pub async fn limit(
    db: &impl Session<SharedSide>,
    user: UserId,
    instances_max: Option<i64>,
    origin: &Origin,
) -> Result<(), StoreError> {
    let _one_or_none = session::run(db, LIMIT, &[&user, &instances_max, &acting(origin)]).await?;
    Ok(())
}

/// Begins to count for users who have no count yet; the others' stays as it is.
///
/// # Errors
/// Only those of the database itself.
pub async fn open(db: &impl Session<SharedSide>, users: &[UserId]) -> Result<(), StoreError> {
    let _new_ones = session::run(db, OPEN, &[&users]).await?;
    Ok(())
}
