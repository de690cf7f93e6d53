//! Who acts, as the audit log names them.

use std::net::IpAddr;

use uuid::Uuid;

use crate::models::ids::{SessionId, UserId};
use crate::models::principal::{Credential, Principal};
use crate::models::text_enum::text_enum;

text_enum! {
    /// What kind of writer somebody is.
    pub enum ActorKind {
        /// A person, by a session.
        User = "user",
        /// A program of a person's, by a key.
        ApiKey = "api_key",
        /// Whoever ran a command of the program, by the name of their account on that machine.
        Command = "command",
        /// A writer by plain SQL, by the role that they came as.
        Database = "database",
        /// Somebody who proved nothing.
        Nobody = "nobody",
    }
}

/// Longer names of accounts are cut: the log is not where somebody keeps things.
const NAME_LENGTH_MAX: usize = 255;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What kind of writer.
    pub kind: ActorKind,
    /// The user, where there is one.
    pub id: Option<UserId>,
    /// The account of a command.
    pub name: Option<String>,
    /// The session or the key that was used.
    pub credential_id: Option<Uuid>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Whoever comes from there and has proved nothing yet.
    #[must_use]
    pub const fn nobody(address: Option<IpAddr>) -> Self {
        Self { kind: ActorKind::Nobody, id: None, name: None, credential_id: None, address }
    }

    /// The holder of a credential.
    #[must_use]
    pub fn of(principal: &Principal, address: Option<IpAddr>) -> Self {
        let kind = match principal.credential {
            Credential::Session { .. } => ActorKind::User,
            Credential::ApiKey { .. } => ActorKind::ApiKey,
        };
        let credential_id = Some(principal.credential_id().as_uuid());
        Self { kind, id: Some(principal.user_id), name: None, credential_id, address }
    }

    /// A person in a session; without one, by another proof.
    #[must_use]
    pub fn user(id: UserId, session: Option<SessionId>, address: Option<IpAddr>) -> Self {
        let credential_id = session.map(SessionId::as_uuid);
        Self { kind: ActorKind::User, id: Some(id), name: None, credential_id, address }
    }

    /// Whoever runs a command.
    #[must_use]
    pub fn command(account: &str) -> Self {
        let name = account.chars().filter(|letter| !letter.is_control()).take(NAME_LENGTH_MAX).collect();
        Self { name: Some(name), kind: ActorKind::Command, ..Self::nobody(None) }
    }
}
