//! The schema: the keys of `config/default.toml` and the types of their values.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Float,
    Integer,
    Text,
    TextList,
}

impl Kind {
    /// The type of a value that may stand in `default.toml`; a section, a date or another list has none.
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Boolean(_) => Some(Self::Boolean),
            Value::Float(_) => Some(Self::Float),
            Value::Integer(_) => Some(Self::Integer),
            Value::String(_) => Some(Self::Text),
            Value::Array(items) if items.iter().all(Value::is_str) => Some(Self::TextList),
            Value::Array(_) | Value::Datetime(_) | Value::Table(_) => None,
        }
    }

    /// Whether a layer may give `value` to a key of this type; whole numbers are good enough for a float.
    pub(super) fn accepts(self, value: &Value) -> bool {
        Self::of(value) == Some(self) || (self == Self::Float && value.is_integer())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Boolean => "true or false",
            Self::Float => "a number",
            Self::Integer => "a whole number",
            Self::Text => "a text",
            Self::TextList => "a list of texts",
        })
    }
}

/// All known keys.
pub(super) struct Schema {
    kinds: BTreeMap<String, Kind>,
}

impl Schema {
    /// Reads the keys off the defaults.
    pub(super) fn of(defaults: &Table) -> Self {
        let mut kinds = BTreeMap::new();
        collect(defaults, "", &mut kinds);
        Self { kinds }
    }

    /// The type of a key's value, if the key is known.
    pub(super) fn kind(&self, key: &str) -> Option<Kind> {
        self.kinds.get(key).copied()
    }

    /// Whether known keys stand in the section `name`.
    pub(super) fn is_section(&self, name: &str) -> bool {
        self.kinds.keys().any(|key| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    /// All known keys in alphabetic order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// The known key that somebody who wrote `unknown` most likely meant, if any is near enough to be worth naming.
    pub(super) fn nearest(&self, unknown: &str) -> Option<&str> {
        let (distance, key) = self.keys().map(|key| (edits(unknown, key), key)).min()?;
        if distance <= (unknown.chars().count() / 3).max(2) {
            return Some(key);
        }

        // The right word in the wrong section.
        let mut namesakes = self.keys().filter(|key| last_word(key) == last_word(unknown));
        let first = namesakes.next()?;
        namesakes.next().is_none().then_some(first)
    }
}

fn collect(table: &Table, prefix: &str, kinds: &mut BTreeMap<String, Kind>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let Value::Table(section) = value {
            collect(section, &key, kinds);
        } else if let Some(kind) = Kind::of(value) {
            kinds.insert(key, kind);
        }
    }
}

fn last_word(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// How many letters must be put in, taken out or exchanged to turn one text into the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut left = row + 1;
        for (index, wanted) in to.iter().enumerate() {
            let exchanged = above[index] + usize::from(letter != *wanted);
            left = exchanged.min(left + 1).min(above[index + 1] + 1);
            current.push(left);
        }
        above = current;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let defaults = "[http.user]\nport = 1\n[redis]\nurl = ''\n[worker]\nlease_ms = 1\nroles = ['a']";
        Schema::of(&defaults.parse().unwrap())
    }

    #[test]
    fn the_nearest_key_is_the_one_with_the_fewest_edits() {
        assert_eq!(schema().nearest("http.user.prot"), Some("http.user.port"));
        assert_eq!(schema().nearest("worker.leasems"), Some("worker.lease_ms"));
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }

    #[test]
    fn the_right_word_in_the_wrong_section_is_found() {
        assert_eq!(schema().nearest("completely.other.section.lease_ms"), Some("worker.lease_ms"));
        assert_eq!(schema().nearest("nothing.like.any_of_these"), None);
    }

    #[test]
    fn sections_and_keys_are_told_apart() {
        assert!(schema().is_section("http"));
        assert!(schema().is_section("http.user"));
        assert!(!schema().is_section("http.user.port"));
        assert!(!schema().is_section("htt"));
        assert_eq!(schema().kind("worker.roles"), Some(Kind::TextList));
        assert_eq!(schema().kind("worker"), None);
    }
}
