//! What `ApiKeys` understands. All of it is sent by `http`.

use actix::Message;

use super::ApiKeyError;
use crate::models::{
    ApiKey, ApiKeyId, IdempotencyKey, Made, NewApiKey, Origin, Page, PageLimit, Principal, TeamRoles, UserId,
};
use crate::secret::Secret;

/// Makes a key. Answered with it; its text only when it was made just now.
#[derive(Debug, Message)]
#[rtype(result = "Result<Made<ShownKey>, ApiKeyError>")]
pub struct CreateApiKey {
    /// The key, whose fields keep the rules.
    pub wish: NewApiKey,
    /// What the wish may be sent again with.
    pub key: Option<IdempotencyKey>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// A key, and its text, which is shown once.
#[derive(Clone, Debug)]
pub struct ShownKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// The key itself.
    pub text: Option<Secret>,
}

/// Lists somebody's keys that are not revoked, and those of the teams that they manage, the newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<ApiKey>, ApiKeyError>")]
pub struct ListApiKeys {
    /// Whose.
    pub owner: UserId,
    /// What they have to be in a team to manage it.
    pub managing: TeamRoles,
    /// Where the page before this one ended.
    pub before: Option<ApiKeyId>,
    /// How many.
    pub limit: PageLimit,
}

/// Ends a key for ever.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ApiKeyError>")]
pub struct RevokeApiKey {
    /// Who wishes it.
    pub owner: UserId,
    /// What they have to be in the key's team to manage it.
    pub managing: TeamRoles,
    /// Which.
    pub id: ApiKeyId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Makes a key that does what another does, which ends some time later. Answered with the new one.
#[derive(Debug, Message)]
#[rtype(result = "Result<ShownKey, ApiKeyError>")]
pub struct RotateApiKey {
    /// Whose.
    pub owner: UserId,
    /// The key that is replaced.
    pub id: ApiKeyId,
    /// For how long it is still good.
    pub overlap_seconds: i64,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Looks a key up that nothing is known of. Answered with its holder.
#[derive(Clone, Message)]
#[rtype(result = "Result<Principal, ApiKeyError>")]
pub struct FindApiKey {
    /// Its digest.
    pub digest: [u8; 32],
}

impl std::fmt::Debug for FindApiKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FindApiKey(…)")
    }
}
