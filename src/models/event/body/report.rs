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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaves = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaves.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_a_worker_reports_is_read_as_it_was_written(
            owner_epoch in any::<i64>(), reason in prop::option::of(".{0,40}"), result in values(), kept in values()
        ) {
            let metadata = kept.as_object().cloned();
            let instance = InstanceReport {
                owner_epoch, status_reason: reason.clone(), metadata: metadata.clone(), ..InstanceReport::sample()
            };
            let written = serde_json::to_string(&instance).unwrap();
            prop_assert_eq!(serde_json::from_str::<InstanceReport>(&written).unwrap(), instance);

            // A result of `null` is none.
            let result = Some(result).filter(|result| !result.is_null());
            let execution = ExecutionReport { owner_epoch, result, error: reason, metadata, ..ExecutionReport::sample() };
            let written = serde_json::to_string(&execution).unwrap();
            prop_assert_eq!(serde_json::from_str::<ExecutionReport>(&written).unwrap(), execution);
        }

        #[test]
        fn any_json_is_a_report_or_an_error(fields in prop::collection::btree_map(
            prop::sample::select(vec!["instance_id", "owner_epoch", "status", "status_reason", "metadata", "x"]), values(), 0..6
        )) {
            let body = serde_json::to_string(&fields).unwrap();
            if let Ok(report) = serde_json::from_str::<InstanceReport>(&body) {
                prop_assert_eq!(Some(report.owner_epoch), fields["owner_epoch"].as_i64());
            }
        }
    }
}
