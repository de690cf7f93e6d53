//! Who is asking: what a verified credential says of its holder.

use jiff::Timestamp;

use super::ids::{SessionId, TokenId, UserId};
use super::user::Role;

/// The holder of a verified credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// Whose credential it is.
    pub user_id: UserId,
    /// What its holder may do on the platform as a whole.
    pub role: Role,
    /// The sign-in it comes from: the family of its refresh tokens.
    pub session_id: SessionId,
    /// The access token itself, or the one that a ticket was bought with.
    pub token_id: TokenId,
    /// From then on it is worth nothing.
    pub expires_at: Timestamp,
}
