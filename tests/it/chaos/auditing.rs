//! The audit logs: what they say of instances, and whether they are as they were sealed.

use std::time::Duration;

use botberi::actors::audit_trail::Verification;
use botberi::models::audit::{AuditAnchor, ChainReport};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Row as Line};

use super::checker::{Audited, Chain};
use crate::support::stage::Stage;

/// The rows that nobody has sealed yet, of those that were written last: an older one is found at the end.
pub(super) const UNSEALED: &str = "
    SELECT id::text FROM (SELECT id FROM audit_log ORDER BY id DESC LIMIT 1000) AS latest
    WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.audit_id = latest.id)";

/// The ends of both chains as they are, to be met when all is over: whoever wrote a chain anew would have to meet them.
pub(super) async fn anchors(stage: &Stage) -> Vec<AuditAnchor> {
    let query = "SELECT format('%s:%s:%s', $1::text, seq, encode(hash, 'hex')) FROM audit_chain ORDER BY seq DESC LIMIT 1";
    let mut anchors = Vec::new();
    for (name, sql) in
        [("user_psql", stage.databases.plain_user("postgres").await), ("shared_psql", stage.sql().await)]
    {
        let end = sql.query_opt(query, &[&name]).await.unwrap();
        anchors.extend(end.map(|line| line.get::<_, String>(0).parse::<AuditAnchor>().unwrap()));
    }
    anchors
}

/// Looks at both chains until nothing waits for its seal, or for that long.
pub(super) async fn chains(stage: &Stage, kept: &[AuditAnchor], patience: Duration) -> Vec<Chain> {
    let limit = Instant::now() + patience;
    loop {
        let reports = verify(stage, kept).await;
        let is_sealed = reports.iter().all(|report| report.unsealed == 0);
        if is_sealed || Instant::now() > limit {
            return reports.iter().map(chain).collect();
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// As `botberi audit verify` does it.
async fn verify(stage: &Stage, kept: &[AuditAnchor]) -> [ChainReport; 2] {
    let mut verification = Verification::new(kept.to_vec());
    while !verification.is_done() {
        // The pools may hold connections from before an outage: each error takes one of them away.
        if verification.go_on(&stage.databases.user, &stage.databases.shared).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    }
    verification.reports()
}

fn chain(report: &ChainReport) -> Chain {
    Chain {
        name: report.chain.to_string(),
        unsealed: report.unsealed,
        fault: report.fault.map(|fault| fault.to_string()),
    }
}

/// What was done to instances, by whomever.
pub(super) async fn audited(sql: &Client) -> Vec<Audited> {
    let query =
        "SELECT request_id, actor_kind || ' ' || coalesce(actor_id::text, actor_name, '') AS by, action,
            coalesce(target_id, '') AS instance
        FROM audit_log WHERE target_kind = 'instance' AND outcome = 'done' ORDER BY id";
    let audited = |line: &Line| Audited {
        request: line.get("request_id"),
        by: line.get("by"),
        action: line.get("action"),
        instance: line.get("instance"),
    };
    sql.query(query, &[]).await.unwrap().iter().map(audited).collect()
}

/// The requests that began or ended a sign-in, a key or a membership, as `user_psql` has them.
pub(super) async fn audited_accounts(user_sql: &Client) -> Vec<String> {
    let query = "SELECT request_id FROM audit_log
        WHERE target_kind IN ('session', 'api_key', 'team_member') AND outcome = 'done' AND request_id IS NOT NULL";
    user_sql.query(query, &[]).await.unwrap().iter().map(|line| line.get(0)).collect()
}
