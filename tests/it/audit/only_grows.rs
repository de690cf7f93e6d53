//! Nobody changes the log by accident, and the service cannot at all.

use std::fs;
use std::str::FromStr;

use botberi::models::{ActorKind, AuditAction, AuditOutcome};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::store::statements::statement_files;
use crate::support::database::TestDatabases;

const TABLES: [&str; 3] = ["audit_log", "audit_chain", "audit_anchors"];

/// A column of each that a change could name.
fn changes(table: &str) -> [String; 3] {
    let column = if table == "audit_log" { "action = 'x'" } else { "hash = ''" };
    [format!("UPDATE {table} SET {column}"), format!("DELETE FROM {table}"), format!("TRUNCATE {table}")]
}

async fn refused(sql: &Client, change: &str) -> Option<String> {
    let refused = sql.batch_execute(change).await.expect_err(change);
    refused.code().map(|code| code.code().to_owned())
}

#[tokio::test]
async fn the_log_only_grows_whoever_comes() {
    let databases = TestDatabases::create().await;
    let of = async |role: &str| [databases.plain_user(role).await, databases.plain(role).await];
    for sql in of("botberi").await {
        for table in TABLES {
            for change in changes(table) {
                let code = refused(&sql, &change).await;
                assert_eq!(code.as_deref(), Some(SqlState::INSUFFICIENT_PRIVILEGE.code()), "{change}");
            }
        }
        for forbidden in [
            "INSERT INTO audit_log (id, actor_kind, action, target_kind) VALUES (gen_random_uuid(), 'nobody', 'x', 'x')",
            "INSERT INTO audit_log (occurred_at, actor_kind, action, target_kind) VALUES (now(), 'nobody', 'x', 'x')",
            "INSERT INTO audit_log (written_in, actor_kind, action, target_kind) VALUES (1, 'nobody', 'x', 'x')",
            "ALTER TABLE audit_log DISABLE TRIGGER audit_log_only_grows",
            "DELETE FROM audit_sealing",
            "DROP TABLE audit_anchors",
        ] {
            let code = refused(&sql, forbidden).await;
            assert_eq!(code.as_deref(), Some(SqlState::INSUFFICIENT_PRIVILEGE.code()), "{forbidden}");
        }
    }
    for role in ["botberi_owner", "postgres"] {
        for sql in of(role).await {
            for table in TABLES {
                for change in changes(table) {
                    assert_eq!(refused(&sql, &change).await.as_deref(), Some("BB010"), "{role}: {change}");
                }
            }
        }
    }
    // Triggers that are off for replication: these are not.
    for sql in of("postgres").await {
        sql.batch_execute("SET session_replication_role = replica").await.unwrap();
        assert_eq!(refused(&sql, "DELETE FROM audit_log").await.as_deref(), Some("BB010"));
    }
}

#[tokio::test]
async fn the_words_of_the_log_are_those_of_the_enums() {
    let mut met = Vec::new();
    for (_, path) in statement_files() {
        let text = fs::read_to_string(&path).unwrap();
        let statement: String = text.lines().filter(|line| !line.starts_with("--")).collect();
        if !["INTO audit_log", "INTO audit_entries"].iter().any(|into| statement.contains(into)) {
            continue;
        }
        // Every word with a dot in quotes is an action.
        let words = statement.split('\'').skip(1).step_by(2);
        let actions: Vec<&str> = words
            .filter(|word| {
                word.contains('.') && word.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_')
            })
            .collect();
        assert!(!actions.is_empty() || path.ends_with("audit_log/insert_denials.sql"), "{}", path.display());
        for action in actions {
            met.push(
                AuditAction::from_str(action).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            );
        }
    }
    for action in AuditAction::ALL {
        let elsewhere = action.as_str().starts_with("sql.") || *action == AuditAction::RequestDeny;
        assert!(met.contains(action) || elsewhere, "no statement writes {action}");
    }

    let databases = TestDatabases::create().await;
    for sql in [databases.plain_user("postgres").await, databases.plain("postgres").await] {
        let words = async |constraint: &str| -> Vec<String> {
            let query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1";
            let definition: String = sql.query_one(query, &[&constraint]).await.unwrap().get(0);
            definition.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let kinds: Vec<&str> = ActorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words("audit_log_actor_kind_check").await, kinds);
        let outcomes: Vec<&str> = AuditOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
        assert_eq!(words("audit_log_outcome_check").await, outcomes);
        let key: i64 = sql.query_one("SELECT audit_seal_key()", &[]).await.unwrap().get(0);
        assert_eq!(key, botberi::models::store::keys::AUDIT_SEAL_KEY);
    }
}
