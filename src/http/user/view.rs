//! The documents that users see.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::models::{
    Agent, AgentId, AgentStatus, Document, Instance, InstanceId, InstanceStatus, KnowledgeBaseId, Role,
    TeamId, User, UserId,
};

/// An account, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = User, example = json!({
    "id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "username": "ada", "email": "ada@example.org", "role": "developer",
    "created_at": "2026-11-20T09:00:00Z", "updated_at": "2026-11-20T09:00:00Z"
}))]
pub(super) struct UserView {
    id: UserId,
    /// What the owner signs in with.
    username: String,
    /// Where mail for the owner goes, if an address is known.
    email: Option<String>,
    role: Role,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        let User { id, username, email, role, disabled_at: _, created_at, updated_at } = user;
        Self { id, username, email, role, created_at, updated_at }
    }
}

/// An agent on offer.
// Its activation code is not for users.
#[derive(Serialize, ToSchema)]
#[schema(as = Agent, example = json!({
    "id": 7, "title": "Sales lead generation", "content": {"category": "sales", "capabilities": ["leads", "email"]},
    "rate": 3, "version": 2, "status": "published",
    "created_at": "2026-11-18T08:30:00Z", "updated_at": "2026-11-19T16:05:00Z"
}))]
pub(super) struct AgentView<'a> {
    id: AgentId,
    title: &'a str,
    /// What the administrators say of it. `category` (a text), `capabilities` (a list of texts), `models`, `model` and
    /// `required_config` have a meaning for the platform; the rest is the administrators' own.
    #[schema(value_type = Object)]
    content: &'a Value,
    /// Its price, in units of the platform's operator.
    rate: i32,
    /// Grows by one when a published agent is edited.
    version: i32,
    status: AgentStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Agent> for AgentView<'a> {
    fn from(agent: &'a Agent) -> Self {
        Self {
            id: agent.id,
            title: &agent.title,
            content: &agent.content,
            rate: agent.rate,
            version: agent.version,
            status: agent.status,
            created_at: agent.created_at,
            updated_at: agent.updated_at,
        }
    }
}

/// An instance of an agent, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Instance, example = json!({
    "id": "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02", "agent_id": 7,
    "user_id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "team_id": null, "title": "Leads for spring",
    "user_config": {"region": "EU"}, "pipeline_config": {"engine": "builtin", "steps": [{"name": "collect"}]},
    "status": "pending", "status_reason": null, "revision": 1,
    "knowledge_base_id": "0199a3f0-11f2-7b6e-9d57-0c3b6a2e7d03",
    "created_at": "2026-11-20T09:12:30.5Z", "updated_at": "2026-11-20T09:12:30.5Z"
}))]
pub(super) struct InstanceView {
    id: InstanceId,
    agent_id: AgentId,
    user_id: UserId,
    team_id: Option<TeamId>,
    title: String,
    /// What the owner tells the agent.
    #[schema(value_type = Object)]
    user_config: Document,
    /// How the agent's pipeline is run.
    #[schema(value_type = Object)]
    pipeline_config: Document,
    status: InstanceStatus,
    /// Why the status is what it is, where there is more to say; for people.
    status_reason: Option<String>,
    /// Grows by one with each change.
    revision: i64,
    knowledge_base_id: KnowledgeBaseId,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Instance> for InstanceView {
    fn from(instance: Instance) -> Self {
        Self {
            id: instance.id,
            agent_id: instance.agent_id,
            user_id: instance.user_id,
            team_id: instance.team_id,
            title: instance.title,
            user_config: instance.user_config,
            pipeline_config: instance.pipeline_config,
            status: instance.status,
            status_reason: instance.status_reason,
            revision: instance.revision,
            knowledge_base_id: instance.knowledge_base_id,
            created_at: instance.created_at,
            updated_at: instance.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_agent_is_shown_without_its_activation_code() {
        let agent = Agent {
            id: AgentId(7),
            title: "Echo".to_owned(),
            content: json!({"category": "demo"}),
            activation_code: "echo_agent_001".to_owned(),
            rate: 3,
            version: 2,
            status: AgentStatus::Published,
            revision: 9,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let expected = json!({
            "id": 7, "title": "Echo", "content": {"category": "demo"}, "rate": 3, "version": 2, "status": "published",
            "created_at": "1970-01-01T00:00:00Z", "updated_at": "1970-01-01T00:00:00Z",
        });
        assert_eq!(serde_json::to_value(AgentView::from(&agent)).unwrap(), expected);
    }
}
