//! What an agent must be like. Whoever writes agents, the API or an import, asks here first.

use serde_json::Value;

use crate::models::document;

const TITLE_CHARS_MAX: usize = 200;
const ACTIVATION_CODE_BYTES_MAX: usize = 200;

/// Every replica holds the content of all published agents in memory.
const CONTENT_BYTES_MAX: usize = 256 * 1024;

/// A title without the space around it.
///
/// # Errors
/// What it must be like.
pub fn title(text: &str) -> Result<String, String> {
    document::line(text, TITLE_CHARS_MAX)
}

/// The code that definitions name an agent by, such as `sales_leadgen_agent_001`.
///
/// # Errors
/// What it must be like.
pub fn activation_code(text: String) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    if text.is_empty() || text.len() > ACTIVATION_CODE_BYTES_MAX || !text.bytes().all(is_plain) {
        return Err(format!(
            "must have 1 to {ACTIVATION_CODE_BYTES_MAX} letters, digits or `_`, `-`, `.`, `:`"
        ));
    }
    // A workflow may name an agent by its number, too: a code that reads as one would be ambiguous.
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("must not be a number".to_owned());
    }
    Ok(text)
}

/// The document of an agent.
///
/// # Errors
/// What it must be like.
pub fn content(value: Value) -> Result<Value, String> {
    document::object(value, CONTENT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activation_codes_are_plain_and_no_numbers() {
        for good in ["sales_leadgen_agent_001", "a", "x:1.2-3"] {
            assert!(activation_code(good.to_owned()).is_ok(), "{good}");
        }
        for refused in ["", "a b", "ä", "12", "a\0", &"a".repeat(201)] {
            assert!(activation_code(refused.to_owned()).is_err(), "{refused:?}");
        }
    }
}
