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
///
/// Where what follows a `#` does not fit, only the last `#` takes a word more: those before it have nothing to gain by it. To try
/// them all would take longer than a second for a pattern of eight and a key of a hundred words.
#[must_use]
pub fn topic_matches(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), key.split('.').collect());
    let (mut place, mut word) = (0, 0);
    // What follows the last `#`, and where the words begin that it has not taken.
    let mut last_any: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(place), key.get(word)) {
            (Some(&"#"), _) => {
                place += 1;
                last_any = Some((place, word));
            }
            (Some(wanted), Some(found)) if *wanted == "*" || wanted == found => {
                place += 1;
                word += 1;
            }
            (None, None) => return true,
            _ => match last_any {
                Some((after, taken)) if taken < key.len() => {
                    (place, word) = (after, taken + 1);
                    last_any = Some((place, word));
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// The rules as they are written: which beginnings of the pattern fit which beginnings of the key.
    fn by_the_table(pattern: &str, key: &str) -> bool {
        let key: Vec<&str> = key.split('.').collect();
        let mut fits: Vec<bool> = (0..=key.len()).map(|words| words == 0).collect();
        for wanted in pattern.split('.') {
            let before = fits.clone();
            for words in 0..fits.len() {
                let by_one = words > 0 && before[words - 1] && (wanted == "*" || wanted == key[words - 1]);
                fits[words] = match wanted {
                    "#" => before[words] || (words > 0 && fits[words - 1]),
                    _ => by_one,
                };
            }
        }
        fits[key.len()]
    }

    #[test]
    fn a_pattern_of_many_hashes_costs_no_more_than_any_other() {
        let pattern: KeyPattern = "#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.b".parse().unwrap();
        let key = ["a"; 128].join(".").parse().unwrap();
        assert!(!pattern.matches(&key));
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_the_rules_say(
            pattern in "([ab*#]\\.){0,6}[ab*#]", key in "([abc]\\.){0,6}[abc]"
        ) {
            prop_assert_eq!(topic_matches(&pattern, &key), by_the_table(&pattern, &key), "{} {}", pattern, key);
        }

        #[test]
        fn any_text_is_a_pattern_that_reads_back_or_an_error(text in "[a-z0-9_.*#]{0,40}|.{0,300}") {
            match text.parse::<KeyPattern>() {
                Ok(pattern) => {
                    prop_assert_eq!(pattern.to_string(), text.clone());
                    // Every key is a pattern of itself alone.
                    if let Ok(key) = text.parse::<RoutingKey>() {
                        prop_assert!(pattern.matches(&key));
                    }
                }
                Err(InvalidKeyPattern) => {
                    let is_plain = |letter| matches!(letter, 'a'..='z' | '0'..='9' | '_');
                    let is_word = |word: &str| !word.is_empty() && word.chars().all(is_plain);
                    let are_words = text.split('.').all(|word| word == "*" || word == "#" || is_word(word));
                    prop_assert!(!are_words || text.split('.').count() > WORDS_MAX || text.len() > 255);
                }
            }
        }
    }
}
