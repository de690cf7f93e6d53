//! What administrators ask about accounts and decide about them.

use actix::Message;

use super::UserRegistryError;
use crate::models::{Origin, OwnLimits, Page, PageLimit, Role, Usage, User, UserFilter, UserId};

/// An account with what it has of what is limited.
#[derive(Clone, Debug, PartialEq)]
pub struct Governed {
    /// The account.
    pub user: User,
    /// Its usage and its own limits.
    pub usage: Usage,
}

/// Everybody's accounts, newest first, closed ones included.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<Governed>, UserRegistryError>")]
pub struct ListUsers {
    /// Which of them.
    pub filter: UserFilter,
    /// Where the page before this one ended.
    pub before: Option<UserId>,
    /// How many at most.
    pub limit: PageLimit,
}

/// One account.
#[derive(Debug, Message)]
#[rtype(result = "Result<Governed, UserRegistryError>")]
pub struct FindAnyUser {
    /// Whose.
    pub id: UserId,
}

/// What an administrator decides about an account; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What the user may do.
    pub role: Option<Role>,
    /// Whether the account is closed to its owner.
    pub disabled: Option<bool>,
    /// How much the user may have.
    pub limits: OwnLimits,
}

/// Carries a decision out. Sessions of a user who may do less, or something else, end.
#[derive(Debug, Message)]
#[rtype(result = "Result<Governed, UserRegistryError>")]
pub struct GovernUser {
    /// About whom.
    pub id: UserId,
    /// What.
    pub decision: Decision,
    /// The state that the account must be in.
    pub expected: Option<i64>,
    /// Who decides.
    pub by: UserId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Makes a token for another password, good once and for a while. One that was made before is worth nothing from now on.
#[derive(Debug, Message)]
#[rtype(result = "Result<PasswordReset, UserRegistryError>")]
pub struct ResetUsersPassword {
    /// Whose.
    pub id: UserId,
    /// Who hands it over.
    pub by: UserId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// What is handed over.
#[derive(Debug)]
pub struct PasswordReset {
    /// Shown once.
    pub token: String,
    /// How long it is good for.
    pub expires_in_seconds: u64,
}
