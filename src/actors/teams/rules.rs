//! What the fields of a team must be like.

use crate::models::document;

const NAME_CHARS_MAX: usize = 100;

/// A name without the space around it.
///
/// # Errors
/// What it must be like.
pub fn name(text: &str) -> Result<String, String> {
    document::line(text, NAME_CHARS_MAX)
}
