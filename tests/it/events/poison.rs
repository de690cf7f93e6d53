//! Messages that cannot be read.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::id_of;
use crate::support::wait::eventually;

#[tokio::test]
async fn a_poison_message_ends_among_the_dead_letters_and_holds_up_nothing_behind_it() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;

    let event = |kind: &str, version: i32| {
        let id = "01900000-0000-7000-8000-000000000000";
        json!({"event_id": id, "event_type": kind, "schema_version": version, "position": 1}).to_string()
    };
    let poisons = [
        ("no JSON at all".to_owned(), "the body is not an event"),
        ("{}".to_owned(), "the body is not an event"),
        (event("instance.updated", 99), "schema version 99 is not known"),
        (
            event("instance.deleted", 1),
            "the body says `instance.deleted` under the routing key `instance.updated`",
        ),
    ];
    for (poison, _) in &poisons {
        assert!(app.stage.bus.publish("events.topic", "instance.updated", poison).await);
    }
    let id = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&id, "running").await;

    let sql = app.stage.sql().await;
    let query = "SELECT reason, convert_from(body, 'UTF8') FROM dead_letters
                 WHERE queue = 'agents_worker.instance' AND routing_key = 'instance.updated' ORDER BY created_at";
    let letters = eventually("all of them are kept", async || {
        let letters = sql.query(query, &[]).await.unwrap();
        (letters.len() == poisons.len()).then_some(letters)
    });
    for (letter, (poison, expected)) in letters.await.iter().zip(&poisons) {
        let (reason, body): (String, String) = (letter.get(0), letter.get(1));
        assert_eq!(body, *poison);
        assert!(reason.starts_with(expected), "{reason}");
    }
    eventually("nothing waits in the queue", async || {
        let queues = app.stage.bus.list("queues").await;
        let hints = queues.into_iter().find(|queue| queue["name"] == "agents_worker.instance").unwrap();
        (hints["messages"] == 0).then_some(())
    })
    .await;
}
