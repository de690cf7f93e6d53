//! The documents that administrators see.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::conditional::EntityTag;
use crate::models::{Agent, AgentId, AgentStatus};

/// An agent, with what users do not see.
#[derive(Serialize, ToSchema)]
#[schema(as = Agent, example = json!({
    "id": 7, "title": "Sales lead generation", "content": {"category": "sales", "capabilities": ["leads", "email"]},
    "activation_code": "sales_leadgen_agent_001", "rate": 3, "version": 2, "status": "published", "revision": 4,
    "created_at": "2026-11-18T08:30:00Z", "updated_at": "2026-11-19T16:05:00Z"
}))]
pub(super) struct AgentView {
    id: AgentId,
    title: String,
    /// What is said of it. The platform reads `category`, `capabilities`, `models`, `model` and `required_config`.
    #[schema(value_type = Object)]
    content: Value,
    /// The unique code that definitions and workflows name it by. Users do not see it.
    activation_code: String,
    /// Its price, in units of the platform's operator.
    rate: i32,
    /// Grows by one when a published agent is edited.
    version: i32,
    status: AgentStatus,
    /// Grows by one with each change.
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl AgentView {
    /// Names the state that the agent is in.
    pub(super) fn tag(agent: &Agent) -> EntityTag {
        EntityTag::of_revision(agent.id, agent.revision)
    }
}

impl From<Agent> for AgentView {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id,
            title: agent.title,
            content: agent.content,
            activation_code: agent.activation_code,
            rate: agent.rate,
            version: agent.version,
            status: agent.status,
            revision: agent.revision,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        }
    }
}
