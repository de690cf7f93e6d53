//! Whoever changes the log by force is found out, and what they did is named.

use botberi::actors::audit_sealer::anchor;
use botberi::models::audit::{AuditAnchor, ChainFaultKind, ChainReport};

use super::sealing::{seal, verify, write};
use crate::support::database::TestDatabases;

/// Takes the guards away that nobody but the owner can take away.
const BY_FORCE: &str =
    "ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE audit_chain DISABLE TRIGGER ALL";

/// Five sealed rows, of which the chain of the other database holds the third and the last, and then that.
async fn after(tampering: &str, kept: impl Fn(&ChainReport) -> Vec<AuditAnchor>) -> ChainReport {
    let databases = TestDatabases::create().await;
    for rows in [3, 2] {
        write(&databases, rows).await;
        seal(&databases).await;
        let [_, shared] = verify(&databases, Vec::new()).await;
        anchor(&databases.user, shared.head).await.unwrap();
    }
    let [_, whole] = verify(&databases, Vec::new()).await;
    assert_eq!((whole.fault, whole.sealed, whole.anchors_met), (None, 5, 2));
    let sql = databases.plain("postgres").await;
    sql.batch_execute(&format!("{BY_FORCE}; {tampering}")).await.unwrap();
    verify(&databases, kept(&whole)).await[1]
}

#[tokio::test]
async fn each_kind_of_tampering_is_found_and_named() {
    let row_of = |seq: i64| format!("(SELECT audit_id FROM audit_chain WHERE seq = {seq})");
    let cases = [
        (
            format!("UPDATE audit_log SET address = '10.0.0.1' WHERE id = {}", row_of(2)),
            ChainFaultKind::RowChanged,
            Some(2),
        ),
        // As small as a change can be.
        (
            format!("UPDATE audit_log SET occurred_at = occurred_at + interval '1 microsecond' WHERE id = {}", row_of(4)),
            ChainFaultKind::RowChanged,
            Some(4),
        ),
        (format!("DELETE FROM audit_log WHERE id = {}", row_of(3)), ChainFaultKind::RowMissing, Some(3)),
        ("DELETE FROM audit_chain WHERE seq = 3".to_owned(), ChainFaultKind::LinkMissing, Some(3)),
        // The row and its link, and the rest moved up.
        (
            format!(
                "DELETE FROM audit_log WHERE id = {}; DELETE FROM audit_chain WHERE seq = 2;
                 UPDATE audit_chain SET seq = seq - 1 WHERE seq = 3; UPDATE audit_chain SET seq = seq - 1 WHERE seq = 4;
                 UPDATE audit_chain SET seq = seq - 1 WHERE seq = 5",
                row_of(2)
            ),
            ChainFaultKind::LinkBroken,
            Some(2),
        ),
        // Two links in each other's place.
        (
            "ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_audit_id_key;
             UPDATE audit_chain c SET audit_id = o.audit_id FROM audit_chain o WHERE c.seq + o.seq = 5 AND c.seq IN (2, 3)"
                .to_owned(),
            ChainFaultKind::RowChanged,
            Some(2),
        ),
        // The end of both, as if it had never been.
        (
            format!("DELETE FROM audit_log WHERE id = {}; DELETE FROM audit_chain WHERE seq = 5", row_of(5)),
            ChainFaultKind::AnchorNotMet,
            Some(5),
        ),
        // A row from long ago that nobody has sealed.
        (
            "INSERT INTO audit_log (actor_kind, action, target_kind, written_in) VALUES ('nobody', 'user.create', 'user', 3)"
                .to_owned(),
            ChainFaultKind::RowPassedOver,
            None,
        ),
    ];
    for (tampering, kind, seq) in cases {
        let report = after(&tampering, |_| Vec::new()).await;
        let fault = report.fault.unwrap_or_else(|| panic!("not found: {tampering}"));
        assert_eq!((fault.kind, fault.seq), (kind, seq), "{tampering}: {report:?}");
    }
}

#[tokio::test]
async fn an_end_that_is_cut_in_both_databases_is_found_by_an_anchor_that_was_kept_elsewhere() {
    let kept = |report: &ChainReport| vec![AuditAnchor { chain: report.chain, head: report.head }];
    let databases = TestDatabases::create().await;
    write(&databases, 5).await;
    seal(&databases).await;
    let [_, whole] = verify(&databases, Vec::new()).await;
    anchor(&databases.user, whole.head).await.unwrap();
    let cut = "ALTER TABLE audit_anchors DISABLE TRIGGER ALL; DELETE FROM audit_anchors";
    databases.plain_user("postgres").await.batch_execute(cut).await.unwrap();
    let shared = databases.plain("postgres").await;
    let cut = "DELETE FROM audit_log WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 5);
               DELETE FROM audit_chain WHERE seq = 5";
    shared.batch_execute(&format!("{BY_FORCE}; {cut}")).await.unwrap();
    assert_eq!(verify(&databases, Vec::new()).await[1].fault, None, "both were cut, and nothing here tells");
    let fault = verify(&databases, kept(&whole)).await[1].fault.unwrap();
    assert_eq!((fault.kind, fault.seq), (ChainFaultKind::AnchorNotMet, Some(5)));
    // Other rows in the place of those that are gone.
    write(&databases, 1).await;
    seal(&databases).await;
    let fault = verify(&databases, kept(&whole)).await[1].fault.unwrap();
    assert_eq!((fault.kind, fault.seq), (ChainFaultKind::AnchorNotMet, Some(5)));
}
