//! What agents are asked to do: executions, and workflows made of them.

use super::text_enum::text_enum;

text_enum! {
    /// How far a workflow has come.
    pub enum WorkflowStatus {
        /// Nothing of it has begun.
        Pending = "pending",
        /// Its tasks are being done.
        Running = "running",
        /// All of its tasks are done.
        Completed = "completed",
        /// A task failed, and with it the workflow.
        Failed = "failed",
        /// Its user called it off.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// How far an execution has come.
    pub enum ExecutionStatus {
        /// It waits for a worker.
        Queued = "queued",
        /// The agent is at it.
        Running = "running",
        /// It has a result.
        Succeeded = "succeeded",
        /// It has an error.
        Failed = "failed",
        /// Its user called it off.
        Cancelled = "cancelled",
    }
}
