//! What is told of executions and workflows. Inputs and results stay in their rows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::sample::{A_MOMENT, A_USER, A_WORKFLOW, AN_AGENT, AN_EXECUTION, AN_INSTANCE};
use crate::models::ids::{AgentId, ExecutionId, InstanceId, TeamId, UserId, WorkflowId};
use crate::models::work::{ExecutionStatus, WorkflowStatus};

/// One run of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionChanged {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The instance that it runs on; `null` for one of a workflow, or when the instance is gone.
    #[schema(required)]
    pub instance_id: Option<InstanceId>,
    /// The workflow that it is part of.
    #[schema(required)]
    pub workflow_id: Option<WorkflowId>,
    /// The agent that runs.
    pub agent_id: AgentId,
    /// Whose it is.
    pub user_id: UserId,
    /// The team that shares it.
    #[schema(required)]
    pub team_id: Option<TeamId>,
    /// How far it has come.
    pub status: ExecutionStatus,
    /// How long the agent took, in milliseconds.
    #[schema(required, minimum = 0)]
    pub processing_time_ms: Option<f64>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    #[schema(required)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<Timestamp>,
}

/// One workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowChanged {
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// Whose it is.
    pub user_id: UserId,
    /// The team that shares it.
    #[schema(required)]
    pub team_id: Option<TeamId>,
    /// How far it has come.
    pub status: WorkflowStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its first task began.
    #[schema(required)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required)]
    pub finished_at: Option<Timestamp>,
}

impl Body for ExecutionChanged {
    fn sample() -> Self {
        Self {
            execution_id: AN_EXECUTION,
            instance_id: Some(AN_INSTANCE),
            workflow_id: None,
            agent_id: AN_AGENT,
            user_id: A_USER,
            team_id: None,
            status: ExecutionStatus::Queued,
            processing_time_ms: None,
            created_at: A_MOMENT,
            started_at: None,
            finished_at: None,
        }
    }
}

impl Body for WorkflowChanged {
    fn sample() -> Self {
        Self {
            workflow_id: A_WORKFLOW,
            user_id: A_USER,
            team_id: None,
            status: WorkflowStatus::Pending,
            created_at: A_MOMENT,
            started_at: None,
            finished_at: None,
        }
    }
}
