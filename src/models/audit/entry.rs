//! A row of the audit log.

use std::borrow::Cow;

use jiff::Timestamp;
use uuid::Uuid;

use super::action::AuditAction;
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

impl AuditEntry {
    /// The names of all fields, in the order in which the chain is over them.
    pub const FIELDS: [&'static str; 16] = [
        "id",
        "occurred_at",
        "actor_kind",
        "actor_id",
        "actor_name",
        "credential_id",
        "address",
        "action",
        "target_kind",
        "target_id",
        "team_id",
        "outcome",
        "count",
        "request_id",
        "traceparent",
        "detail",
    ];

    /// Every field by its name, in the order in which the chain is over them; what is missing is `None`.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, Option<Cow<'_, str>>); Self::FIELDS.len()] {
        let there = |text: String| Some(Cow::Owned(text));
        let values = [
            there(self.id.to_string()),
            there(self.occurred_at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
            Some(Cow::Borrowed(self.actor_kind.as_str())),
            self.actor_id.and_then(|id| there(id.to_string())),
            self.actor_name.as_deref().map(Cow::Borrowed),
            self.credential_id.and_then(|id| there(id.to_string())),
            self.address.as_deref().map(Cow::Borrowed),
            Some(Cow::Borrowed(&self.action)),
            Some(Cow::Borrowed(&self.target_kind)),
            self.target_id.as_deref().map(Cow::Borrowed),
            self.team_id.and_then(|id| there(id.to_string())),
            Some(Cow::Borrowed(self.outcome.as_str())),
            there(self.count.to_string()),
            self.request_id.as_deref().map(Cow::Borrowed),
            self.traceparent.as_deref().map(Cow::Borrowed),
            self.detail.as_deref().map(Cow::Borrowed),
        ];
        let mut names = Self::FIELDS.into_iter();
        values.map(|value| (names.next().unwrap_or_default(), value))
    }
}

/// Which rows of the log are looked for; what is `None` is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Whoever acted.
    pub actor_id: Option<UserId>,
    /// What was done.
    pub action: Option<AuditAction>,
    /// What it was done to.
    pub target_id: Option<String>,
    /// What came of it.
    pub outcome: Option<AuditOutcome>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}
