//! The documents that users see.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::models::{
    Agent, AgentId, AgentStatus, Instance, InstanceId, InstanceStatus, KnowledgeBaseId, Role, TeamId, User,
    UserId,
};

/// An account, as its owner sees it.
#[derive(Serialize)]
pub(super) struct UserView {
    id: UserId,
    username: String,
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

/// An agent on offer. Its activation code is not for users.
#[derive(Serialize)]
pub(super) struct AgentView<'a> {
    id: AgentId,
    title: &'a str,
    content: &'a Value,
    rate: i32,
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

/// An instance, as its owner sees it.
#[derive(Serialize)]
pub(super) struct InstanceView {
    id: InstanceId,
    agent_id: AgentId,
    user_id: UserId,
    team_id: Option<TeamId>,
    title: String,
    user_config: Value,
    pipeline_config: Value,
    status: InstanceStatus,
    status_reason: Option<String>,
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
