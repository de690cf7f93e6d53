//! What `Teams` understands. All of it is sent by `http::user`, and says what the caller reaches: a team that they are not in does
//! not exist.

use actix::Message;

use super::TeamError;
use crate::models::{
    IdempotencyKey, Made, Membership, Origin, Page, PageLimit, Reach, Team, TeamId, TeamRole, UserId,
    WholeTeam,
};

/// Makes a team whose one owner is the caller. Answered with it, or, for a key that was used for it before, with the team as it
/// was then.
#[derive(Debug, Message)]
#[rtype(result = "Result<Made<WholeTeam>, TeamError>")]
pub struct CreateTeam {
    /// Whose.
    pub owner: UserId,
    /// What it is called.
    pub name: String,
    /// What the wish may be sent again with.
    pub key: Option<IdempotencyKey>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Asks for a page of the caller's teams, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<Team>, TeamError>")]
pub struct ListTeams {
    /// Whose.
    pub reach: Reach,
    /// Where the page before it ended.
    pub before: Option<TeamId>,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Asks for one team with its members.
#[derive(Debug, Message)]
#[rtype(result = "Result<WholeTeam, TeamError>")]
pub struct FindTeam {
    /// Whose.
    pub reach: Reach,
    /// Which.
    pub id: TeamId,
}

/// Calls a team something else. Answered with the team as it is then.
#[derive(Debug, Message)]
#[rtype(result = "Result<WholeTeam, TeamError>")]
pub struct RenameTeam {
    /// Who wishes it.
    pub reach: Reach,
    /// Which.
    pub id: TeamId,
    /// Another name.
    pub name: Option<String>,
    /// Only while it has this revision.
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Deletes a team to which nothing belongs any more. After the answer nobody is in it.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), TeamError>")]
pub struct DeleteTeam {
    /// Who wishes it.
    pub reach: Reach,
    /// Which.
    pub id: TeamId,
    /// Only while it has this revision.
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Takes somebody into a team, or gives a member another role. Answered with the team as it is then.
#[derive(Debug, Message)]
#[rtype(result = "Result<WholeTeam, TeamError>")]
pub struct PutMember {
    /// Who wishes it.
    pub reach: Reach,
    /// Which team.
    pub id: TeamId,
    /// Whom.
    pub user_id: UserId,
    /// What they may do from now on.
    pub role: TeamRole,
    /// Only while the team has this revision.
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Takes a member out of a team; everybody may leave. After the answer the member reaches nothing of it.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), TeamError>")]
pub struct RemoveMember {
    /// Who wishes it.
    pub reach: Reach,
    /// Which team.
    pub id: TeamId,
    /// Whom.
    pub user_id: UserId,
    /// Only while the team has this revision.
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Asks for the teams in which the caller's role lets them do something. Asked at the door to the sockets, too.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Membership>, TeamError>")]
pub struct ListMemberships {
    /// Whose, and by which roles.
    pub reach: Reach,
}
