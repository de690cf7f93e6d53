//! An agent: one entry of the catalog.

use jiff::Timestamp;
use serde_json::Value;

use super::ids::AgentId;
use super::search::Words;
use super::text_enum::text_enum;

text_enum! {
    /// Where an agent stands in its life.
    pub enum AgentStatus {
        /// Being written; users do not see it.
        Draft = "draft",
        /// Offered to users.
        Published = "published",
        /// No longer offered; its instances go on.
        Retired = "retired",
    }
}

/// One agent as its row says.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// The display name.
    pub title: String,
    /// An opaque document of the administrators, a JSON object.
    pub content: Value,
    /// The unique code that definitions and workflows name it by. Never shown to users.
    pub activation_code: String,
    /// Internal weight or price.
    pub rate: i32,
    /// Grows when a version that was published is edited.
    pub version: i32,
    /// Where it stands in its life.
    pub status: AgentStatus,
    /// Grows by one with each change of the row.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its revision last grew.
    pub updated_at: Timestamp,
}

impl Agent {
    /// What it says it can do: the strings of `content.capabilities`, empty when there is no such list.
    #[must_use]
    pub fn capabilities(&self) -> Vec<&str> {
        capabilities(&self.content)
    }

    /// The shelf it stands on: `content.category`, if that is a string.
    #[must_use]
    pub fn category(&self) -> Option<&str> {
        self.content.get("category").and_then(Value::as_str)
    }
}

/// The strings of `content.capabilities`; anything else in there is passed over, for the document is opaque.
#[must_use]
pub fn capabilities(content: &Value) -> Vec<&str> {
    content
        .get("capabilities")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// What an administrator writes of an agent, already validated.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentDraft {
    /// The display name.
    pub title: String,
    /// An opaque document, a JSON object.
    pub content: Value,
    /// The unique code that definitions and workflows name it by.
    pub activation_code: String,
    /// Internal weight or price.
    pub rate: i32,
}

/// What an administrator changes of an agent; `None` leaves the column alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentPatch {
    /// A new display name.
    pub title: Option<String>,
    /// A new document, replacing the old one wholly.
    pub content: Option<Value>,
    /// A new activation code.
    pub activation_code: Option<String>,
    /// A new rate.
    pub rate: Option<i32>,
    /// Applies the patch only while the row still has this revision (`If-Match`).
    pub expected_revision: Option<i64>,
}

/// Which agents an administrator's list shows; what is not set leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFilter {
    /// Only those with that status.
    pub status: Option<AgentStatus>,
    /// Only those of that category, whatever its case and accents.
    pub category: Option<String>,
    /// Only those with all of these words in their title, code, description, category and capabilities.
    pub words: Words,
}

/// An agent as it was when one of its versions was published: what an instance is pinned to.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentVersion {
    /// The agent.
    pub agent_id: AgentId,
    /// The version.
    pub version: i32,
    /// Its title then.
    pub title: String,
    /// Its content then.
    pub content: Value,
    /// Its rate then.
    pub rate: i32,
    /// When it was first offered.
    pub published_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn capabilities_are_read_with_forgiveness() {
        assert_eq!(capabilities(&json!({"capabilities": ["a", 1, "b"]})), ["a", "b"]);
        assert!(capabilities(&json!({"capabilities": "a"})).is_empty());
        assert!(capabilities(&json!([])).is_empty());
    }
}
