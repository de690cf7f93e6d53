//! Keys that make it safe to send a POST again.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How long a key may be, in bytes.
const LENGTH_MAX: usize = 255;

/// What a client calls one piece of work, and what it sent for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    text: String,
    fingerprint: [u8; 32],
}

impl IdempotencyKey {
    /// The key for a body that was sent to a path; `None` if the text is no key: 1 to 255 printable ASCII characters.
    ///
    /// Of the body counts what it says, not how it is written: the order of fields and the space between them may differ.
    #[must_use]
    pub fn new(text: &str, path: &str, body: &Value) -> Option<Self> {
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if text.is_empty() || text.len() > LENGTH_MAX || !text.bytes().all(is_printable) {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(path);
        hash.update([0]);
        // The fields of an object stand in the order of their names: a test sees to it.
        hash.update(body.to_string());
        Some(Self { text: text.to_owned(), fingerprint: hash.finalize().into() })
    }

    /// The same for work that depends on something that does not stand in the body.
    #[must_use]
    pub fn within(mut self, scope: &str) -> Self {
        self.fingerprint = Sha256::new().chain_update(self.fingerprint).chain_update(scope).finalize().into();
        self
    }

    /// What the client calls it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of what was sent.
    #[must_use]
    pub const fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }
}

/// What was made at a client's wish.
#[derive(Clone, Debug, PartialEq)]
pub struct Made<T> {
    /// It, as it was when it was made.
    pub thing: T,
    /// Whether it was made before, under the same key.
    pub is_replayed: bool,
}

impl<T> Made<T> {
    /// Made just now.
    pub const fn anew(thing: T) -> Self {
        Self { thing, is_replayed: false }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn print(path: &str, body: &str) -> Vec<u8> {
        let body = serde_json::from_str(body).unwrap();
        IdempotencyKey::new("k", path, &body).unwrap().fingerprint().to_vec()
    }

    #[test]
    fn of_a_body_counts_what_it_says_and_where_it_was_sent() {
        let first = print("/a", r#"{"title": "x", "config": {"b": 1, "a": [1, 2]}}"#);
        assert_eq!(first, print("/a", r#"{"config":{"a":[1,2],"b":1},"title":"\u0078"}"#));
        assert_ne!(first, print("/b", r#"{"title": "x", "config": {"b": 1, "a": [1, 2]}}"#));
        assert_ne!(first, print("/a", r#"{"title": "x", "config": {"b": 1, "a": [2, 1]}}"#));
    }

    #[test]
    fn a_key_is_short_and_printable() {
        let is_key = |text: &str| IdempotencyKey::new(text, "/", &json!({})).is_some();
        assert!(is_key("8e03978e-40d5") && is_key("a b\"~") && is_key(&"x".repeat(255)));
        assert!(!is_key("") && !is_key("a\tb") && !is_key("ä") && !is_key(&"x".repeat(256)));
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_as_it_is_or_none(text in "[ -~]{0,260}|.{0,40}") {
            let key = IdempotencyKey::new(&text, "/", &json!({}));
            let is_printable = text.chars().all(|letter| matches!(letter, ' '..='~'));
            prop_assert_eq!(key.is_some(), is_printable && (1..=255).contains(&text.len()));
            prop_assert!(key.is_none_or(|key| key.text() == text));
        }

        #[test]
        fn bodies_that_say_the_same_have_one_print_and_others_have_not(
            fields in prop::collection::btree_map(".{0,5}", prop_oneof![any::<i64>().prop_map(Value::from), ".{0,5}".prop_map(Value::from)], 1..6),
        ) {
            let print = |body: &Value| IdempotencyKey::new("k", "/a", body).unwrap().fingerprint().to_vec();
            let body = Value::Object(fields.clone().into_iter().collect());
            let turned: Map<String, Value> = fields.clone().into_iter().rev().collect();
            prop_assert_eq!(print(&body), print(&Value::Object(turned)));
            let read_again: Value = serde_json::from_str(&format!("{body:#}")).unwrap();
            prop_assert_eq!(print(&body), print(&read_again));
            for name in fields.keys() {
                let mut other = body.clone();
                other[name] = json!([body[name]]);
                prop_assert_ne!(print(&body), print(&other));
            }
        }
    }
}
