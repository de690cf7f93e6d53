//! A row of the audit log.

use jiff::Timestamp;
use uuid::Uuid;

use super::actor::ActorKind;
use crate::models::ids::{TeamId, UserId};
use crate::models::text_enum::text_enum;

text_enum! {
    /// What came of it.
    pub enum AuditOutcome {
        /// It was done, in the transaction that wrote the row.
        Done = "done",
        /// It was refused.
        Denied = "denied",
    }
}

/// A row of the audit log. Texts are as they were written: a release reads what a newer one wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Which; ids rise with time, to the millisecond.
    pub id: Uuid,
    /// When it was written.
    pub occurred_at: Timestamp,
    /// What kind of writer acted.
    pub actor_kind: ActorKind,
    /// The user who acted.
    pub actor_id: Option<UserId>,
    /// The account of a command, the role of a writer by plain SQL.
    pub actor_name: Option<String>,
    /// The session or the key that was used.
    pub credential_id: Option<Uuid>,
    /// Where the request came from.
    pub address: Option<String>,
    /// What was done, one of [`AuditAction`](super::AuditAction).
    pub action: String,
    /// What it was done to: `instance`, `user` and the like.
    pub target_kind: String,
    /// Which of them.
    pub target_id: Option<String>,
    /// The team whose thing it is.
    pub team_id: Option<TeamId>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// How often: denials of one kind are one row.
    pub count: i64,
    /// The request that it followed from.
    pub request_id: Option<String>,
    /// The trace of that request.
    pub traceparent: Option<String>,
    /// A JSON object, as the very text that the chain is over.
    pub detail: Option<String>,
}
