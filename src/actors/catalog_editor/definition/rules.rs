//! What the fields of a definition must be like.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::rules;
use crate::models::document::whole;
use crate::models::search::fold;

const URL_BYTES_MAX: usize = 2_048;
const NAME_BYTES_MAX: usize = 64;
const CAPABILITIES_MAX: usize = 64;
const DESCRIPTION_CHARS_MAX: usize = 2_000;
const MODEL_CHARS_MAX: usize = 200;
const VERSION_BYTES_MAX: usize = 64;

/// In characters; with everything else it stays below what an agent's document may have.
const PROMPT_CHARS_MAX: usize = 50_000;

/// In tokens; above what any model gives in one answer.
const TOKENS_MAX: i64 = 10_000_000;

/// What is wrong with a value, as the rest of a sentence that begins with its name.
pub(super) type Fault = String;

pub(super) fn text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| "must be a text".to_owned())
}

pub(super) fn name(value: &Value) -> Result<String, Fault> {
    rules::title(text(value)?)
}

pub(super) fn id(value: &Value) -> Result<String, Fault> {
    rules::activation_code(text(value)?.to_owned())
}

pub(super) fn description(value: &Value) -> Result<String, Fault> {
    paragraphs(text(value)?, DESCRIPTION_CHARS_MAX)
}

pub(super) fn system_prompt(value: &Value) -> Result<String, Fault> {
    paragraphs(text(value)?, PROMPT_CHARS_MAX)
}

pub(super) fn model(value: &Value) -> Result<String, Fault> {
    crate::models::document::line(text(value)?, MODEL_CHARS_MAX)
}

/// A name such as `hospitality_tourism`.
pub(super) fn snake_case(value: &Value) -> Result<String, Fault> {
    let name = text(value)?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !begins_well || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
        return Err(format!(
            "must have 1 to {NAME_BYTES_MAX} lower-case letters, digits or `_`, a letter first"
        ));
    }
    Ok(name.to_owned())
}

pub(super) fn version(value: &Value) -> Result<String, Fault> {
    let fault = || "must be a semantic version as a text, such as \"1.0.0\"".to_owned();
    let version = value.as_str().filter(|text| text.len() <= VERSION_BYTES_MAX).ok_or_else(fault)?;
    semver::Version::parse(version).map(|version| version.to_string()).map_err(|_not_one| fault())
}

/// Where the agent's own service is. It is kept for people and never called, and users see it.
pub(super) fn address(value: &Value) -> Result<String, Fault> {
    let text = text(value)?;
    let fault = || format!("must be an http or https address of {URL_BYTES_MAX} bytes at most");
    if text.len() > URL_BYTES_MAX || text.chars().any(|letter| letter.is_whitespace() || letter.is_control())
    {
        return Err(fault());
    }
    let address = url::Url::parse(text).map_err(|_not_one| fault())?;
    if !matches!(address.scheme(), "http" | "https") || !address.has_host() {
        return Err(fault());
    }
    if !address.username().is_empty() || address.password().is_some() {
        return Err("must not hold a user name or a password".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn temperature(value: &Value) -> Result<f64, Fault> {
    let number = value.as_f64().filter(|number| (0.0..=2.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 2".to_owned())
}

pub(super) fn max_tokens(value: &Value) -> Result<i64, Fault> {
    let number = whole(value).filter(|number| (1..=TOKENS_MAX).contains(number));
    number.ok_or_else(|| format!("must be a whole number from 1 to {TOKENS_MAX}"))
}

pub(super) fn rate(value: &Value) -> Result<i32, Fault> {
    let number = whole(value).and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| format!("must be a whole number from {} to {}", i32::MIN, i32::MAX))
}

/// The list itself; its items are looked at one by one.
pub(super) fn capabilities(value: &Value) -> Result<&[Value], Fault> {
    let items = value.as_array().filter(|items| (1..=CAPABILITIES_MAX).contains(&items.len()));
    items
        .map(Vec::as_slice)
        .ok_or_else(|| format!("must be a list of 1 to {CAPABILITIES_MAX} names, such as [\"lead_scoring\"]"))
}

/// One item of the list, which none before it may repeat.
pub(super) fn capability(value: &Value, before: &mut HashSet<String>) -> Result<Value, Fault> {
    let name = snake_case(value)?;
    if !before.insert(name.clone()) {
        return Err(format!("is there twice: {name}"));
    }
    Ok(json!(name))
}

/// The id of a definition that has none: its category and its name in snake case. `None` when the name has no letter or
/// digit that could stand in an id.
pub(super) fn derived_id(category: &str, name: &str) -> Option<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        return None;
    }
    rules::activation_code(format!("{category}_{}", words.join("_"))).ok()
}

/// A text that may have lines, without the space around it.
fn paragraphs(text: &str, chars_max: usize) -> Result<String, Fault> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > chars_max {
        return Err(format!("must have 1 to {chars_max} characters"));
    }
    if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(text.to_owned())
}
