//! The whole program with short lives.

use botberi::models::store::keys::RETENTION_KEY;
use serde_json::json;
use toml::Value as Setting;

use crate::support::app::TestApp;
use crate::support::client::id_of;
use crate::support::load::Load;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const SHORT: &[(&str, Setting)] = &[
    ("retention.events_seconds", Setting::Integer(2)),
    ("retention.interval_ms", Setting::Integer(50)),
    ("retention.batch_rows_max", Setting::Integer(7)),
    ("retention.batch_pause_ms", Setting::Integer(1)),
];

#[tokio::test]
async fn a_resume_from_before_what_retention_has_left_is_a_gap() {
    let app = TestApp::with(SHORT).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let first = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&first, "running").await;
    let last = app.stage.until_told().await;
    let sql = app.stage.sql().await;
    eventually("the log is empty", async || {
        let left: i64 = sql.query_one("SELECT count(*) FROM event_outbox", &[]).await.unwrap().get(0);
        (left == 0).then_some(())
    })
    .await;

    let mut socket = ada.socket(Some(1)).await;
    let gap = socket.expect("gap").await;
    assert_eq!((&gap["from"], &gap["to"]), (&json!(1), &json!(last)));
    let next = id_of(&ada.create(agent).await);
    while socket.next_status(&next).await != "running" {}
    // The positions go on, whatever is left of the log.
    assert!(app.stage.until_told().await > last);
}

#[tokio::test]
async fn under_load_nothing_young_goes_and_everything_is_told() {
    let app = TestApp::with(SHORT).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let load = Load::of(&ada, agent, 2);
    let sql = app.stage.sql().await;
    let cut = eventually("retention has cut the log twice", async || {
        let row = sql
            .query_one(
                "SELECT coalesce(min(position), 0), coalesce(max(position) - min(position) + 1, 0), count(*),
                        coalesce(bool_and(occurred_at > now() - interval '30 seconds'), true)
                 FROM event_outbox WHERE position IS NOT NULL",
                &[],
            )
            .await
            .unwrap();
        let (oldest, span, rows): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(span, rows, "there is a hole in the log");
        (oldest > 40).then_some(oldest)
    })
    .await;
    let young: i64 = sql
        .query_one(
            "SELECT count(*) FROM event_outbox WHERE position IS NOT NULL AND occurred_at > now() - interval '1 second'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(young > 0, "what has just happened is gone, too");
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    let last = app.stage.until_told().await;
    assert!(last > cut);
}

#[tokio::test]
async fn a_table_is_cleared_in_the_same_round_though_another_replica_was_deleting_just_then() {
    let own: Vec<(&str, Setting)> = vec![
        ("retention.dead_letters_seconds", 1.into()),
        ("retention.interval_ms", 60_000.into()),
        ("retention.batch_pause_ms", 100.into()),
    ];
    // Others delete when the first round of this one comes, which is within ten seconds.
    let stage = Stage::set().await;
    let sql = stage.sql().await;
    sql.execute("SELECT pg_advisory_lock($1)", &[&RETENTION_KEY]).await.unwrap();
    let _replica = Replica::start(&stage, false, &own).await;
    sql.execute(
        "INSERT INTO dead_letters (queue, event_id, routing_key, reason, body, died_at)
         VALUES ('q', gen_random_uuid(), 'k', 'r', '', now() - interval '1 hour')",
        &[],
    )
    .await
    .unwrap();
    eventually("it has asked for a turn at this table, in vain", async || {
        let asked = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%retention_key()%'
                       AND query LIKE '%FROM dead_letters%' AND query NOT LIKE '%handled_at%'";
        let asked: i64 = sql.query_one(asked, &[]).await.unwrap().get(0);
        (asked > 0).then_some(())
    })
    .await;
    sql.execute("SELECT pg_advisory_unlock($1)", &[&RETENTION_KEY]).await.unwrap();
    eventually("what was old is gone", async || {
        let left: i64 = sql.query_one("SELECT count(*) FROM dead_letters", &[]).await.unwrap().get(0);
        (left == 0).then_some(())
    })
    .await;
}
