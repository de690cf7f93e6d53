//! What a request reaches: whose things, and what of their teams.

use super::ids::{TeamId, UserId};
use super::team::TeamRoles;

/// Whose things a request is about. Every statement on a user's behalf takes one and decides by it, in its own `WHERE`.
///
/// What belongs to no team is its owner's. What belongs to a team is its members', by their role, and not its maker's: whoever
/// left the team reaches nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reach {
    /// Who asks.
    pub user_id: UserId,
    /// Nothing but the things of this team: of a credential that belongs to it.
    pub team_only: Option<TeamId>,
    /// The roles in a team that let a member do what is asked for.
    pub team_roles: TeamRoles,
    /// Those that let a member see that the thing is there.
    pub seeing_roles: TeamRoles,
}

impl Reach {
    /// The same for looking only.
    #[must_use]
    pub const fn to_see(self) -> Self {
        Self { team_roles: self.seeing_roles, ..self }
    }

    /// Nothing but what that team has, and of that no more than was reached before.
    #[must_use]
    pub fn within(self, team: TeamId) -> Self {
        match self.team_only {
            Some(only) if only != team => {
                let none = TeamRoles::default();
                Self { team_roles: none, seeing_roles: none, ..self }
            }
            _ => Self { team_only: Some(team), ..self },
        }
    }
}

/// What is theirs alone, and nothing of any team.
impl From<UserId> for Reach {
    fn from(user_id: UserId) -> Self {
        let none = TeamRoles::default();
        Self { user_id, team_only: None, team_roles: none, seeing_roles: none }
    }
}
