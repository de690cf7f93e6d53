//! Events that end sessions.
//!
//! Credentials are revoked by an event, so that every replica hears of it. What is understood so far: a user who is
//! deleted, a sign-in that ends, and all of a user's credentials at once.

use crate::models::event::body::AuthRevoked;
use crate::models::{RoutingKey, SessionId, UserId};

/// Whose sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revocation {
    pub(super) user_id: UserId,
    /// Only those that began with this sign-in; all of the user's if none.
    pub(super) sign_in: Option<SessionId>,
}

impl Revocation {
    /// What an event revokes, if it does.
    pub(super) fn of(key: &RoutingKey, user_id: Option<UserId>, body: &str) -> Option<Self> {
        let user_id = user_id?;
        if *key == RoutingKey::USER_DELETED {
            return Some(Self { user_id, sign_in: None });
        }
        if *key != RoutingKey::AUTH_REVOKED {
            return None;
        }
        match serde_json::from_str(body) {
            // Sockets are not opened with API keys yet.
            Ok(AuthRevoked { session_id: None, api_key_id: Some(_), .. }) => None,
            Ok(AuthRevoked { session_id, .. }) => Some(Self { user_id, sign_in: session_id }),
            // When in doubt, out: whoever has a good credential comes back.
            Err(_unreadable) => Some(Self { user_id, sign_in: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_names_a_sign_in_or_means_all_of_them() {
        let (user_id, sign_in) = (UserId::new(), SessionId::new());
        let of = |key: &RoutingKey, body: &str| Revocation::of(key, Some(user_id), body);
        let revoked = RoutingKey::AUTH_REVOKED;
        assert_eq!(
            of(&revoked, &format!(r#"{{"user_id":"{user_id}","session_id":"{sign_in}"}}"#)),
            Some(Revocation { user_id, sign_in: Some(sign_in) })
        );
        for all in [format!(r#"{{"user_id":"{user_id}"}}"#), "{}".to_owned()] {
            assert_eq!(of(&revoked, &all), Some(Revocation { user_id, sign_in: None }), "{all}");
        }
        assert_eq!(of(&revoked, &format!(r#"{{"user_id":"{user_id}","api_key_id":"{sign_in}"}}"#)), None);
        assert_eq!(of(&RoutingKey::USER_DELETED, "{}"), Some(Revocation { user_id, sign_in: None }));
        assert_eq!(of(&RoutingKey::INSTANCE_CREATED, "{}"), None);
    }
}
