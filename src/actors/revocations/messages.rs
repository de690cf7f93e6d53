//! What `Revocations` understands.

use actix::Message;

use super::RevocationError;
use crate::models::{SessionId, TokenId};

/// Asks Redis, or else Postgres, whether a session goes on. Sent by the [`super::Gate`] while the view is not fresh.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<(), RevocationError>")]
pub struct CheckSession {
    /// Which.
    pub session_id: SessionId,
    /// The access token that somebody came with.
    pub token_id: TokenId,
}
