//! Rows that are changed by plain SQL, past the program: every change is told, and only what was committed.

use futures_util::future::join_all;
use tokio_postgres::Client;

use crate::support::app::TestApp;
use crate::support::client::id_of;

/// How many rows each test changes.
const ROWS: i64 = 1_000;

/// Everything but a worker: the rows stay as they were written.
async fn app_without_worker() -> TestApp {
    let roles = vec!["user", "admin", "broker"];
    // Nothing goes wrong here: a confirm that comes late on a busy machine is no reason to send again.
    TestApp::with(&[("service.roles", roles.into()), ("rabbitmq.confirm_timeout_ms", 30_000.into())]).await
}

/// Instances of nobody in particular.
async fn instances(sql: &Client, count: i64) {
    let insert =
        "WITH agent AS (SELECT id, version FROM agents WHERE status = 'published' LIMIT 1), made AS (
                      INSERT INTO instances (bot_id, agent_version, user_id, title)
                      SELECT agent.id, agent.version, gen_random_uuid(), 'row ' || n
                      FROM agent, generate_series(1, $1::bigint) AS n
                      RETURNING id
                  )
                  INSERT INTO knowledge_bases (instance_id) SELECT id FROM made";
    sql.execute(insert, &[&count]).await.unwrap();
}

#[tokio::test]
async fn a_thousand_rows_in_one_transaction_are_a_thousand_events_in_order() {
    let app = app_without_worker().await;
    let sql = app.stage.sql().await;
    instances(&sql, ROWS).await;
    let before = app.stage.until_told().await;

    let changed = sql.execute("UPDATE instances SET title = title || '!'", &[]).await.unwrap();
    assert_eq!(changed, ROWS.unsigned_abs());
    let after = app.stage.until_told().await;
    assert_eq!(after - before, ROWS);
    let told = app.stage.tap.heard();
    assert_eq!(i64::try_from(told.len()).unwrap(), after, "nothing went wrong, so nothing came twice");
    let updates = told.iter().filter(|heard| heard.key == "instance.updated" && heard.body["revision"] == 2);
    assert_eq!(updates.count(), usize::try_from(ROWS).unwrap());
}

#[tokio::test]
async fn eight_writers_on_the_same_rows_leave_each_rows_revisions_in_order() {
    let app = app_without_worker().await;
    let sql = app.stage.sql().await;
    instances(&sql, 40).await;
    let before = app.stage.until_told().await;

    let writers = join_all((0..8).map(|_| app.stage.sql())).await;
    let rounds = ROWS / 40;
    join_all(writers.iter().map(async |writer| {
        for _ in 0..rounds / 8 + 1 {
            // One row after the other, each in a transaction of its own, in an order of each writer's own.
            let ids = writer.query("SELECT id FROM instances ORDER BY random()", &[]).await.unwrap();
            for row in ids {
                let id: uuid::Uuid = row.get(0);
                let update = "UPDATE instances SET user_config = jsonb_build_object('by', pg_backend_pid(),
                              'at', clock_timestamp()) WHERE id = $1";
                writer.execute(update, &[&id]).await.unwrap();
            }
        }
    }))
    .await;
    // The tap's check of the whole includes that revisions come in order.
    let after = app.stage.until_told().await;
    assert_eq!(after - before, 8 * 40 * (rounds / 8 + 1));
}

#[tokio::test]
async fn what_is_rolled_back_is_never_told() {
    let app = app_without_worker().await;
    let mut sql = app.stage.sql().await;
    instances(&sql, 10).await;
    let before = app.stage.until_told().await;

    let transaction = sql.transaction().await.unwrap();
    transaction.execute("UPDATE instances SET title = 'never'", &[]).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut transaction = sql.transaction().await.unwrap();
    let savepoint = transaction.savepoint("half").await.unwrap();
    savepoint.execute("DELETE FROM instances", &[]).await.unwrap();
    savepoint.rollback().await.unwrap();
    transaction.execute("UPDATE instances SET title = 'now'", &[]).await.unwrap();
    transaction.commit().await.unwrap();

    let after = app.stage.until_told().await;
    assert_eq!(after - before, 10);
    let told = app.stage.tap.heard();
    assert!(
        told.iter()
            .all(|heard| heard.body["metadata"]["title"] != "never" && heard.key != "instance.deleted")
    );
}

#[tokio::test]
async fn a_row_that_is_deleted_by_plain_sql_is_told_with_its_owner() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let created = ada.create(ada.an_agent().await).await;
    let id = id_of(&created);
    app.stage.tap.until_status(&id, "running").await;

    app.stage.sql().await.execute("DELETE FROM instances WHERE id::text = $1", &[&id]).await.unwrap();
    let deleted = app.stage.tap.until_key(&id, "instance.deleted").await;
    assert_eq!(deleted.body["user_id"], created["user_id"]);
    assert_eq!(ada.get(&format!("/api/v1/instances/{id}")).await.problem(404), "instance_not_found");
}
