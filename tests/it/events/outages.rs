//! Servers that go away, and come back.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::client::id_of;
use crate::support::load::Load;
use crate::support::proxy::Cable;

const PUBLISHER: &str = "/broker/event_publisher";

#[tokio::test]
async fn creates_go_on_while_rabbitmq_is_away_and_all_is_told_in_order_afterwards() {
    let app = TestApp::on_cables(&[]).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;
    let cable = &app.replica.cables.as_ref().unwrap().rabbitmq;

    cable.set(Cable::Cut);
    app.replica.until_impaired(PUBLISHER).await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(id_of(&ada.create(agent).await));
    }
    let answer = app.stranger().get("/readyz").await;
    assert_eq!(answer.problem(503), "dependency_unavailable");
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains(PUBLISHER) && detail.contains("rabbitmq"), "{detail}");
    assert_eq!(app.stranger().get("/healthz").await.status, 200);

    cable.set(Cable::Sound);
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    app.replica.until_well().await;
    assert_eq!(app.stranger().get("/readyz").await.status, 200);
}

#[tokio::test]
async fn an_event_whose_confirm_never_comes_is_sent_again() {
    let app = TestApp::on_cables(&[]).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let first = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&first, "running").await;
    app.stage.until_told().await;
    let cable = &app.replica.cables.as_ref().unwrap().rabbitmq;

    cable.set(Cable::OneWay);
    let id = id_of(&ada.create(agent).await);
    let sent = app.stage.tap.until_key(&id, "instance.created").await;
    app.replica.until_impaired(PUBLISHER).await;
    cable.set(Cable::Sound);

    app.stage
        .tap
        .until("it is sent again", |all| {
            let copies = all.iter().filter(|heard| heard.position == sent.position).count();
            (copies > 1).then_some(())
        })
        .await;
    app.stage.until_all(&[id], "running").await;
    app.stage.until_told().await;
}

#[tokio::test]
async fn connections_that_rabbitmq_closes_under_load_cost_no_event() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let load = Load::of(&ada, ada.an_agent().await, 4);
    load.until_more(20).await;
    for name in ["botberi event_publisher", "agents_worker.instance"] {
        app.stage.bus.close_connections(name).await;
        load.until_more(20).await;
    }
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
}

#[tokio::test]
async fn every_acknowledged_instance_comes_up_although_postgres_ends_all_connections_under_load() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let sql = app.stage.sql().await;
    let load = Load::of(&ada, ada.an_agent().await, 4);
    for _ in 0..3 {
        load.until_more(20).await;
        let ended: i64 = sql
            .query_one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
                &[],
            )
            .await
            .unwrap()
            .get(0);
        assert!(ended > 3, "{ended} connections were there to end");
    }
    load.until_more(20).await;
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    app.replica.until_well().await;
}

#[tokio::test]
async fn a_database_that_answers_no_more_is_named_and_taken_up_again() {
    let app = TestApp::on_cables(&[]).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let cable = &app.replica.cables.as_ref().unwrap().shared_postgres;
    let load = Load::of(&ada, agent, 4);
    load.until_more(20).await;

    cable.set(Cable::Cut);
    let reason = app.replica.until_impaired(PUBLISHER).await;
    assert!(reason.contains("postgres"), "{reason}");
    let answer = ada.try_create(agent).await;
    assert!(["dependency_unavailable", "service_busy", "outcome_unknown"].contains(&answer.problem(503)));
    assert!(answer.headers.contains_key("retry-after"));
    cable.set(Cable::Sound);

    load.until_more(20).await;
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    app.replica.until_well().await;
}

#[tokio::test]
async fn a_bell_that_is_not_heard_delays_events_and_loses_none() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;
    app.stage.until_told().await;

    let sql = app.stage.sql().await;
    let ended = sql
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'botberi notify_listener'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(ended, 1);
    let began = std::time::Instant::now();
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    app.replica.until_well().await;
    app.stage.until_told().await;
}
