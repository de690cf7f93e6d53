//! What workers of others report. It is a wish until the broker has written it to Postgres.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::Body;
use super::sample::{AN_EXECUTION, AN_INSTANCE, object};
use crate::models::ids::{ExecutionId, InstanceId};
use crate::models::text_enum::text_enum;
use crate::models::work::ExecutionStatus;

text_enum! {
    /// What a worker may say of an instance.
    pub enum ReportedStatus {
        /// It is being prepared.
        Provisioning = "provisioning",
        /// It is live.
        Running = "running",
        /// It could not be started or broke down.
        Failed = "failed",
    }
}

/// How an instance gets on, in the words of the worker that has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceReport {
    /// The instance.
    pub instance_id: InstanceId,
    /// The epoch under which the worker has it. A report of an older epoch changes nothing.
    #[schema(minimum = 0)]
    pub owner_epoch: i64,
    /// What it is doing.
    pub status: ReportedStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// Whatever else the worker wants kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

/// How an execution gets on, in the words of the worker that has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionReport {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The epoch under which the worker has it. A report of an older epoch changes nothing.
    #[schema(minimum = 0)]
    pub owner_epoch: i64,
    /// How far it has come.
    pub status: ExecutionStatus,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whatever else the worker wants kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Map<String, Value>>,
}

impl Body for InstanceReport {
    fn sample() -> Self {
        Self {
            instance_id: AN_INSTANCE,
            owner_epoch: 1,
            status: ReportedStatus::Running,
            status_reason: None,
            metadata: Some(object("engine", json!("n8n"))),
        }
    }
}

impl Body for ExecutionReport {
    fn sample() -> Self {
        Self {
            execution_id: AN_EXECUTION,
            owner_epoch: 1,
            status: ExecutionStatus::Succeeded,
            result: Some(json!({"text": "three leads"})),
            error: None,
            metadata: Some(object("tokens_used", json!(512))),
        }
    }
}
