//! What is told of instances.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::Body;
use super::sample::{A_MOMENT, A_USER, AN_AGENT, AN_INSTANCE, object};
use crate::models::ids::{AgentId, InstanceId, TeamId, UserId};
use crate::models::instance::{DesiredState, InstanceStatus};

/// A new instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceCreated {
    /// The instance.
    pub instance_id: InstanceId,
    /// The agent that it was made from.
    pub agent_id: AgentId,
    /// Whose it is.
    pub user_id: UserId,
    /// The team that shares it.
    #[schema(required)]
    pub team_id: Option<TeamId>,
    /// What it was made with.
    pub config: InstanceConfig,
    /// When it was made.
    pub created_at: Timestamp,
    /// `pending`: every instance begins so.
    pub status: InstanceStatus,
    /// 1: every instance begins so.
    #[schema(minimum = 1)]
    pub revision: i64,
}

/// What an instance was made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceConfig {
    /// Settings of its user.
    #[schema(value_type = Object)]
    pub user_config: Map<String, Value>,
    /// Settings of its pipeline.
    #[schema(value_type = Object)]
    pub pipeline_config: Map<String, Value>,
}

/// What an instance has become. Each has a revision one higher than the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceUpdated {
    /// The instance.
    pub instance_id: InstanceId,
    /// The agent that it was made from.
    pub agent_id: AgentId,
    /// Whose it is.
    pub user_id: UserId,
    /// The team that shares it.
    #[schema(required)]
    pub team_id: Option<TeamId>,
    /// What it is doing.
    pub status: InstanceStatus,
    /// Why it is doing that, where there is something to say.
    #[schema(required)]
    pub status_reason: Option<String>,
    /// What else a reader may want to know.
    pub metadata: InstanceMetadata,
    /// When its revision grew.
    pub updated_at: Timestamp,
    /// Its revision after the change.
    #[schema(minimum = 1)]
    pub revision: i64,
}

/// What else is told of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceMetadata {
    /// Grows with each worker that takes the instance up. Who works on it writes under this number, and under no other.
    #[schema(minimum = 0)]
    pub owner_epoch: i64,
    /// What its user wants of it.
    pub desired_state: DesiredState,
    /// How often provisioning was begun since its user last started it.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// The version of the agent that it is pinned to.
    #[schema(minimum = 1)]
    pub agent_version: i32,
    /// What its user calls it.
    pub title: String,
}

/// An instance that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceDeleted {
    /// The instance.
    pub instance_id: InstanceId,
    /// The agent that it was made from.
    pub agent_id: AgentId,
    /// Whose it was.
    pub user_id: UserId,
    /// The team that shared it.
    #[schema(required)]
    pub team_id: Option<TeamId>,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Its last revision.
    #[schema(minimum = 1)]
    pub revision: i64,
}

impl Body for InstanceCreated {
    fn sample() -> Self {
        Self {
            instance_id: AN_INSTANCE,
            agent_id: AN_AGENT,
            user_id: A_USER,
            team_id: None,
            config: InstanceConfig {
                user_config: object("tone", json!("dry")),
                pipeline_config: object("steps", json!(["greet", "ask"])),
            },
            created_at: A_MOMENT,
            status: InstanceStatus::Pending,
            revision: 1,
        }
    }
}

impl Body for InstanceUpdated {
    fn sample() -> Self {
        Self {
            instance_id: AN_INSTANCE,
            agent_id: AN_AGENT,
            user_id: A_USER,
            team_id: None,
            status: InstanceStatus::Running,
            status_reason: None,
            metadata: InstanceMetadata {
                owner_epoch: 1,
                desired_state: DesiredState::Running,
                attempts: 1,
                agent_version: 2,
                title: "My sales assistant".to_owned(),
            },
            updated_at: A_MOMENT,
            revision: 3,
        }
    }
}

impl Body for InstanceDeleted {
    fn sample() -> Self {
        Self {
            instance_id: AN_INSTANCE,
            agent_id: AN_AGENT,
            user_id: A_USER,
            team_id: None,
            deleted_at: A_MOMENT,
            revision: 4,
        }
    }
}
