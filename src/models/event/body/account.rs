//! What is told of people, their credentials and their teams.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::sample::{A_SESSION, A_TEAM, A_USER};
use crate::models::ids::{ApiKeyId, SessionId, TeamId, UserId};

/// Credentials that are good no longer: those of one sign-in, one API key, or, where neither is named, all of the user's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuthRevoked {
    /// Whose they were.
    pub user_id: UserId,
    /// The sign-in that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The API key that is withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<ApiKeyId>,
}

/// Somebody who has closed their account. What they owned goes away, each thing with an event of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserDeleted {
    /// Who they were.
    pub user_id: UserId,
}

/// A member of a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TeamMemberChanged {
    /// The team.
    pub team_id: TeamId,
    /// The member.
    pub user_id: UserId,
    /// The member's role after the change; of one who left, the last.
    pub role: String,
    /// The team's: it grows with each change of the team or of its members.
    pub revision: i64,
}

impl Body for AuthRevoked {
    fn sample() -> Self {
        Self { user_id: A_USER, session_id: Some(A_SESSION), api_key_id: None }
    }
}

impl Body for UserDeleted {
    fn sample() -> Self {
        Self { user_id: A_USER }
    }
}

impl Body for TeamMemberChanged {
    fn sample() -> Self {
        Self { team_id: A_TEAM, user_id: A_USER, role: "developer".to_owned(), revision: 4 }
    }
}
