//! From the outbox of `user_psql` to the bus, and the end of what a closed account owned.

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::program::Program;
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

async fn id_of_user(caller: &Caller) -> Uuid {
    caller.get("/api/v1/users/me").await.expect(200)["id"].as_str().unwrap().parse().unwrap()
}

/// An event about somebody, committed in `user_psql`; gives its id.
async fn event_of(user_sql: &Client, key: &str, user: Uuid) -> Uuid {
    let sql = "INSERT INTO event_outbox (routing_key, aggregate_id, user_id, body)
               VALUES ($1, $2::text, $3, json_build_object('user_id', $3::uuid)) RETURNING event_id";
    user_sql.query_one(sql, &[&key, &user.to_string(), &user]).await.unwrap().get(0)
}

async fn close_account(user_sql: &Client, user: Uuid) {
    let sql = "UPDATE users SET disabled_at = now(), closed_at = now() WHERE id = $1";
    assert_eq!(user_sql.execute(sql, &[&user]).await.unwrap(), 1);
}

async fn until_relayed(user_sql: &Client) {
    eventually("everything is handed on", async || {
        let sql = "SELECT count(*) FROM event_outbox WHERE relayed_at IS NULL";
        let waiting: i64 = user_sql.query_one(sql, &[]).await.unwrap().get(0);
        (waiting == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_account_event_is_told_on_the_bus_under_its_own_id_with_its_owner() {
    let app = TestApp::start().await;
    let user = id_of_user(&app.sign_up("ada").await).await;
    let user_sql = app.stage.databases.plain_user("postgres").await;
    let began = Instant::now();
    // In one transaction with a NOTIFY, as the trigger does it.
    user_sql.batch_execute("BEGIN").await.unwrap();
    let id = event_of(&user_sql, "auth.revoked", user).await;
    user_sql.batch_execute("NOTIFY sessions_revoked; COMMIT").await.unwrap();
    let of_it = |heard: &&crate::support::tap::Heard| heard.body["event_id"] == id.to_string();
    let heard = app.stage.tap.until("the event", |all| all.iter().find(of_it).cloned()).await;
    assert!(began.elapsed() < Duration::from_millis(900), "it was not woken: {:?}", began.elapsed());
    assert_eq!(heard.key, "auth.revoked");
    assert_eq!(heard.body["user_id"], user.to_string());
    let sql = app.stage.sql().await;
    let owner: Uuid =
        sql.query_one("SELECT user_id FROM event_outbox WHERE event_id = $1", &[&id]).await.unwrap().get(0);
    assert_eq!(owner, user);
    until_relayed(&user_sql).await;

    // What died between the copy and the mark comes again, and is told once.
    user_sql.execute("UPDATE event_outbox SET relayed_at = NULL", &[]).await.unwrap();
    until_relayed(&user_sql).await;
    app.stage.until_told().await;
    let times = app.stage.tap.heard().iter().filter(|heard| heard.body["event_id"] == id.to_string()).count();
    assert_eq!(times, 1);
}

#[tokio::test]
async fn what_a_closed_account_owned_is_torn_down_in_batches_and_nothing_else_is() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let user = id_of_user(&ada).await;
    let agent = ada.an_agent().await;
    let (hers, eves) = (id_of(&ada.create(agent).await), id_of(&eve.create(agent).await));
    app.stage.tap.until_status(&hers, "running").await;
    app.stage.tap.until_status(&eves, "running").await;
    let sql = app.stage.sql().await;
    // More than two batches, without anybody to bring them up first.
    let many =
        "INSERT INTO instances (bot_id, user_id, title) SELECT $1, $2, 'x' FROM generate_series(1, 1200)";
    sql.execute(many, &[&i32::try_from(agent).unwrap(), &user]).await.unwrap();

    let user_sql = app.stage.databases.plain_user("postgres").await;
    close_account(&user_sql, user).await;
    let left = async || {
        let alive = "SELECT count(*) FROM instances WHERE user_id = $1 AND deleted_at IS NULL";
        let alive: i64 = sql.query_one(alive, &[&user]).await.unwrap().get(0);
        (alive == 0).then_some(())
    };
    eventually("all of hers is tombstoned", left).await;
    let told = app.stage.tap.until_key(&hers, "instance.deleted").await;
    assert_eq!(told.body["user_id"], user.to_string());
    app.stage.until_purged(&hers).await;
    assert_eq!(eve.instance(&eves).await["status"], "running");
    app.stage
        .tap
        .until("user.deleted", |all| {
            all.iter()
                .any(|heard| heard.key == "user.deleted" && heard.body["user_id"] == user.to_string())
                .then_some(())
        })
        .await;

    // A request that was under way meanwhile: the second look finds what it has made.
    let straggler = "INSERT INTO instances (bot_id, user_id, title) VALUES ($1, $2, 'late')";
    eventually("the first look is over", async || {
        let due = "SELECT due_at > now() FROM deleted_users WHERE user_id = $1";
        sql.query_one(due, &[&user]).await.unwrap().get::<_, Option<bool>>(0).filter(|later| *later)
    })
    .await;
    sql.execute(straggler, &[&i32::try_from(agent).unwrap(), &user]).await.unwrap();
    let sooner = "UPDATE deleted_users SET arrived_at = arrived_at - interval '961 s', due_at = due_at - interval '961 s'";
    sql.execute(sooner, &[]).await.unwrap();
    eventually("the second look is over", async || {
        let over = "SELECT finished_at IS NOT NULL FROM deleted_users WHERE user_id = $1";
        sql.query_one(over, &[&user]).await.unwrap().get::<_, bool>(0).then_some(())
    })
    .await;
    left().await.expect("the straggler is still there");
    let counted = "SELECT count(*) FROM usage WHERE user_id = $1";
    let counts: i64 = sql.query_one(counted, &[&user]).await.unwrap().get(0);
    assert_eq!(counts, 0, "the count of a closed account is still there");
    let eve_id = id_of_user(&eve).await;
    let counts: i64 = sql.query_one(counted, &[&eve_id]).await.unwrap().get(0);
    assert_eq!(counts, 1);
}

#[tokio::test]
async fn whoevers_things_cannot_be_taken_away_keeps_nobody_else_waiting() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let agent = ada.an_agent().await;
    let (hers, eves) = (id_of(&ada.create(agent).await), id_of(&eve.create(agent).await));
    let (her_id, eves_id) = (id_of_user(&ada).await, id_of_user(&eve).await);
    let sql = app.stage.databases.plain("botberi_owner").await;
    sql.batch_execute(&format!(
        "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'never'; END $$;
         CREATE TRIGGER never BEFORE UPDATE OF deleted_at ON instances
         FOR EACH ROW WHEN (OLD.user_id = '{her_id}') EXECUTE FUNCTION never()"
    ))
    .await
    .unwrap();
    let user_sql = app.stage.databases.plain_user("postgres").await;
    close_account(&user_sql, her_id).await;
    close_account(&user_sql, eves_id).await;
    let told = app.stage.tap.until_key(&eves, "instance.deleted").await;
    assert!(told.body.get("request_id").is_none_or(serde_json::Value::is_null));
    let owner = "SELECT request_id IS NULL AND traceparent IS NULL FROM event_outbox
                 WHERE routing_key = 'instance.deleted' AND aggregate_id = $1";
    assert!(sql.query_one(owner, &[&eves]).await.unwrap().get::<_, bool>(0), "it followed from no request");

    sql.batch_execute(
        "DROP TRIGGER never ON instances; UPDATE deleted_users SET due_at = now() WHERE due_at IS NOT NULL",
    )
    .await
    .unwrap();
    app.stage.tap.until_key(&hers, "instance.deleted").await;
}

#[tokio::test]
async fn with_either_database_away_events_wait_and_it_shows() {
    let app = TestApp::on_cables(&[]).await;
    let user = id_of_user(&app.sign_up("ada").await).await;
    let user_sql = app.stage.databases.plain_user("postgres").await;
    let cables = app.replica.cables.as_ref().unwrap();
    for (cable, name) in [(&cables.user_postgres, "user_psql"), (&cables.shared_postgres, "shared_psql")] {
        cable.set(Cable::Cut);
        let id = event_of(&user_sql, "auth.revoked", user).await;
        let why = app.replica.until_impaired("/broker/user_relay").await;
        assert!(why.starts_with(name), "{why}");
        cable.set(Cable::Sound);
        app.replica.until_well().await;
        until_relayed(&user_sql).await;
        let is_it = |heard: &crate::support::tap::Heard| heard.body["event_id"] == id.to_string();
        app.stage.tap.until("the event", |all| all.iter().any(is_it).then_some(())).await;
    }
}

#[tokio::test]
async fn two_relays_that_panic_and_are_frozen_lose_nothing_and_tell_nothing_twice() {
    let stage = Stage::set().await;
    let first = Replica::start(&stage, true, &[]).await;
    let second = Replica::start(&stage, true, &[]).await;
    let user = id_of_user(&Caller::stranger(&first.user_api).sign_up("ada").await).await;
    let user_sql = stage.databases.plain_user("postgres").await;
    let mut expected = Vec::new();
    for round in 0..6 {
        for _ in 0..50 {
            expected.push(event_of(&user_sql, "auth.revoked", user).await.to_string());
        }
        match round {
            1 => _ = first.panics("/broker/user_relay").await,
            2 => first.cables.as_ref().unwrap().shared_postgres.set(Cable::Silent),
            3 => second.cables.as_ref().unwrap().user_postgres.drop_connections(),
            4 => _ = second.panics("/broker/user_relay").await,
            _ => {}
        }
    }
    first.cables.as_ref().unwrap().shared_postgres.set(Cable::Sound);
    until_relayed(&user_sql).await;
    stage.until_told().await;
    assert_eq!(relayed(&stage.sql().await).await, expected, "in the order of their making, each once");
}

#[tokio::test]
async fn a_kill_while_events_are_handed_on_loses_none_and_doubles_none() {
    let stage = Stage::set().await;
    let user = Uuid::now_v7();
    let user_sql = stage.databases.plain_user("postgres").await;
    let mut expected = Vec::new();
    for round in 0..4 {
        let program = Program::serve(&stage, &[]).await;
        for _ in 0..60 {
            expected.push(event_of(&user_sql, "auth.revoked", user).await.to_string());
        }
        if round < 3 {
            program.kill();
        } else {
            until_relayed(&user_sql).await;
            stage.until_told().await;
        }
    }
    assert_eq!(relayed(&stage.sql().await).await, expected, "in the order of their making, each once");
}

/// The events of the log, in the order of their positions.
async fn relayed(sql: &Client) -> Vec<String> {
    let rows = "SELECT event_id::text FROM event_outbox WHERE routing_key = 'auth.revoked' ORDER BY position";
    sql.query(rows, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}
