//! Clients that come back: nothing is missed, nothing comes twice, whatever broke and wherever they come back to.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::follower::Follower;
use crate::support::load::{Load, flood};
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::stage::Stage;

#[tokio::test]
async fn connections_that_break_anywhere_under_load_cost_no_event_and_repeat_none() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let me = ada.user_id().await;
    let (mut follower, load) = (Follower::of(&ada).await, Load::of(&ada, ada.an_agent().await, 2));
    for _ in 0..25 {
        // Between one and eight events further on: in the middle of a replay as well as of live events.
        follower.until_more(rand::random_range(1..=8)).await;
        follower.break_connection();
    }
    load.until_more(1).await;
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
}

#[tokio::test]
async fn a_client_resumes_at_another_replica() {
    let stage = Stage::set().await;
    let first = Replica::start(&stage, false, &[]).await;
    let second = Replica::start(&stage, false, &[]).await;
    let here = Caller::stranger(&first.user_api).sign_up("ada").await;
    let there = here.at(&second.user_api);
    let me = here.user_id().await;
    let load = Load::of(&there, here.an_agent().await, 2);
    let mut follower = Follower::of(&here).await;
    for place in [&there, &here, &there] {
        follower.until_more(10).await;
        follower.move_to(place);
        follower.break_connection();
    }
    follower.until_more(10).await;
    first.stop();
    load.until_more(5).await;
    let ids = load.stop().await;
    stage.until_all(&ids, "running").await;
    stage.until_told().await;
    follower.assert_whole(&stage.sql().await, &me).await;
}

#[tokio::test]
async fn where_the_log_was_cut_the_client_is_told_of_the_gap() {
    // Nothing is kept in memory, which would reach further back than the log.
    let app = TestApp::with(&[("websocket.recent_events_max", 0.into())]).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;
    let cut_at = app.stage.until_told().await;
    app.stage.sql().await.execute("DELETE FROM event_outbox WHERE position <= $1", &[&cut_at]).await.unwrap();
    let id = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&id, "running").await;
    let end = app.stage.until_told().await;

    let mut socket = ada.socket(Some(cut_at - 1)).await;
    let gap = socket.expect("gap").await;
    assert_eq!(gap["from"], json!(cut_at - 1));
    assert!(gap["to"].as_i64().unwrap() <= end);
    // Right behind the cut nothing is missing.
    let mut socket = ada.socket(Some(cut_at)).await;
    while socket.next_status(&id).await != "running" {}
    socket.expect("resumed").await;
}

#[tokio::test]
async fn what_rabbitmq_loses_the_socket_is_told_from_the_log() {
    let app = TestApp::on_cables(&[]).await;
    let ada = app.sign_up("ada").await;
    let me = ada.user_id().await;
    let cable = &app.replica.cables.as_ref().unwrap().rabbitmq;
    let (mut follower, load) = (Follower::of(&ada).await, Load::of(&ada, ada.an_agent().await, 2));
    for _ in 0..5 {
        // The queue goes with its connection, and all that is in it.
        follower.until_more(5).await;
        cable.drop_connections();
    }
    follower.until_more(5).await;
    cable.set(Cable::Cut);
    load.until_more(20).await;
    cable.set(Cable::Sound);
    follower.until_more(20).await;
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_closed_with_1013_and_resumes_without_a_loss() {
    // Who answers no ping is taken for gone, and that is another story.
    let app = TestApp::with(&[("websocket.heartbeat_seconds", 60.into())]).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let me = ada.user_id().await;
    let agent = ada.an_agent().await;
    let id = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&id, "running").await;
    let begin = app.stage.until_told().await;
    let mut socket = ada.socket(None).await;
    let mut other = eve.socket(None).await;

    // Twenty megabytes are more than all buffers on the way hold.
    let sql = app.stage.sql().await;
    flood(&sql, &id, 1000).await;
    let end = app.stage.until_told().await;
    // Others are not held up by it.
    let eves = id_of(&eve.create(agent).await);
    while other.next_status(&eves).await != "running" {}

    let mut seen = Vec::new();
    let close = loop {
        match socket.try_event().await {
            Ok(event) => seen.push(event["position"].as_i64().unwrap()),
            Err(close) => break close,
        }
    };
    assert_eq!(close, 1013);
    assert!(seen.len() < 1_000, "all was read");
    let at = seen.last().copied().unwrap_or(begin);
    let mut socket = ada.socket(Some(at)).await;
    while seen.last().is_none_or(|last| *last < end) {
        seen.push(socket.next_event().await["position"].as_i64().unwrap());
    }
    let query = "SELECT position FROM event_outbox WHERE user_id::text = $1 AND position BETWEEN $2 AND $3 ORDER BY 1";
    let rows = sql.query(query, &[&me, &(begin + 1), &end]).await.unwrap();
    assert_eq!(seen, rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_panic_of_the_register_costs_its_clients_a_reconnect_and_no_event() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let me = ada.user_id().await;
    let (mut follower, load) = (Follower::of(&ada).await, Load::of(&ada, ada.an_agent().await, 2));
    for path in ["/user/ws_sessions", "/user/socket_updates", "/user"] {
        follower.until_more(5).await;
        app.replica.panics(path).await;
    }
    follower.until_more(5).await;
    let ids = load.stop().await;
    app.stage.until_all(&ids, "running").await;
    app.stage.until_told().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
}
