//! The audit log: who leaves a row and who does not, and that nobody changes it unseen.

mod commands;
mod denials;
mod measure;
mod mutations;
mod only_grows;
mod plain_sql;
mod reading;
mod sealing;
mod tampering;

use tokio_postgres::Client;

/// A row, as the tests compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) actor_kind: String,
    pub(crate) actor_id: Option<String>,
    pub(crate) actor_name: Option<String>,
    pub(crate) credential_id: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) action: String,
    pub(crate) target_kind: String,
    pub(crate) target_id: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) detail: Option<String>,
}

/// All rows of a log, the oldest first.
pub(crate) async fn rows(sql: &Client) -> Vec<Row> {
    let query = "SELECT actor_kind, actor_id::text, actor_name, credential_id::text, address, action, target_kind, target_id,
                     request_id, detail::text
                 FROM audit_log ORDER BY id, occurred_at";
    let found = sql.query(query, &[]).await.unwrap();
    found
        .iter()
        .map(|row| Row {
            actor_kind: row.get(0),
            actor_id: row.get(1),
            actor_name: row.get(2),
            credential_id: row.get(3),
            address: row.get(4),
            action: row.get(5),
            target_kind: row.get(6),
            target_id: row.get(7),
            request_id: row.get(8),
            detail: row.get(9),
        })
        .collect()
}
