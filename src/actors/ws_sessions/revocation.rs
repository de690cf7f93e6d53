//! Events that end sessions.
//!
//! Credentials are revoked by an event, so that every replica hears of it: a user who is deleted, a sign-in or an API key that
//! ends, and all of a user's credentials at once.

use crate::models::event::body::AuthRevoked;
use crate::models::{CredentialId, RoutingKey, UserId};

/// Whose sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revocation {
    pub(super) user_id: UserId,
    /// Only those of this sign-in or API key; all of the user's if none.
    pub(super) credential: Option<CredentialId>,
}

impl Revocation {
    /// What an event revokes, if it does.
    pub(super) fn of(key: &RoutingKey, user_id: Option<UserId>, body: &str) -> Option<Self> {
        let user_id = user_id?;
        if *key == RoutingKey::USER_DELETED {
            return Some(Self { user_id, credential: None });
        }
        if *key != RoutingKey::AUTH_REVOKED {
            return None;
        }
        match serde_json::from_str(body) {
            Ok(AuthRevoked { session_id, api_key_id, .. }) => {
                let credential = session_id.map(CredentialId::from).or(api_key_id.map(CredentialId::from));
                Some(Self { user_id, credential })
            }
            // When in doubt, out: whoever has a good credential comes back.
            Err(_unreadable) => Some(Self { user_id, credential: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_names_a_sign_in_or_means_all_of_them() {
        let (user_id, sign_in) = (UserId::new(), crate::models::SessionId::new());
        let of = |key: &RoutingKey, body: &str| Revocation::of(key, Some(user_id), body);
        let revoked = RoutingKey::AUTH_REVOKED;
        assert_eq!(
            of(&revoked, &format!(r#"{{"user_id":"{user_id}","session_id":"{sign_in}"}}"#)),
            Some(Revocation { user_id, credential: Some(sign_in.into()) })
        );
        for all in [format!(r#"{{"user_id":"{user_id}"}}"#), "{}".to_owned()] {
            assert_eq!(of(&revoked, &all), Some(Revocation { user_id, credential: None }), "{all}");
        }
        assert_eq!(
            of(&revoked, &format!(r#"{{"user_id":"{user_id}","api_key_id":"{sign_in}"}}"#)),
            Some(Revocation { user_id, credential: Some(sign_in.into()) })
        );
        assert_eq!(of(&RoutingKey::USER_DELETED, "{}"), Some(Revocation { user_id, credential: None }));
        assert_eq!(of(&RoutingKey::INSTANCE_CREATED, "{}"), None);
    }
}
