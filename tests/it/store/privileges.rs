//! What the service role must not do, tried.

use botberi::models::ids::UserId;
use tokio_postgres::error::SqlState;

use super::builders::an_instance;
use crate::support::database::TestDatabases;

#[tokio::test]
async fn the_service_role_cannot_do_what_it_need_not_do() {
    let databases = TestDatabases::create().await;
    let instance = an_instance(&databases.shared().await).await;
    let plain = databases.plain("botberi").await;
    for forbidden in [
        "CREATE TABLE x (id int)".to_owned(),
        "ALTER TABLE instances DISABLE TRIGGER ALL".to_owned(),
        "DROP TRIGGER instances_record_update ON instances".to_owned(),
        "TRUNCATE instances CASCADE".to_owned(),
        "TRUNCATE event_outbox".to_owned(),
        "SET session_replication_role = replica".to_owned(),
        "UPDATE event_outbox SET body = '{}'".to_owned(),
        "UPDATE event_outbox SET user_id = NULL".to_owned(),
        "INSERT INTO event_outbox (routing_key, table_name, event_type, aggregate_id, body, position)
         VALUES ('instance.created', 'instances', 'insert', 'x', '{}', 1)"
            .to_owned(),
        "DELETE FROM publisher_state".to_owned(),
        "INSERT INTO publisher_state (singleton) VALUES (true)".to_owned(),
        "UPDATE agent_versions SET title = 'x'".to_owned(),
        "DELETE FROM agent_versions".to_owned(),
        format!("DELETE FROM knowledge_bases WHERE instance_id = '{}'", instance.id),
        "CREATE OR REPLACE FUNCTION instance_move_is_legal(from_status text, to_status text) RETURNS boolean
         LANGUAGE sql AS 'SELECT true'"
            .to_owned(),
        "UPDATE refinery_schema_history SET checksum = '1'".to_owned(),
    ] {
        let error = plain.batch_execute(&forbidden).await.expect_err(&forbidden);
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{forbidden}: {error:?}");
    }
    let row = plain
        .query_one("SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = current_user", &[])
        .await
        .unwrap();
    assert!(!row.get::<_, bool>(0));
    let row = plain
        .query_one("SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = 'botberi')", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0, "it owns nothing");
}

#[tokio::test]
async fn user_psql_holds_nothing_of_agents_or_instances() {
    let databases = TestDatabases::create().await;
    let plain = databases.plain_user("botberi").await;
    let rows = plain
        .query(
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'",
            &[],
        )
        .await
        .unwrap();
    assert!(rows.len() > 10);
    for row in rows {
        let column: String = row.get(0);
        for word in ["agent", "instance", "bot", "workflow", "knowledge"] {
            assert!(!column.contains(word), "{column}");
        }
    }
}

#[tokio::test]
async fn the_owner_of_an_event_cannot_be_chosen_by_the_writer_of_the_row() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let instance = an_instance(&db).await;
    let plain = databases.plain("botberi").await;
    let error = plain
        .execute("UPDATE instances SET user_id = $2 WHERE id = $1", &[&instance.id, &UserId::new()])
        .await
        .unwrap_err();
    assert_eq!(error.code().map(SqlState::code), Some("BB003"));
}
