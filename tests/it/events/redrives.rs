//! Letters on their way from RabbitMQ and back, while something is in the way.

use std::collections::HashMap;

use lapin::protocol::basic::AMQPProperties;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::app::TestApp;
use crate::support::client::Caller;
use crate::support::program::Program;
use crate::support::proxy::Cable;
use crate::support::queue::TestQueue;
use crate::support::replica::{ADMIN_PASSWORD, Replica};
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const LETTERS: &str = "/api/v1/dead-letters";
const DRAIN: &str = "/broker/dead_letters";
const REDRIVER: &str = "/broker/redriver";

/// A letter of that queue, as a consumer would have kept it.
async fn a_letter(sql: &Client, queue: &str, message_id: &str) -> String {
    let insert = "INSERT INTO dead_letters (queue, event_id, routing_key, reason, envelope, body, body_bytes)
                  VALUES ($1, $2, 'probe.x', 'it had to', $3, convert_to($2, 'UTF8'), length($2))
                  RETURNING id::text";
    let envelope = format!(r#"{{"headers": {{}}, "message_id": "{message_id}"}}"#).into_bytes();
    sql.query_one(insert, &[&queue, &message_id, &envelope]).await.unwrap().get(0)
}

async fn wish(admin: &Caller, id: &str) -> Value {
    admin.post(&format!("{LETTERS}/{id}/replay"), json!({})).await.expect(202)
}

async fn until(admin: &Caller, id: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || {
        let letter = admin.get(&format!("{LETTERS}/{id}")).await.expect(200);
        holds(&letter).then_some(letter)
    })
    .await
}

#[tokio::test]
async fn a_letter_whose_queue_is_gone_stays_open_with_the_reason_and_holds_up_no_other() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let sql = app.stage.sql().await;
    let probe = TestQueue::declare(&app.stage.bus.url(), "agents_worker.probe", "probe.*").await;
    let lost = a_letter(&sql, "agents_worker.gone", "lost").await;
    let good = a_letter(&sql, "agents_worker.probe", "good").await;
    wish(&admin, &lost).await;
    wish(&admin, &good).await;
    assert_eq!(probe.take().await.data, b"good");
    let refused = until(&admin, &lost, "it is open again", |letter| letter["state"] == "open").await;
    assert_eq!(refused["last_error"], "there is no queue `agents_worker.gone`");
    let steps = refused["history"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["step"], "refused");

    let late = TestQueue::declare(&app.stage.bus.url(), "agents_worker.gone", "gone.*").await;
    wish(&admin, &lost).await;
    assert_eq!(late.take().await.data, b"lost");
    let done = until(&admin, &lost, "it is handled", |letter| letter["state"] == "handled").await;
    assert!(done["last_error"].is_null(), "{done}");
}

#[tokio::test]
async fn a_broker_that_is_killed_between_sending_and_marking_loses_no_wish() {
    let stage = Stage::set().await;
    let probe = TestQueue::declare(&stage.bus.url(), "agents_worker.probe", "probe.*").await;
    let program = Program::serve(&stage, &[]).await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE FUNCTION hold_marks() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_advisory_xact_lock_shared(99); RETURN NEW; END';
         CREATE TRIGGER hold_marks BEFORE UPDATE ON dead_letters
         FOR EACH ROW WHEN (NEW.outcome = 'redriven') EXECUTE FUNCTION hold_marks();
         SELECT pg_advisory_lock(99)",
    )
    .await
    .unwrap();
    let id = a_letter(&sql, "agents_worker.probe", "once at least").await;
    let wished = "UPDATE dead_letters SET wished_at = clock_timestamp() WHERE id::text = $1";
    sql.execute(wished, &[&id]).await.unwrap();

    assert_eq!(probe.take().await.data, b"once at least");
    program.kill();
    sql.execute("SELECT pg_advisory_unlock(99)", &[]).await.unwrap();
    let state = "SELECT wished_at IS NOT NULL, outcome FROM dead_letters WHERE id::text = $1";
    let row = sql.query_one(state, &[&id]).await.unwrap();
    assert_eq!((row.get(0), row.get::<_, Option<String>>(1)), (true, None), "it counts as done");

    let _next = Program::serve(&stage, &[]).await;
    assert_eq!(probe.take().await.data, b"once at least");
    eventually("it is handled", async || {
        let row = sql.query_one(state, &[&id]).await.unwrap();
        (row.get::<_, Option<String>>(1).as_deref() == Some("redriven")).then_some(())
    })
    .await;
    assert!(probe.next().await.is_none(), "it was sent once more although it was marked");
}

#[tokio::test]
async fn several_brokers_send_each_letter_once() {
    let stage = Stage::set().await;
    let first = Replica::start(&stage, false, &[]).await;
    let second = Replica::start(&stage, false, &[]).await;
    let admin = Caller::stranger(&first.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
    let probe = TestQueue::declare(&stage.bus.url(), "agents_worker.probe", "probe.*").await;
    let sql = stage.sql().await;
    for number in 0..200 {
        a_letter(&sql, "agents_worker.probe", &format!("letter {number}")).await;
    }
    let meant = json!({"queue": "agents_worker.probe"});
    let one = admin.post(&format!("{LETTERS}/replay"), meant.clone()).await.expect(202);
    assert_eq!(one, json!({"letters": 200, "may_be_more": false}));
    let other = admin.at(&second.admin_api).post(&format!("{LETTERS}/replay"), meant).await.expect(202);
    assert_eq!(other["letters"], 0, "they are under way already");

    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    for _ in 0..200 {
        *seen.entry(probe.take().await.data.clone()).or_default() += 1;
    }
    assert!(seen.len() == 200 && seen.values().all(|times| *times == 1), "{seen:?}");
    eventually("all are handled", async || {
        let left = "SELECT count(*) FROM dead_letters WHERE handled_at IS NULL";
        (sql.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
    assert!(probe.next().await.is_none());
    drop((first, second));
}

#[tokio::test]
async fn what_dies_while_postgres_is_away_is_held_back_and_kept_afterwards() {
    let app = TestApp::on_cables(&[]).await;
    let probe = TestQueue::declare(&app.stage.bus.url(), "agents_worker.probe", "probe.*").await;
    let cable = &app.replica.cables.as_ref().unwrap().shared_postgres;
    cable.set(Cable::Cut);
    app.replica.until_impaired("/broker/event_publisher").await;
    for number in 0..40 {
        let properties = AMQPProperties::default().with_message_id(format!("m{number}").into());
        probe.publish("events.dlx", "probe.dead", b"{}", properties).await;
    }
    let reason = app.replica.until_impaired(DRAIN).await;
    assert!(reason.starts_with("postgres"), "{reason}");
    let answer = app.stranger().get("/readyz").await;
    assert!(answer.body["detail"].as_str().unwrap().contains(DRAIN), "{}", answer.body);
    // RabbitMQ may end the consumer meanwhile: what it had comes again.
    app.stage.bus.close_connections("events.dead_letters").await;
    cable.set(Cable::Sound);

    let sql = app.stage.sql().await;
    eventually("all are kept, each once", async || {
        let kept = "SELECT count(*), count(DISTINCT event_id), min(deaths), max(deaths) FROM dead_letters";
        let row = sql.query_one(kept, &[]).await.unwrap();
        ((row.get(0), row.get(1)) == (40_i64, 40_i64)).then(|| {
            assert_eq!((row.get(2), row.get(3)), (Some(1), Some(1)), "one death was counted twice");
        })
    })
    .await;
    let letter = "SELECT queue, obstacle FROM dead_letters LIMIT 1";
    let row = sql.query_one(letter, &[]).await.unwrap();
    assert_eq!(
        (row.get::<_, String>(0).as_str(), row.get::<_, String>(1).as_str()),
        ("events.dead_letters", "it came from no queue")
    );
    app.replica.until_well().await;
}

#[tokio::test]
async fn a_wish_waits_for_rabbitmq_and_says_so_and_can_be_taken_back() {
    let app = TestApp::on_cables(&[]).await;
    let admin = app.admin().await;
    let sql = app.stage.sql().await;
    let probe = TestQueue::declare(&app.stage.bus.url(), "agents_worker.probe", "probe.*").await;
    let (kept, dropped) = (
        a_letter(&sql, "agents_worker.probe", "kept").await,
        a_letter(&sql, "agents_worker.probe", "dropped").await,
    );
    let rabbitmq = &app.replica.cables.as_ref().unwrap().rabbitmq;
    rabbitmq.set(Cable::Cut);
    wish(&admin, &kept).await;
    wish(&admin, &dropped).await;
    app.replica.until_impaired(REDRIVER).await;
    let waits = |letter: &Value| {
        letter["last_error"].as_str().is_some_and(|error| error.starts_with("rabbitmq"))
            && letter["state"] == "replaying"
    };
    until(&admin, &kept, "it says what it waits for", waits).await;
    admin.delete(&format!("{LETTERS}/{dropped}")).await.expect(204);
    rabbitmq.set(Cable::Sound);
    assert_eq!(probe.take().await.data, b"kept");
    until(&admin, &kept, "it is handled", |letter| letter["state"] == "handled").await;
    app.replica.until_well().await;
    assert!(probe.next().await.is_none(), "what was put away was sent");
}
