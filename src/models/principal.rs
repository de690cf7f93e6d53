//! Who is asking: what a verified credential says of its holder.

use jiff::Timestamp;
use uuid::Uuid;

use super::ids::{ApiKeyId, SessionId, TeamId, TokenId, UserId};
use super::permission::PermissionSet;
use super::user::Role;

/// The holder of a verified credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// Whose credential it is.
    pub user_id: UserId,
    /// What its holder may do on the platform as a whole.
    pub role: Role,
    /// What they have proved it with.
    pub credential: Credential,
    /// From then on it is worth nothing.
    pub expires_at: Timestamp,
}

/// What somebody has proved who they are with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token of a sign-in.
    Session {
        /// The sign-in: the family of its refresh tokens.
        session_id: SessionId,
        /// The access token itself, or the one that a ticket was bought with.
        token_id: TokenId,
    },
    /// An API key.
    ApiKey {
        /// Which.
        key_id: ApiKeyId,
        /// What it was made for; its holder's role may let them do less.
        permissions: PermissionSet,
        /// The team that it belongs to: it reaches what belongs to that team and nothing else.
        team_id: Option<TeamId>,
    },
}

/// What ends as a whole: a sign-in, or an API key. Both are UUIDv7, so no two share an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialId(Uuid);

impl CredentialId {
    /// The id without its meaning.
    #[must_use]
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl From<SessionId> for CredentialId {
    fn from(id: SessionId) -> Self {
        Self(id.as_uuid())
    }
}

impl From<ApiKeyId> for CredentialId {
    fn from(id: ApiKeyId) -> Self {
        Self(id.as_uuid())
    }
}

impl Principal {
    /// What ends this credential when it is revoked.
    #[must_use]
    pub fn credential_id(&self) -> CredentialId {
        match self.credential {
            Credential::Session { session_id, .. } => session_id.into(),
            Credential::ApiKey { key_id, .. } => key_id.into(),
        }
    }

    /// The most that this credential lets its holder do, whatever their role.
    #[must_use]
    pub const fn granted(&self) -> PermissionSet {
        match self.credential {
            Credential::Session { .. } => PermissionSet::ALL,
            Credential::ApiKey { permissions, .. } => permissions,
        }
    }

    /// The sign-in and its access token; `None` for an API key.
    #[must_use]
    pub const fn session(&self) -> Option<(SessionId, TokenId)> {
        match self.credential {
            Credential::Session { session_id, token_id } => Some((session_id, token_id)),
            Credential::ApiKey { .. } => None,
        }
    }
}
