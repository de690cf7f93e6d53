//! Teams and their members, in `user_psql`.
//!
//! Whoever changes a team locks first its future or present member, where that is somebody else's account, then the team, then
//! asks [`standing`] who may. Triggers count revisions, keep the last owner in, and tell.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::acting::acting;
use super::error::StoreError;
use super::pool::Transaction;
use super::session::{self, Session, UserSide};
use crate::models::ids::{TeamId, UserId};
use crate::models::origin::Origin;
use crate::models::page::{Cursor, Page, PageLimit};
use crate::models::reach::Reach;
use crate::models::team::{Membership, Team, TeamMember, TeamRole, WholeTeam};

const INSERT: &str = include_str!("sql/teams/insert.sql");
const LIST: &str = include_str!("sql/teams/list_of_user.sql");
const FIND: &str = include_str!("sql/teams/find.sql");
const LOCK: &str = include_str!("sql/teams/lock.sql");
const STANDING: &str = include_str!("sql/teams/standing.sql");
const RENAME: &str = include_str!("sql/teams/rename.sql");
const BEGIN_CLOSING: &str = include_str!("sql/teams/begin_closing.sql");
const REOPEN: &str = include_str!("sql/teams/reopen.sql");
const DELETE: &str = include_str!("sql/teams/delete.sql");
const LIST_STALE_CLOSINGS: &str = include_str!("sql/teams/list_stale_closings.sql");
const LIST_UNPROJECTED: &str = include_str!("sql/teams/list_unprojected.sql");
const STATE: &str = include_str!("sql/teams/state.sql");
const MARK_PROJECTED: &str = include_str!("sql/teams/mark_projected.sql");
const LOCK_USER: &str = include_str!("sql/team_members/lock_user.sql");
const COUNT_OF_USER: &str = include_str!("sql/team_members/count_of_user.sql");
const INSERT_MEMBER: &str = include_str!("sql/team_members/insert.sql");
const CHANGE_MEMBER: &str = include_str!("sql/team_members/change.sql");
const REMOVE_MEMBER: &str = include_str!("sql/team_members/remove.sql");
const REMOVE_ALL: &str = include_str!("sql/team_members/remove_all.sql");
const LIST_OF_USERS: &str = include_str!("sql/team_members/list_of_users.sql");

/// All that is known elsewhere of a team, as of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Which.
    pub id: TeamId,
    /// Which of its states.
    pub revision: i64,
    /// It takes no new things.
    pub is_closed: bool,
    /// It is gone.
    pub deleted_at: Option<Timestamp>,
    /// Who is in it, as what.
    pub members: Vec<(UserId, TeamRole)>,
}

/// How somebody stands to a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The team's revision.
    pub revision: i64,
    /// Somebody wants it deleted.
    pub closing_at: Option<Timestamp>,
    /// What they are in it.
    pub role: TeamRole,
    /// How many are in it.
    pub members: i64,
}

/// A deletion that was begun: of a team, since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Which.
    pub team_id: TeamId,
    /// The mark; another attempt has another.
    pub mark: Timestamp,
}

/// Makes a team with one owner. Their account is locked before, and their teams are counted.
///
/// # Errors
/// Only those of the database itself.
pub async fn insert(
    db: &Transaction<'_, UserSide>,
    id: TeamId,
    name: &str,
    owner: UserId,
    origin: &Origin,
) -> Result<(), StoreError> {
    let _one = session::one(db, INSERT, &[&id, &name, &owner, &acting(origin)]).await?;
    Ok(())
}

/// A page of the teams that are reached, newest first.
///
/// # Errors
/// Only those of the database itself.
pub async fn list(
    db: &impl Session<UserSide>,
    reach: Reach,
    before: Option<TeamId>,
    limit: PageLimit,
) -> Result<Page<Team>, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach;
    let parameters: session::Parameters<'_> =
        &[&user_id, &team_roles.names(), &team_only, &before, &limit.rows()];
    let rows = session::rows(db, LIST, parameters).await?;
    session::decode_page(&rows, limit, &[], |team: &Team| Cursor::Uuid(team.id.as_uuid()))
}

/// The team of that id, if it is reached.
///
/// # Errors
/// Only those of the database itself.
pub async fn find(
    db: &impl Session<UserSide>,
    reach: Reach,
    id: TeamId,
) -> Result<Option<WholeTeam>, StoreError> {
    let Reach { user_id, team_only, team_roles, .. } = reach;
    let row = session::optional(db, FIND, &[&id, &user_id, &team_roles.names(), &team_only]).await?;
    row.as_ref().map(WholeTeam::try_from).transpose()
}

/// Keeps everybody else from changing the team until the transaction ends, and tells how the caller stands to it; `None` if
/// there is none, or they are not in it, or their credential belongs to another.
///
/// # Errors
/// [`StoreError::Busy`] when somebody else holds it for too long.
pub async fn lock(
    db: &Transaction<'_, UserSide>,
    reach: Reach,
    id: TeamId,
) -> Result<Option<Standing>, StoreError> {
    if session::optional(db, LOCK, &[&id]).await?.is_none() {
        return Ok(None);
    }
    standing(db, reach, id).await
}

/// How the caller stands to a team.
///
/// # Errors
/// Only those of the database itself.
pub async fn standing(
    db: &impl Session<UserSide>,
    reach: Reach,
    id: TeamId,
) -> Result<Option<Standing>, StoreError> {
    let row = session::optional(db, STANDING, &[&id, &reach.user_id, &reach.team_only]).await?;
    row.as_ref().map(Standing::try_from).transpose()
}

/// Keeps an account open, and the number of its teams as it is, until the transaction ends. False if it is closed, or none.
///
/// # Errors
/// [`StoreError::Busy`] when somebody else holds it for too long.
pub async fn lock_user(db: &Transaction<'_, UserSide>, user: UserId) -> Result<bool, StoreError> {
    Ok(session::optional(db, LOCK_USER, &[&user]).await?.is_some())
}

/// How many teams a user is in.
///
/// # Errors
/// Only those of the database itself.
pub async fn count_of_user(db: &impl Session<UserSide>, user: UserId) -> Result<i64, StoreError> {
    Ok(session::one(db, COUNT_OF_USER, &[&user]).await?.try_get("teams")?)
}

/// Calls a team something else.
///
/// # Errors
/// Only those of the database itself.
pub async fn rename(
    db: &Transaction<'_, UserSide>,
    id: TeamId,
    name: &str,
    origin: &Origin,
) -> Result<(), StoreError> {
    let _none_or_one = session::optional(db, RENAME, &[&id, &name, &acting(origin)]).await?;
    Ok(())
}

/// Takes somebody in who is not in the team.
///
/// # Errors
/// [`StoreError::Conflict`] when they are.
pub async fn add_member(
    db: &Transaction<'_, UserSide>,
    team: TeamId,
    user: UserId,
    role: TeamRole,
    origin: &Origin,
) -> Result<(), StoreError> {
    let _one = session::one(db, INSERT_MEMBER, &[&team, &user, &role, &acting(origin)]).await?;
    Ok(())
}

/// Gives a member another role. Tells whether there is such a member.
///
/// # Errors
/// [`StoreError::RuleBroken`] for the last owner.
pub async fn change_member(
    db: &Transaction<'_, UserSide>,
    team: TeamId,
    user: UserId,
    role: TeamRole,
    origin: &Origin,
) -> Result<bool, StoreError> {
    let known = session::optional(db, CHANGE_MEMBER, &[&team, &user, &role, &acting(origin)]).await?;
    Ok(known.is_some())
}

/// Takes a member out. Tells whether there was such a member.
///
/// # Errors
/// [`StoreError::RuleBroken`] for the last owner.
pub async fn remove_member(
    db: &Transaction<'_, UserSide>,
    team: TeamId,
    user: UserId,
    origin: &Origin,
) -> Result<bool, StoreError> {
    Ok(session::optional(db, REMOVE_MEMBER, &[&team, &user, &acting(origin)]).await?.is_some())
}

/// Begins a deletion, or goes on with one that was begun.
///
/// # Errors
/// Only those of the database itself.
pub async fn begin_closing(
    db: &Transaction<'_, UserSide>,
    id: TeamId,
    origin: &Origin,
) -> Result<Closing, StoreError> {
    let row = session::one(db, BEGIN_CLOSING, &[&id, &acting(origin)]).await?;
    Ok(Closing { team_id: id, mark: row.try_get("closing_at")? })
}

/// Gives a deletion up, if it is still that one.
///
/// # Errors
/// Only those of the database itself.
pub async fn reopen(db: &impl Session<UserSide>, closing: Closing) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, REOPEN, &[&closing.team_id, &closing.mark]).await?;
    Ok(())
}

/// Deletes a team with all of its memberships, if its deletion is still that one. Tells whether it was.
///
/// # Errors
/// Only those of the database itself.
pub async fn delete(db: &Transaction<'_, UserSide>, closing: Closing) -> Result<bool, StoreError> {
    if session::optional(db, DELETE, &[&closing.team_id, &closing.mark]).await?.is_none() {
        return Ok(false);
    }
    let _as_many = session::run(db, REMOVE_ALL, &[&closing.team_id]).await?;
    Ok(true)
}

/// Deletions that were begun longer than `age_ms` ago, at most `limit`.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_stale_closings(
    db: &impl Session<UserSide>,
    age_ms: i64,
    limit: i64,
) -> Result<Vec<Closing>, StoreError> {
    let rows = session::rows(db, LIST_STALE_CLOSINGS, &[&age_ms, &limit]).await?;
    let closing = |row: &Row| Ok(Closing { team_id: row.try_get("id")?, mark: row.try_get("closing_at")? });
    rows.iter().map(closing).collect()
}

/// Teams of which not everything is known elsewhere, at most `limit`.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_unprojected(db: &impl Session<UserSide>, limit: i64) -> Result<Vec<TeamId>, StoreError> {
    let rows = session::rows(db, LIST_UNPROJECTED, &[&limit]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// The present state of a team; `None` if it is gone without a trace.
///
/// # Errors
/// Only those of the database itself.
pub async fn state(db: &impl Session<UserSide>, id: TeamId) -> Result<Option<State>, StoreError> {
    let row = session::optional(db, STATE, &[&id]).await?;
    row.as_ref().map(State::try_from).transpose()
}

/// Notes that this state is known elsewhere.
///
/// # Errors
/// Only those of the database itself.
pub async fn mark_projected(db: &impl Session<UserSide>, state: &State) -> Result<(), StoreError> {
    let _none_or_one = session::run(db, MARK_PROJECTED, &[&state.id, &state.revision]).await?;
    Ok(())
}

/// For each reach in its place the teams in which that user's role is one of those that are asked for.
///
/// # Errors
/// Only those of the database itself.
pub async fn list_of_users(
    db: &impl Session<UserSide>,
    reaches: &[Reach],
) -> Result<Vec<Vec<Membership>>, StoreError> {
    memberships(db, LIST_OF_USERS, reaches).await
}

pub(super) async fn memberships(
    db: &impl session::driver::Driver,
    statement: &'static str,
    reaches: &[Reach],
) -> Result<Vec<Vec<Membership>>, StoreError> {
    let users: Vec<UserId> = reaches.iter().map(|reach| reach.user_id).collect();
    let roles: Vec<String> = reaches.iter().map(|reach| reach.team_roles.names().join(",")).collect();
    let only: Vec<Option<TeamId>> = reaches.iter().map(|reach| reach.team_only).collect();
    let mut found = vec![Vec::new(); reaches.len()];
    for row in session::rows(db, statement, &[&users, &roles, &only]).await? {
        let place: i64 = row.try_get("place")?;
        let asked = usize::try_from(place - 1).ok().and_then(|index| found.get_mut(index));
        let asked = asked.ok_or_else(|| StoreError::Shape(format!("nobody asked in place {place}")))?;
        asked.push(Membership { team_id: row.try_get("team_id")?, revision: row.try_get("revision")? });
    }
    Ok(found)
}

impl TryFrom<&Row> for Team {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            role: row.try_get("role")?,
            revision: row.try_get("revision")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

impl TryFrom<&Row> for WholeTeam {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let ids: Vec<UserId> = row.try_get("member_ids")?;
        let names: Vec<String> = row.try_get("member_names")?;
        let roles: Vec<TeamRole> = row.try_get("member_roles")?;
        let since: Vec<Timestamp> = row.try_get("member_since")?;
        let columns = ids.into_iter().zip(names).zip(roles).zip(since);
        let member = |(((user_id, username), role), since)| TeamMember { user_id, username, role, since };
        Ok(Self { team: Team::try_from(row)?, members: columns.map(member).collect() })
    }
}

impl TryFrom<&Row> for Standing {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            revision: row.try_get("revision")?,
            closing_at: row.try_get("closing_at")?,
            role: row.try_get("role")?,
            members: row.try_get("members")?,
        })
    }
}

impl TryFrom<&Row> for State {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let ids: Vec<UserId> = row.try_get("member_ids")?;
        let roles: Vec<TeamRole> = row.try_get("member_roles")?;
        Ok(Self {
            id: row.try_get("id")?,
            revision: row.try_get("revision")?,
            is_closed: row.try_get("is_closed")?,
            deleted_at: row.try_get("deleted_at")?,
            members: ids.into_iter().zip(roles).collect(),
        })
    }
}
