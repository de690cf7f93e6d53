//! What kind of fact an event tells.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A text that cannot be a routing key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a routing key: dotted lower-case words, 255 bytes at most")]
pub struct InvalidRoutingKey(String);

impl InvalidRoutingKey {
    /// Whoever wrote it may have written a megabyte, and the error is kept with the dead letter.
    fn of(text: &str) -> Self {
        Self(text.chars().take(50).collect())
    }
}

/// What kind of fact an event tells, in the words of the bus.
///
/// Not an enum: during a rolling upgrade a publisher meets keys of a newer release, and must pass them on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoutingKey(Cow<'static, str>);

macro_rules! routing_keys {
    ($($name:ident = $text:literal;)+) => {
        impl RoutingKey {
            $(#[doc = concat!("`", $text, "`")] pub const $name: Self = Self(Cow::Borrowed($text));)+

            /// Every key that this release knows.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The key as a text that needs no memory of its own, if this release knows it.
            fn known(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

routing_keys! {
    INSTANCE_CREATED = "instance.created";
    INSTANCE_UPDATED = "instance.updated";
    INSTANCE_DELETED = "instance.deleted";
    AGENT_PUBLISHED = "agent.published";
    AGENT_UPDATED = "agent.updated";
    AGENT_RETIRED = "agent.retired";
    AGENT_DELETED = "agent.deleted";
    KNOWLEDGE_BASE_CREATED = "knowledge_base.created";
    KNOWLEDGE_BASE_DELETED = "knowledge_base.deleted";
    KNOWLEDGE_BASE_ENTRY_CREATED = "knowledge_base.entry.created";
    KNOWLEDGE_BASE_ENTRY_UPDATED = "knowledge_base.entry.updated";
    KNOWLEDGE_BASE_ENTRY_DELETED = "knowledge_base.entry.deleted";
    EXECUTION_CREATED = "execution.created";
    EXECUTION_UPDATED = "execution.updated";
    EXECUTION_DELETED = "execution.deleted";
    WORKFLOW_CREATED = "workflow.created";
    WORKFLOW_STARTED = "workflow.started";
    WORKFLOW_UPDATED = "workflow.updated";
    WORKFLOW_FINISHED = "workflow.finished";
    WORKFLOW_DELETED = "workflow.deleted";
    AUTH_REVOKED = "auth.revoked";
    USER_DELETED = "user.deleted";
    TEAM_MEMBER_ADDED = "team.member.added";
    TEAM_MEMBER_UPDATED = "team.member.updated";
    TEAM_MEMBER_REMOVED = "team.member.removed";
    REPORT_INSTANCE = "report.instance";
    REPORT_EXECUTION = "report.execution";
}

impl RoutingKey {
    /// The longest key that AMQP can carry, in bytes.
    pub const LENGTH_MAX: usize = 255;

    /// The key as it stands on the bus.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first word: what the fact is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl fmt::Display for RoutingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for RoutingKey {
    type Err = InvalidRoutingKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(key) = Self::known(text) {
            return Ok(key);
        }
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let is_key = text.len() <= Self::LENGTH_MAX && text.split('.').all(is_word);
        if is_key { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidRoutingKey::of(text)) }
    }
}

impl Serialize for RoutingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RoutingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_of_a_newer_release_are_passed_on_and_nonsense_is_not() {
        for key in RoutingKey::ALL {
            assert_eq!(key.as_str().parse().as_ref(), Ok(key));
        }
        assert!("invoice.line.paid".parse::<RoutingKey>().is_ok());
        for text in ["", ".", "a..b", "instance.*", "Instance.created", "a b", &"a".repeat(256)] {
            assert!(text.parse::<RoutingKey>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_that_reads_back_or_a_short_error(text in "[a-z0-9_.]{0,60}|.{0,2000}") {
            match text.parse::<RoutingKey>() {
                Ok(key) => {
                    prop_assert_eq!(key.as_str(), text.as_str());
                    let written = serde_json::to_string(&key).unwrap();
                    prop_assert_eq!(serde_json::from_str::<RoutingKey>(&written).unwrap(), key);
                }
                Err(error) => prop_assert!(error.to_string().chars().count() < 150),
            }
        }
    }
}
