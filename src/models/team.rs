//! Teams: users who share what they make.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{TeamId, UserId};
use super::text_enum::text_enum;

text_enum! {
    /// What a member may do with what belongs to the team; never more than their role on the platform lets them.
    pub enum TeamRole {
        /// Everything, the team and its members included.
        Owner = "owner",
        /// Makes, changes and runs what belongs to the team.
        Developer = "developer",
        /// Looks, and changes nothing.
        Viewer = "viewer",
    }
}

/// Some roles in a team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TeamRoles(u8);

impl TeamRoles {
    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, role: TeamRole) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// As statements take them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        TeamRole::ALL.iter().filter(|role| self.has(**role)).map(|role| role.as_str()).collect()
    }
}

impl FromIterator<TeamRole> for TeamRoles {
    fn from_iter<I: IntoIterator<Item = TeamRole>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |set, role| set | (1 << role as u8)))
    }
}

/// A team, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// What its owners call it.
    pub name: String,
    /// The role of the member who looks.
    pub role: TeamRole,
    /// Grows with each change of the team or of its members.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its revision last grew.
    pub updated_at: Timestamp,
}

/// A member of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamMember {
    /// Who it is.
    pub user_id: UserId,
    /// What they sign in with.
    pub username: String,
    /// What they may do.
    pub role: TeamRole,
    /// Since when they are in it.
    pub since: Timestamp,
}

/// A team with all of its members, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeTeam {
    /// The team.
    pub team: Team,
    /// Its members.
    pub members: Vec<TeamMember>,
}

/// A team that somebody is in, as of one of its revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which.
    pub team_id: TeamId,
    /// What has a later one is news.
    pub revision: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_that_were_put_in_are_in_it_and_no_others() {
        let roles: TeamRoles = [TeamRole::Viewer, TeamRole::Owner].into_iter().collect();
        assert!(roles.has(TeamRole::Owner) && roles.has(TeamRole::Viewer) && !roles.has(TeamRole::Developer));
        assert_eq!(roles.names(), ["owner", "viewer"]);
        assert_eq!(TeamRoles::default().names(), Vec::<&str>::new());
    }
}
