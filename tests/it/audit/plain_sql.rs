//! Whoever comes by plain SQL leaves a row, too, under the name of the role that they came as.

use super::rows;
use crate::support::database::TestDatabases;

#[tokio::test]
async fn plain_sql_leaves_one_row_for_each_row_that_it_names() {
    let databases = TestDatabases::create().await;
    let (user, shared) = (databases.plain_user("postgres").await, databases.plain("postgres").await);
    user.batch_execute(
        "INSERT INTO users (id, username, password_hash) VALUES (gen_random_uuid(), 'ada', 'secret')",
    )
    .await
    .unwrap();
    user.batch_execute("UPDATE users SET role = 'viewer', password_hash = 'another'").await.unwrap();
    user.batch_execute("UPDATE users SET role = 'viewer'; UPDATE users SET role = 'viewer' WHERE false")
        .await
        .unwrap();
    let found = rows(&user).await;
    assert_eq!(found.len(), 2, "{found:?}");
    for (row, action, detail) in [
        (&found[0], "sql.insert", None),
        (&found[1], "sql.update", Some(r#"{"fields" : ["password_hash","role"]}"#)),
    ] {
        assert_eq!((row.actor_kind.as_str(), row.actor_name.as_deref()), ("database", Some("postgres")));
        assert_eq!(
            (row.action.as_str(), row.target_kind.as_str(), row.detail.as_deref()),
            (action, "user", detail)
        );
        assert!(row.target_id.is_some() && row.address.is_some(), "{row:?}");
    }

    shared
        .batch_execute(
            "INSERT INTO agents (title, activation_code, status) VALUES ('x', 'x', 'published');
             INSERT INTO instances (bot_id, user_id, title) SELECT id, gen_random_uuid(), 'x' FROM agents;
             UPDATE instances SET title = 'y';
             DELETE FROM instances",
        )
        .await
        .unwrap();
    let found = rows(&shared).await;
    let told: Vec<(&str, &str)> =
        found.iter().map(|row| (row.action.as_str(), row.target_kind.as_str())).collect();
    assert_eq!(
        told,
        [
            ("sql.insert", "agent"),
            ("sql.insert", "instance"),
            ("sql.update", "instance"),
            ("sql.delete", "instance")
        ]
    );
}

#[tokio::test]
async fn what_is_taken_back_leaves_no_row_and_a_role_without_rights_on_the_log_leaves_one() {
    let databases = TestDatabases::create().await;
    let sql = databases.plain("postgres").await;
    sql.batch_execute(
        "BEGIN;
         INSERT INTO agents (title, activation_code) VALUES ('x', 'x');
         ROLLBACK",
    )
    .await
    .unwrap();
    assert_eq!(rows(&sql).await, []);
    // It may write agents, their events and nothing else.
    sql.batch_execute(
        "CREATE ROLE audit_test_clerk;
         GRANT INSERT ON agents TO audit_test_clerk; GRANT USAGE ON SEQUENCE agents_id_seq TO audit_test_clerk;
         GRANT INSERT, SELECT ON event_outbox TO audit_test_clerk",
    )
    .await
    .unwrap();
    let written = sql
        .batch_execute("SET SESSION AUTHORIZATION audit_test_clerk; INSERT INTO agents (title, activation_code) VALUES ('x', 'x')")
        .await;
    sql.batch_execute(
        "RESET SESSION AUTHORIZATION; DROP OWNED BY audit_test_clerk; DROP ROLE audit_test_clerk",
    )
    .await
    .unwrap();
    written.unwrap();
    let found = rows(&sql).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].actor_name.as_deref(), Some("audit_test_clerk"));
}
