//! How far publishing is.

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::proxy::Cable;
use crate::support::wait::eventually;

#[tokio::test]
async fn the_outbox_is_for_administrators_and_health_is_for_everybody() {
    let app = TestApp::start().await;
    let broker = Caller::stranger(&app.replica.broker_api);
    for open in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(broker.get(open).await.status, 200, "{open}");
    }
    assert_eq!(broker.get("/api/v1/outbox").await.problem(401), "unauthenticated");
    let ada = app.sign_up("ada").await.at(&app.replica.broker_api);
    assert_eq!(ada.get("/api/v1/outbox").await.problem(403), "forbidden");
    let window = serde_json::json!({"from_position": 1});
    assert_eq!(ada.post("/api/v1/events/replay", window).await.problem(403), "forbidden");
}

#[tokio::test]
async fn the_outbox_tells_what_waits_for_rabbitmq_and_for_how_long() {
    let app = TestApp::on_cables(&[]).await;
    let admin = app.admin().await.at(&app.replica.broker_api);
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;
    let told = app.stage.until_told().await;
    let outbox = eventually("nothing waits", async || {
        let outbox = admin.get("/api/v1/outbox").await.expect(200);
        (outbox["pending"] == 0).then_some(outbox)
    })
    .await;
    assert_eq!((&outbox["published_total"], &outbox["last_position"]), (&told.into(), &told.into()));
    assert_eq!((&outbox["first_position"], &outbox["oldest_age_ms"]), (&1.into(), &0.into()));
    assert!(outbox["leader"].is_string(), "{outbox}");

    app.replica.cables.as_ref().unwrap().rabbitmq.set(Cable::Cut);
    ada.create(agent).await;
    eventually("something waits, with a position", async || {
        let outbox = admin.get("/api/v1/outbox").await.expect(200);
        let waits = outbox["unpublished"].as_i64() > Some(0) && outbox["oldest_age_ms"].as_i64() > Some(300);
        (waits && outbox["pending"].as_i64() > Some(0)).then_some(())
    })
    .await;
}
