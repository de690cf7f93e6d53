//! What the fields of an instance must be like.

use serde_json::Value;

use crate::models::document;

const TITLE_CHARS_MAX: usize = 200;

/// Both configurations travel in the row, and the user's in an event.
const CONFIG_BYTES_MAX: usize = 64 * 1024;

/// A title without the space around it.
///
/// # Errors
/// What it must be like.
pub fn title(text: &str) -> Result<String, String> {
    document::line(text, TITLE_CHARS_MAX)
}

/// A configuration.
///
/// # Errors
/// What it must be like.
pub fn config(value: Value) -> Result<Value, String> {
    document::object(value, CONFIG_BYTES_MAX)
}
