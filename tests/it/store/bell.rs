//! The doorbell: who rings, when, and how loud.

use std::time::Duration;

use botberi::models::ids::UserId;
use botberi::models::store::{OwnConnection, SharedSide, instances, outbox, publisher};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::builders::{an_instance, created, published_agent, wish};
use crate::support::database::TestDatabases;

/// Long enough for a bell on a busy machine; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

async fn heard(listener: &mut OwnConnection<SharedSide>) -> Value {
    let payload = timeout(PATIENCE, listener.bell()).await.expect("no bell").expect("no connection");
    assert!(payload.len() < 8_000);
    serde_json::from_str(&payload).unwrap()
}

/// Rings itself, and asserts that this is the first bell that is heard: notifications come in the order of commits.
async fn assert_silent_until_now(databases: &TestDatabases, listener: &mut OwnConnection<SharedSide>) {
    outbox::ring(&databases.shared().await).await.unwrap();
    assert_eq!(heard(listener).await["table"], "event_outbox");
}

#[tokio::test]
async fn the_platforms_own_connections_are_silent_and_ring_when_told_to() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let mut listener = databases.own().await;
    listener.listen().await.unwrap();
    let _instance = an_instance(&db).await;
    let own = databases.own().await;
    let _instance = an_instance(&own).await;
    assert_silent_until_now(&databases, &mut listener).await;
}

#[tokio::test]
async fn plain_sql_rings_by_itself_and_says_what_happened() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let mut listener = databases.own().await;
    listener.listen().await.unwrap();
    let instance = an_instance(&db).await;

    plain.execute("UPDATE instances SET title = 'loud' WHERE id = $1", &[&instance.id]).await.unwrap();
    let bell = heard(&mut listener).await;
    assert_eq!(
        (&bell["schema_version"], &bell["event_type"], &bell["table"]),
        (&json!(1), &json!("update"), &json!("instances"))
    );
    assert_eq!((&bell["row_data"]["id"], &bell["row_data"]["title"]), (&json!(instance.id), &json!("loud")));
    assert_eq!(bell["row_data"]["bot_id"], json!(instance.agent_id.0));
    assert!(bell["outbox_id"].is_i64() && bell.get("truncated").is_none());

    plain.execute("DELETE FROM instances WHERE id = $1", &[&instance.id]).await.unwrap();
    assert_eq!(heard(&mut listener).await["event_type"], "delete");
}

#[tokio::test]
async fn nobody_rings_while_the_publisher_is_awake() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let mut listener = databases.own().await;
    listener.listen().await.unwrap();
    let instance = an_instance(&db).await;
    let update = "UPDATE instances SET title = uuid_v7()::text WHERE id = $1";

    let publisher = databases.own().await;
    publisher::wake(&publisher).await.unwrap();
    plain.execute(update, &[&instance.id]).await.unwrap();
    assert_silent_until_now(&databases, &mut listener).await;

    publisher::sleep(&publisher).await.unwrap();
    plain.execute(update, &[&instance.id]).await.unwrap();
    assert_eq!(heard(&mut listener).await["table"], "instances");

    // The writer let go of the lock at once, even inside its transaction.
    plain.batch_execute("BEGIN").await.unwrap();
    plain.execute(update, &[&instance.id]).await.unwrap();
    publisher::wake(&publisher).await.unwrap();
    plain.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn a_bell_never_fails_its_writer_however_long_the_row_is() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let mut listener = databases.own().await;
    listener.listen().await.unwrap();
    let instance = an_instance(&db).await;

    // Around the limit byte by byte, with letters of one and of four bytes, then far beyond it.
    let letters = ["x".to_owned(), "🦜".to_owned()];
    let mut lengths: Vec<(usize, &String)> = Vec::new();
    for letter in &letters {
        lengths.extend((7_300 / letter.len()..7_600 / letter.len()).step_by(7).map(|count| (count, letter)));
        lengths.push((50_000, letter));
    }
    let (mut whole, mut cut) = (0, 0);
    for (count, letter) in lengths {
        let config = json!({"text": letter.repeat(count)});
        plain
            .execute("UPDATE instances SET user_config = $2 WHERE id = $1", &[&instance.id, &config])
            .await
            .unwrap();
        let bell = heard(&mut listener).await;
        if bell.get("truncated").is_some() {
            assert_eq!(bell["row_data"], json!({"id": instance.id}));
            cut += 1;
        } else {
            assert_eq!(bell["row_data"]["user_config"], config);
            whole += 1;
        }
    }
    assert!(whole > 10 && cut > 10, "the limit lies outside of what was tried: {whole} whole, {cut} cut");
}

#[tokio::test]
async fn an_event_holds_a_configuration_of_any_length() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    let mut wanted = wish(&agent, UserId::new());
    wanted.user_config = json!({"text": "🦜\"\\\n".repeat(30_000)});
    let instance = created(instances::insert(&db, &wanted, i64::MAX).await.unwrap());
    let events = super::builders::placed(&databases).await;
    let told = events.iter().find(|event| event.aggregate_id == instance.id.to_string()).unwrap();
    let message: Value = serde_json::from_str(&told.message_body()).unwrap();
    assert_eq!(message["config"]["user_config"], wanted.user_config);
    assert_eq!(message["position"], json!(told.position));
}
