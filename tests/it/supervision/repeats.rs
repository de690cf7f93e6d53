//! Wishes that are sent again because nobody told what became of them.

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::{Answer, Caller, answer};
use crate::support::proxy::Cable;
use crate::support::wait::eventually;

async fn send(caller: &Caller, agent: i64) -> Answer {
    let wish = json!({"agent_id": agent, "title": "Mine"});
    answer(caller.request(Method::POST, "/api/v1/instances").header("idempotency-key", "k").json(&wish)).await
}

#[tokio::test]
async fn a_wish_whose_answer_was_lost_behind_its_commit_is_safe_to_send_again_with_its_key() {
    let app = TestApp::on_cables(&[]).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let sql = app.stage.sql().await;
    // The commit waits for us.
    sql.batch_execute(
        "CREATE FUNCTION wait_at_the_commit() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER wait_at_the_commit AFTER INSERT ON instances DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION wait_at_the_commit();
         SELECT pg_advisory_lock(7)",
    )
    .await
    .unwrap();
    let first = tokio::spawn({
        let ada = ada.clone();
        async move { send(&ada, agent).await }
    });
    eventually("the commit waits", async || {
        let waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted";
        sql.query_opt(waits, &[]).await.unwrap()
    })
    .await;

    // From now on nothing that Postgres answers comes through.
    let cable = &app.replica.cables.as_ref().unwrap().shared_postgres;
    cable.set(Cable::OneWay);
    sql.batch_execute("SELECT pg_advisory_unlock(7)").await.unwrap();
    eventually("the instance is committed", async || {
        sql.query_opt("SELECT FROM instances WHERE title = 'Mine'", &[]).await.unwrap()
    })
    .await;
    cable.drop_connections();
    let first = first.await.unwrap();
    assert_eq!(first.problem(503), "outcome_unknown");

    cable.set(Cable::Sound);
    app.replica.until_well().await;
    let second = send(&ada, agent).await;
    assert_eq!(second.headers["idempotency-replayed"], "true");
    let made = second.expect(201);
    let there = ada.get("/api/v1/instances").await.expect(200);
    assert_eq!(there["items"].as_array().unwrap().len(), 1);
    assert_eq!(there["items"][0]["id"], made["id"]);
}
