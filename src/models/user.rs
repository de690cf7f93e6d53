//! A user: one person with an account.

use std::fmt;

use jiff::Timestamp;

use super::ids::UserId;
use super::text_enum::text_enum;

text_enum! {
    /// What a user may do on the platform as a whole.
    pub enum Role {
        /// Everything.
        Admin = "admin",
        /// Makes and runs instances and workflows; what a new user is.
        Developer = "developer",
        /// Looks, and changes nothing.
        Viewer = "viewer",
    }
}

/// One account as its row says, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What the person signs in with; unique without regard to case.
    pub username: String,
    /// Where to write to, if it was given; unique without regard to case.
    pub email: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// Since when the account is closed to its owner, if it is.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A new account, already validated.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUser {
    /// Chosen by the caller, so that a repeated insert is recognised.
    pub id: UserId,
    /// What the person signs in with.
    pub username: String,
    /// Where to write to, if it was given.
    pub email: Option<String>,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// What the person may do.
    pub role: Role,
}

impl User {
    /// Names the state that the account is in, as a revision does elsewhere: the microsecond of its last change. No two
    /// changes of one account share it.
    #[must_use]
    pub fn state(&self) -> i64 {
        self.updated_at.as_microsecond()
    }
}

/// What a person may change of their account, already validated; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserPatch {
    /// Another name to sign in with.
    pub username: Option<String>,
    /// Another address; `Some(None)` takes it away.
    pub email: Option<Option<String>>,
}

/// Which accounts a list shows; `None` does not narrow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Only those of this role.
    pub role: Option<Role>,
    /// Only those that are closed to their owners, or only those that are not.
    pub disabled: Option<bool>,
}

/// A password's hash in PHC form. It cannot be logged by accident: its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a hash as it is; whether it can be verified is the hasher's matter.
    #[must_use]
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The hash, for the hasher and for the store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_does_not_show_in_debug_output() {
        let hash = PasswordHash::new("$argon2id$secret".to_owned());
        assert!(!format!("{hash:?}").contains("secret"));
    }
}
