//! Sets of routing keys, in the words of AMQP's topic exchanges.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::event::RoutingKey;

/// More words serve nobody, and each `#` multiplies the ways to match.
const WORDS_MAX: usize = 16;

/// A text that cannot be a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "not a pattern of routing keys: dotted lower-case words, `*` for one word, `#` for any number, 16 words at most"
)]
pub struct InvalidKeyPattern;

/// Which keys are meant: one key, or a pattern in which `*` is one word and `#` any number of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern(String);

impl KeyPattern {
    /// Whether the key is one of those that are meant.
    #[must_use]
    pub fn matches(&self, key: &RoutingKey) -> bool {
        topic_matches(&self.0, key.as_str())
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for KeyPattern {
    type Err = InvalidKeyPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |word: &str| {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            matches!(word, "*" | "#") || (!word.is_empty() && word.bytes().all(is_plain))
        };
        let is_pattern = text.len() <= RoutingKey::LENGTH_MAX
            && text.split('.').count() <= WORDS_MAX
            && text.split('.').all(is_word);
        if is_pattern { Ok(Self(text.to_owned())) } else { Err(InvalidKeyPattern) }
    }
}

/// AMQP's topic rules: `*` is one word, `#` any number of them.
#[must_use]
pub fn topic_matches(pattern: &str, key: &str) -> bool {
    fn rest(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (Some((&"#", others)), _) => (0..=key.len()).any(|skipped| rest(others, &key[skipped..])),
            (Some((&"*", others)), Some((_, words))) => rest(others, words),
            (Some((wanted, others)), Some((word, words))) => wanted == word && rest(others, words),
            _ => false,
        }
    }
    rest(&pattern.split('.').collect::<Vec<_>>(), &key.split('.').collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_patterns_match_as_amqp_says() {
        for (pattern, key, expected) in [
            ("instance.*", "instance.created", true),
            ("instance.*", "instance", false),
            ("instance.*", "instance.a.b", false),
            ("#", "anything.at.all", true),
            ("knowledge_base.entry.#", "knowledge_base.entry.created", true),
            ("a.#.b", "a.b", true),
            ("a.#.b", "a.x.y.b", true),
            ("a.#.b", "a.x.y", false),
        ] {
            let parsed: KeyPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(&key.parse().unwrap()), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn what_no_key_could_match_is_no_pattern() {
        for text in
            ["", ".", "a..b", "Instance.*", "a b", "instance.cre*", &"#.".repeat(16), &"a".repeat(256)]
        {
            assert!(text.parse::<KeyPattern>().is_err(), "{text}");
        }
    }
}
