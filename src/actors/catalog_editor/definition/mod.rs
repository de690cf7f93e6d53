//! Agents as they are written in files: JSON or YAML, one definition or a list of them. Nothing here touches a database.
//!
//! What an import brings is read as a whole. Either every definition keeps every rule, or all faults are told at once.

mod document;
mod reading;
mod rules;

pub use document::{DefinitionFormat, NotReadable, parse};
pub use reading::{DEFINITIONS_MAX, DefinitionFault, Reading};

use serde_json::Value;

/// One agent as a file defines it, in the terms of the catalog. All rules are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The definition's `name`.
    pub title: String,
    /// The definition's `id`, or what was made of its category and name.
    pub activation_code: String,
    /// The weight or price; `None` leaves an agent's as it is, and gives a new one 0.
    pub rate: Option<i32>,
    /// All other fields, each in one way of writing, so that the same definition is the same document.
    pub content: Value,
}

#[cfg(test)]
mod tests;
