//! The audit log as administrators see it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actors::audit_trail::AuditRecord;
use crate::models::audit::{
    ActorKind, AuditAnchor, AuditChain, AuditEntry, AuditOutcome, ChainFault, ChainFaultKind, ChainReport,
};
use crate::models::{TeamId, UserId};

/// A row of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecord, example = json!({
    "id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c41", "chain": "shared_psql", "occurred_at": "2026-11-20T10:00:00Z",
    "actor": {
        "kind": "user", "id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01", "name": null,
        "credential_id": "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a02", "address": "192.0.2.7"
    },
    "action": "instance.change", "target": {"kind": "instance", "id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c11"},
    "team_id": null, "outcome": "done", "count": 1, "request_id": "0199a3f0-7c1e-7d52-9b8e-2f6f3f6f1c40",
    "traceparent": null, "detail": {"fields": ["title"]}
}))]
pub(super) struct RecordView {
    id: Uuid,
    chain: AuditChain,
    occurred_at: Timestamp,
    actor: ActorView,
    /// What was done, such as `instance.create`, or denied: `request.deny`.
    action: String,
    target: TargetView,
    team_id: Option<TeamId>,
    outcome: AuditOutcome,
    /// How often; more than once only for what was denied.
    count: i64,
    request_id: Option<String>,
    traceparent: Option<String>,
    /// Names of the fields that changed, and the like.
    #[schema(value_type = Option<Object>)]
    detail: Option<Value>,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
struct ActorView {
    kind: ActorKind,
    id: Option<UserId>,
    /// The account of a command, the role of a writer by plain SQL.
    name: Option<String>,
    /// The session or the key that was used.
    credential_id: Option<Uuid>,
    address: Option<String>,
}

/// What it was done to.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditTarget)]
struct TargetView {
    kind: String,
    id: Option<String>,
}

impl From<AuditRecord> for RecordView {
    fn from(AuditRecord { chain, entry }: AuditRecord) -> Self {
        let AuditEntry { actor_kind, actor_id, actor_name, credential_id, address, .. } = entry;
        Self {
            id: entry.id,
            chain,
            occurred_at: entry.occurred_at,
            actor: ActorView { kind: actor_kind, id: actor_id, name: actor_name, credential_id, address },
            action: entry.action,
            target: TargetView { kind: entry.target_kind, id: entry.target_id },
            team_id: entry.team_id,
            outcome: entry.outcome,
            count: entry.count,
            request_id: entry.request_id,
            traceparent: entry.traceparent,
            detail: entry.detail.and_then(|detail| serde_json::from_str(&detail).ok()),
        }
    }
}

/// What a look at both chains came to.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditReport, example = json!({
    "is_intact": true,
    "chains": [{
        "chain": "user_psql", "sealed": 17, "anchor": "user_psql:17:5e88489...", "anchors_met": 1, "unsealed": 1,
        "unsealed_oldest_ms": 112, "fault": null
    }]
}))]
pub(super) struct ReportView {
    /// Nothing is wrong with any chain.
    is_intact: bool,
    chains: Vec<ChainView>,
}

/// What a look at one chain came to.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditChainReport)]
struct ChainView {
    chain: AuditChain,
    /// Links that are good, from the first on.
    sealed: i64,
    /// The last of them: keep it elsewhere.
    anchor: String,
    /// Anchors that the chain has met, of the other database and of the request.
    anchors_met: i64,
    /// Rows that are not sealed yet; those of the last second, as a rule. They are counted where nothing is wrong before.
    unsealed: i64,
    unsealed_oldest_ms: Option<i64>,
    fault: Option<FaultView>,
}

/// The first thing that is wrong with a chain.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditFault)]
struct FaultView {
    kind: ChainFaultKind,
    /// At which link; null for a row that has none.
    seq: Option<i64>,
    /// Which row, where that is known.
    audit_id: Option<Uuid>,
}

impl From<[ChainReport; 2]> for ReportView {
    fn from(reports: [ChainReport; 2]) -> Self {
        let is_intact = reports.iter().all(|report| report.fault.is_none());
        Self { is_intact, chains: reports.into_iter().map(ChainView::from).collect() }
    }
}

impl From<ChainReport> for ChainView {
    fn from(report: ChainReport) -> Self {
        let ChainReport { chain, sealed, head, anchors_met, unsealed, unsealed_oldest_ms, fault } = report;
        let anchor = AuditAnchor { chain, head }.to_string();
        let fault = fault.map(|ChainFault { kind, seq, audit_id }| FaultView { kind, seq, audit_id });
        Self { chain, sealed, anchor, anchors_met, unsealed, unsealed_oldest_ms, fault }
    }
}
