//! API keys: what programs come with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{ApiKeyId, TeamId, UserId};
use super::permission::PermissionSet;

/// A key as its row says; the key itself is nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// The team that it is for, if it is for one.
    pub team_id: Option<TeamId>,
    /// What its holder calls it.
    pub name: String,
    /// The beginning of the key.
    pub prefix: String,
    /// What it was made for.
    pub permissions: PermissionSet,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to some seconds.
    pub last_used_at: Option<Timestamp>,
    /// The key that replaces it.
    pub replaced_by: Option<ApiKeyId>,
}

/// A key that is to be made, whose fields keep the rules.
#[derive(Clone, Debug, PartialEq)]
pub struct NewApiKey {
    /// Whose it will be.
    pub user_id: UserId,
    /// The team that it is for, if it is for one.
    pub team_id: Option<TeamId>,
    /// What its holder calls it.
    pub name: String,
    /// What it is for.
    pub permissions: PermissionSet,
    /// From then on it is worth nothing.
    pub expires_at: Option<Timestamp>,
}
