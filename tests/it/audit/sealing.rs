//! The chain has every row once, in whatever order rows are committed and whoever dies in between.

use std::time::Duration;

use botberi::actors::audit_sealer::{Round, anchor, seal_some};
use botberi::actors::audit_trail::Verification;
use botberi::models::audit::{AuditAnchor, AuditChain, ChainReport};
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::support::database::TestDatabases;

/// What a statement of the platform adds, in short.
const WRITE: &str =
    "INSERT INTO audit_log (actor_kind, action, target_kind) VALUES ('nobody', 'user.create', 'user')";

/// Adds that many rows to both logs, each in a transaction of its own.
pub(super) async fn write(databases: &TestDatabases, rows: usize) {
    for sql in [databases.plain_user("botberi").await, databases.plain("botberi").await] {
        for _ in 0..rows {
            sql.batch_execute(WRITE).await.unwrap();
        }
    }
}

/// Seals both logs to their ends.
pub(super) async fn seal(databases: &TestDatabases) {
    while seal_some(&databases.user, AuditChain::User).await.unwrap() != Round::Nothing {}
    while seal_some(&databases.shared, AuditChain::Shared).await.unwrap() != Round::Nothing {}
}

/// A look at both chains.
pub(super) async fn verify(databases: &TestDatabases, kept: Vec<AuditAnchor>) -> [ChainReport; 2] {
    let mut verification = Verification::new(kept);
    while !verification.is_done() {
        verification.go_on(&databases.user, &databases.shared).await.unwrap();
    }
    verification.reports()
}

async fn count(sql: &Client, what: &str) -> i64 {
    sql.query_one(&format!("SELECT {what}"), &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn every_row_is_sealed_once_however_it_commits_and_whoever_dies_meanwhile() {
    let databases = TestDatabases::create().await;
    let slow = databases.plain("botberi").await;
    // Older than all others, and committed last.
    slow.batch_execute(&format!("BEGIN; {WRITE}; SAVEPOINT inner_one; {WRITE}")).await.unwrap();

    let writers = (0..6).map(async |number: usize| {
        let sql = databases.plain("botberi").await;
        for round in 0..40 {
            sql.batch_execute("BEGIN").await.unwrap();
            for _ in 0..=(round + number) % 3 {
                sql.batch_execute(WRITE).await.unwrap();
            }
            let is_kept = !(round * 7 + number).is_multiple_of(4);
            sql.batch_execute(if is_kept { "COMMIT" } else { "ROLLBACK" }).await.unwrap();
        }
    });
    let sealers = (0..2).map(async |number: u64| {
        let mut killed = 0;
        for round in 0..60_u64 {
            // Dropped in the middle of whatever it does.
            let patience = Duration::from_micros((round * 137 + number * 61) % 4_000);
            killed +=
                u32::from(timeout(patience, seal_some(&databases.shared, AuditChain::Shared)).await.is_err());
        }
        killed
    });
    let (_, killed) =
        tokio::join!(futures_util::future::join_all(writers), futures_util::future::join_all(sealers));
    assert!(killed.iter().sum::<u32>() > 10, "{killed:?}");
    seal(&databases).await;
    let sql = databases.plain("postgres").await;
    let sealed = count(&sql, "count(*) FROM audit_chain").await;
    assert!(sealed > 100);
    assert_eq!(count(&sql, "count(*) FROM audit_log").await, sealed);
    slow.batch_execute("COMMIT").await.unwrap();
    seal(&databases).await;
    assert_eq!(count(&sql, "count(*) FROM audit_log").await, sealed + 2);
    assert_eq!(count(&sql, "count(*) FROM audit_chain").await, sealed + 2);
    assert_eq!(count(&sql, "max(seq) - min(seq) + 1 FROM audit_chain").await, sealed + 2);
    let [_, report] = verify(&databases, Vec::new()).await;
    assert_eq!((report.fault, report.sealed, report.unsealed), (None, sealed + 2, 0), "{report:?}");
}

#[tokio::test]
async fn more_rows_than_one_transaction_takes_are_sealed_in_several_and_the_tail_is_named() {
    let databases = TestDatabases::create().await;
    let sql = databases.plain("postgres").await;
    let many = "INSERT INTO audit_log (actor_kind, action, target_kind)
                SELECT 'nobody', 'user.create', 'user' FROM generate_series(1, 2500)";
    sql.batch_execute(many).await.unwrap();
    let [_, report] = verify(&databases, Vec::new()).await;
    assert_eq!((report.fault, report.sealed, report.unsealed), (None, 0, 2_500));
    assert!(report.unsealed_oldest_ms.is_some_and(|age| age >= 0), "{report:?}");
    let mut rounds = Vec::new();
    loop {
        match seal_some(&databases.shared, AuditChain::Shared).await.unwrap() {
            Round::Sealed { rows, is_more, .. } => rounds.push((rows, is_more)),
            Round::Nothing => break,
            Round::Anothers => panic!("nobody else seals"),
        }
    }
    assert_eq!(rounds, [(1_000, true), (1_000, true), (500, false)]);

    // A copy on another server: what was sealed there has greater numbers than any transaction here.
    let restored = "UPDATE audit_sealing SET sealed = '900000000:900000000:'";
    sql.batch_execute(&format!("{restored}; {WRITE}")).await.unwrap();
    seal(&databases).await;
    sql.batch_execute(WRITE).await.unwrap();
    seal(&databases).await;
    let [_, report] = verify(&databases, Vec::new()).await;
    assert_eq!((report.fault, report.sealed, report.unsealed), (None, 2_502, 0), "{report:?}");
}

#[tokio::test]
async fn an_anchor_in_the_other_database_and_one_kept_elsewhere_are_met() {
    let databases = TestDatabases::create().await;
    write(&databases, 3).await;
    seal(&databases).await;
    let [user, shared] = verify(&databases, Vec::new()).await;
    anchor(&databases.shared, user.head).await.unwrap();
    anchor(&databases.user, shared.head).await.unwrap();
    let kept = [user, shared].map(|report| AuditAnchor { chain: report.chain, head: report.head });
    write(&databases, 2).await;
    seal(&databases).await;
    for report in verify(&databases, kept.to_vec()).await {
        assert_eq!((report.fault, report.sealed, report.anchors_met), (None, 5, 2), "{report:?}");
    }
}
