//! Messages that cannot be read.

use crate::support::app::TestApp;
use crate::support::client::id_of;
use crate::support::wait::eventually;

#[tokio::test]
async fn a_poison_message_ends_among_the_dead_letters_and_holds_up_nothing_behind_it() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;

    let newer = r#"{"event_id":"01900000-0000-7000-8000-000000000000","event_type":"instance.created",
                    "schema_version":99,"position":1}"#;
    let poisons = ["no JSON at all", "{}", newer];
    for poison in poisons {
        assert!(app.stage.bus.publish("events.topic", "instance.updated", poison).await);
    }
    let id = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&id, "running").await;

    let sql = app.stage.sql().await;
    let query = "SELECT reason, convert_from(body, 'UTF8') FROM dead_letters
                 WHERE queue = 'agents_worker.instance' AND routing_key = 'instance.updated' ORDER BY created_at";
    let letters = eventually("all three are kept", async || {
        let letters = sql.query(query, &[]).await.unwrap();
        (letters.len() == poisons.len()).then_some(letters)
    });
    for (letter, poison) in letters.await.iter().zip(poisons) {
        let (reason, body): (String, String) = (letter.get(0), letter.get(1));
        assert_eq!(body, poison);
        let expected =
            if poison == newer { "schema version 99 is not known" } else { "the body is not an event" };
        assert!(reason.starts_with(expected), "{reason}");
    }
    eventually("nothing waits in the queue", async || {
        let queues = app.stage.bus.list("queues").await;
        let hints = queues.into_iter().find(|queue| queue["name"] == "agents_worker.instance").unwrap();
        (hints["messages"] == 0).then_some(())
    })
    .await;
}
