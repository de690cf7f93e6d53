//! Texts and JSON documents that come from outside: how big, how deep, and nothing in them that Postgres cannot keep.

use std::hash::{Hash, Hasher};
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A document that is nested deeper is a mistake or an attack on whoever walks it.
const DEPTH_MAX: usize = 32;

/// A JSON document as it is written. Read into values it can take a hundred times as much memory, so whoever only passes it on,
/// or holds a thousand of them, keeps it so.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(Box<RawValue>);

impl Document {
    /// What is written in it.
    ///
    /// # Errors
    /// Where it is nested deeper than the parser goes, which no document is that came in by the API.
    pub fn read(&self) -> serde_json::Result<Value> {
        serde_json::from_str(self.text())
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }
}

impl From<&Value> for Document {
    fn from(value: &Value) -> Self {
        // A value is written as JSON whatever is in it: its keys are texts.
        Self(serde_json::value::to_raw_value(value).unwrap_or_else(|_never| RawValue::NULL.to_owned()))
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Document {}

impl Hash for Document {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

/// One line of text without the space around it.
///
/// # Errors
/// What it must be like.
pub fn line(text: &str, chars_max: usize) -> Result<String, String> {
    let line = text.trim();
    if line.is_empty() || line.chars().count() > chars_max {
        return Err(format!("must have 1 to {chars_max} characters"));
    }
    if line.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(line.to_owned())
}

/// A JSON object of at most `bytes_max` bytes, counted as it is written without spaces.
///
/// # Errors
/// What it must be like.
pub fn object(value: Value, bytes_max: usize) -> Result<Value, String> {
    if !value.is_object() {
        return Err("must be a JSON object".to_owned());
    }
    if depth(&value) > DEPTH_MAX {
        return Err(format!("must not be nested deeper than {DEPTH_MAX} levels"));
    }
    if written_bytes(&value) > bytes_max {
        return Err(format!("must have {bytes_max} bytes at most"));
    }
    if has_zero(&value) {
        return Err("must not contain the character U+0000".to_owned());
    }
    Ok(value)
}

/// The whole number that a value is. To JSON, `3` and `3.0` are the same, and some languages write all of theirs with a point;
/// written so they are taken up to 2^53, from where on not every whole number can be.
#[must_use]
pub fn whole(value: &Value) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let written_with_a_point = || {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT_MAX)?;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        Some(number as i64)
    };
    value.as_i64().or_else(written_with_a_point)
}

/// Levels of objects and lists. The parser's own limit of 128 bounds the recursion here.
fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return 0,
    };
    1 + deepest.unwrap_or_default()
}

/// Postgres keeps no U+0000 in `jsonb`.
fn has_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_zero),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_zero(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn written_bytes(value: &Value) -> usize {
    let mut count = Count(0);
    // A counter takes everything.
    let _infallible = serde_json::to_writer(&mut count, value);
    count.0
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (1..levels).fold(json!({}), |inner, _| json!({"inner": inner}))
    }

    #[test]
    fn a_line_is_trimmed_and_neither_empty_nor_long_nor_invisible() {
        assert_eq!(line("  My agent  ", 10).unwrap(), "My agent");
        for refused in ["", "   ", "a\0", "a\nb", "12345678901"] {
            assert!(line(refused, 10).is_err(), "{refused:?}");
        }
        assert!(line(&"ä".repeat(10), 10).is_ok());
    }

    #[test]
    fn an_object_is_bounded_in_size() {
        let value = json!({"a": "x".repeat(10)});
        assert_eq!(written_bytes(&value), 18);
        assert!(object(value.clone(), 18).is_ok());
        assert!(object(value, 17).is_err());
    }

    #[test]
    fn an_object_is_bounded_in_depth() {
        assert!(object(nested(DEPTH_MAX), 10_000).is_ok());
        assert!(object(nested(DEPTH_MAX + 1), 10_000).is_err());
        assert!(object(json!({"list": [[[]]]}), 100).is_ok());
    }

    #[test]
    fn what_postgres_cannot_keep_is_refused_wherever_it_hides() {
        for hidden in [json!({"a": "\0"}), json!({"a\0": 1}), json!({"a": [{"b": ["x\0"]}]})] {
            assert!(object(hidden, 1_000).is_err());
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for refused in [json!(null), json!([]), json!("{}"), json!(1)] {
            assert!(object(refused, 1_000).is_err());
        }
    }
}
