//! Events that change whose things a user hears of.
//!
//! A session's teams are looked up once, when it begins. When they change it has to begin again, with `since`, and is told of
//! what it has missed by its new rights. Whoever may hear less is also closed by what `user_psql` tells every replica directly,
//! without the bus: this is for those who may hear more, and a second net for the others.

use super::farewell::Farewell;
use crate::models::event::body::TeamMemberChanged;
use crate::models::{RoutingKey, TeamId};

/// A user's part in a team has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Regrouping {
    pub(super) team_id: TeamId,
    revision: i64,
    has_joined: bool,
    has_left: bool,
}

impl Regrouping {
    /// What an event says of it, if it does.
    pub(super) fn of(key: &RoutingKey, body: &str) -> Option<Self> {
        let (has_joined, has_left) =
            (*key == RoutingKey::TEAM_MEMBER_ADDED, *key == RoutingKey::TEAM_MEMBER_REMOVED);
        if !has_joined && !has_left && *key != RoutingKey::TEAM_MEMBER_UPDATED {
            return None;
        }
        let TeamMemberChanged { team_id, revision, .. } = serde_json::from_str(body).ok()?;
        Some(Self { team_id, revision, has_joined, has_left })
    }

    /// What a session is told that hears of the team as of `known`; nothing, if it began after the change.
    pub(super) fn farewell(&self, known: Option<i64>) -> Option<Farewell> {
        let is_news = known.is_none_or(|known| known < self.revision);
        let hears_nothing_of_it = self.has_left && known.is_none();
        let farewell = if self.has_joined { Farewell::Regrouped } else { Farewell::Expired };
        (is_news && !hears_nothing_of_it).then_some(farewell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::UserId;

    #[test]
    fn only_those_begin_again_who_have_not_heard_of_it() {
        let team_id = TeamId::new();
        let body = serde_json::json!({
            "team_id": team_id, "user_id": UserId::new(), "role": "viewer", "revision": 5
        });
        let of = |key: &RoutingKey| Regrouping::of(key, &body.to_string());
        let told = |key, known| of(&key).unwrap().farewell(known);
        let (added, removed) = (RoutingKey::TEAM_MEMBER_ADDED, RoutingKey::TEAM_MEMBER_REMOVED);
        assert_eq!(told(added.clone(), None), Some(Farewell::Regrouped));
        assert_eq!(told(added.clone(), Some(4)), Some(Farewell::Regrouped));
        assert_eq!(told(added, Some(5)), None);
        assert_eq!(told(removed.clone(), Some(4)), Some(Farewell::Expired));
        assert_eq!(told(removed.clone(), Some(6)), None, "they are in it again");
        assert_eq!(told(removed, None), None);
        assert_eq!(told(RoutingKey::TEAM_MEMBER_UPDATED, Some(1)), Some(Farewell::Expired));
        assert_eq!(
            told(RoutingKey::TEAM_MEMBER_UPDATED, None),
            Some(Farewell::Expired),
            "it may let them hear"
        );
        assert_eq!(of(&RoutingKey::INSTANCE_CREATED), None);
    }
}
