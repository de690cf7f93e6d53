//! What `Accounts` understands.

use std::fmt;

use actix::Message;

use super::AccountError;
use crate::models::{Origin, Principal, Role, User, UserId, UserPatch};
use crate::secret::Secret;

/// Makes an account, whose fields keep the rules. Sent by `http::user`; answered with the account.
#[derive(Debug, Message)]
#[rtype(result = "Result<User, AccountError>")]
pub struct Register {
    /// The name to sign in with.
    pub username: String,
    /// The password to sign in with.
    pub password: Secret,
    /// Where to write to.
    pub email: Option<String>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Begins a session. Sent by `http::user` and `http::admin`; answered with its tokens.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<SignedIn, AccountError>")]
pub struct Login {
    /// The name, in whatever case.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The role that the door asks for, if it asks for one.
    pub needs: Option<Role>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Spends a refresh token. Sent by `http::user` and `http::admin`; answered with new tokens of the same session.
#[derive(Debug, Message)]
#[rtype(result = "Result<SignedIn, AccountError>")]
pub struct Refresh {
    /// What somebody came with.
    pub token: Secret,
    /// The role that the door asks for, if it asks for one.
    pub needs: Option<Role>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Ends the session of an access token, however often it is said. Sent by `http::user` and `http::admin`.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), AccountError>")]
pub struct Logout {
    /// Whose session, and with which token; it may be over already.
    pub principal: Principal,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Gives whoever has a good token for it another password, and ends all of their sessions. Sent by `http::user`.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), AccountError>")]
pub struct ResetPassword {
    /// What an administrator has handed over.
    pub token: Secret,
    /// The password from now on.
    pub new: Secret,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Changes somebody's account, by fields that keep the rules. Sent by `http::user`; answered with the account.
#[derive(Debug, Message)]
#[rtype(result = "Result<User, AccountError>")]
pub struct PatchUser {
    /// Whose.
    pub id: UserId,
    /// What is to be otherwise.
    pub patch: UserPatch,
    /// Does so only while the account is in this state.
    pub expected: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Replaces a password and ends every other session. Sent by `http::user`.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), AccountError>")]
pub struct ChangePassword {
    /// Who asks, in the session that goes on.
    pub principal: Principal,
    /// What has to be the present password.
    pub current: Secret,
    /// A password that keeps the rules.
    pub new: Secret,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Closes an account for ever. Sent by `http::user`.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), AccountError>")]
pub struct CloseAccount {
    /// Whose.
    pub principal: Principal,
    /// Does so only while the account is in this state.
    pub expected: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// The tokens of a session.
pub struct SignedIn {
    /// Proves who asks, for a short while.
    pub access_token: String,
    /// Fetches the next access token.
    pub refresh_token: String,
    /// How long the access token is good for.
    pub expires_in_seconds: u64,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignedIn")
            .field("expires_in_seconds", &self.expires_in_seconds)
            .finish_non_exhaustive()
    }
}

/// Asks for somebody's account. Sent by `http::user`.
#[derive(Debug, Message)]
#[rtype(result = "Result<User, AccountError>")]
pub struct FindUser {
    /// Whose.
    pub id: UserId,
}

/// Makes a ticket for opening one socket. Sent by `http::user`; answered with the ticket.
#[derive(Debug, Message)]
#[rtype(result = "Result<Ticket, AccountError>")]
pub struct IssueTicket {
    /// Who will come with it.
    pub principal: Principal,
}

/// A ticket that has not been used.
pub struct Ticket {
    /// What to come with.
    pub ticket: String,
    /// How long it is good for.
    pub expires_in_seconds: u64,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ticket")
            .field("expires_in_seconds", &self.expires_in_seconds)
            .finish_non_exhaustive()
    }
}

/// Uses a ticket up. Sent by the socket's door; answered with whoever it was made for.
#[derive(Message)]
#[rtype(result = "Result<Principal, AccountError>")]
pub struct RedeemTicket {
    /// What somebody came with.
    pub ticket: String,
}

impl fmt::Debug for RedeemTicket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RedeemTicket(…)")
    }
}
