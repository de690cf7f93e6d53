//! What is told of the catalog.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Body;
use super::sample::AN_AGENT;
use crate::models::ids::AgentId;

/// An agent of the catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentChanged {
    /// The agent.
    pub agent_id: AgentId,
    /// Its title.
    pub name: String,
    /// Its version after the change.
    #[schema(minimum = 1)]
    pub version: i32,
    /// What its content has under `capabilities`, or an empty list where it has nothing there. By convention a list of
    /// texts.
    #[schema(value_type = Value)]
    pub capabilities: Value,
}

impl Body for AgentChanged {
    fn sample() -> Self {
        Self {
            agent_id: AN_AGENT,
            name: "Sales lead generation".to_owned(),
            version: 2,
            capabilities: json!(["leads", "email"]),
        }
    }
}
