//! What `shared_psql` knows of teams: for the statements there that decide who reaches what. The truth is in `user_psql`.

use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, Session, SharedSide};
use super::teams::{State, memberships};
use crate::models::ids::{TeamId, UserId};
use crate::models::reach::Reach;
use crate::models::team::{Membership, TeamRole};

const TAKE: &str = include_str!("sql/team_projection/take.sql");
const REPLACE_MEMBERS: &str = include_str!("sql/team_projection/replace_members.sql");
const HAS_INSTANCES: &str = include_str!("sql/team_projection/has_instances.sql");
const LIST_OF_USERS: &str = include_str!("sql/team_projection/list_of_users.sql");
const FIND_ROLE: &str = include_str!("sql/team_projection/find_role.sql");

/// Puts a state of a team in the place of an earlier one. A later one stays: it does not matter who comes first, or how often.
///
/// # Errors
/// [`StoreError::Busy`] when somebody else holds the team for too long.
pub async fn apply(db: &Transaction<'_, SharedSide>, state: &State) -> Result<(), StoreError> {
    let State { id, revision, is_closed, deleted_at, members } = state;
    let taken = session::optional(db, TAKE, &[id, revision, is_closed, deleted_at]).await?;
    if taken.is_some() {
        let (ids, roles): (Vec<UserId>, Vec<TeamRole>) = members.iter().copied().unzip();
        let _as_many = session::run(db, REPLACE_MEMBERS, &[id, &ids, &roles]).await?;
    }
    Ok(())
}

/// Whether anything belongs to the team that is not deleted. It stays so while the team is closed.
///
/// # Errors
/// Only those of the database itself.
pub async fn has_instances(db: &impl Session<SharedSide>, team: TeamId) -> Result<bool, StoreError> {
    Ok(session::one(db, HAS_INSTANCES, &[&team]).await?.try_get("has_instances")?)
}

/// For each reach in its place the teams in which that user's role is one of those that are asked for, as far as is known here.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_of_users(
    db: &impl Session<SharedSide>,
    reaches: &[Reach],
) -> Result<Vec<Vec<Membership>>, StoreError> {
    memberships(db, LIST_OF_USERS, reaches).await
}

/// What a user is in a team.
///
/// # Errors
/// Only those of the database itself.
pub async fn find_role(
    db: &impl Session<SharedSide>,
    team: TeamId,
    user: UserId,
) -> Result<Option<TeamRole>, StoreError> {
    let row = session::optional(db, FIND_ROLE, &[&team, &user]).await?;
    Ok(row.map(|row| row.try_get("role")).transpose()?)
}
