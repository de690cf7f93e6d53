//! Readers that come back: nothing is missed, nothing comes twice.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of};
use crate::support::load::Load;
use crate::support::replica::Replica;
use crate::support::stage::Stage;

/// Reads events to the end of the stream or until there are so many, and comes to stand behind them.
async fn read(caller: &Caller, last_event_id: &str, seen: &mut Vec<i64>, count: usize) -> String {
    let mut stream = loop {
        match caller.try_stream("", Some(last_event_id)).await {
            Ok(stream) => break stream,
            Err((status, problem)) => assert!([0, 503].contains(&status), "{status}: {problem}"),
        }
    };
    let wanted = seen.len() + count;
    while seen.len() < wanted
        && let Some(event) = stream.next().await
    {
        if event.name.contains('.') {
            seen.push(event.last_event_id.parse().unwrap());
        }
    }
    stream.last_event_id().to_owned()
}

#[tokio::test]
async fn a_reader_whose_connections_break_misses_nothing_at_any_replica() {
    let stage = Stage::set().await;
    // On a slow machine there may be many instances until all is over.
    let unlimited = ("rate_limits.write_max", 100_000.into());
    let first = Replica::start(&stage, false, std::slice::from_ref(&unlimited)).await;
    // It answers from the log what the first one answers from memory.
    let forgetful = [unlimited, ("websocket.recent_events_max", 0.into())];
    let second = Replica::start(&stage, false, &forgetful).await;
    let here = Caller::stranger(&first.user_api).sign_up("ada").await;
    let there = here.at(&second.user_api);
    let me = here.user_id().await;
    let load = Load::of(&there, here.an_agent().await, 1);
    let begin = here.stream("").await.begin;
    let (mut at, mut seen) = (begin.to_string(), Vec::new());
    for round in 0..12 {
        let place = if round % 3 == 0 { &there } else { &here };
        at = read(place, &at, &mut seen, 1 + round % 7).await;
    }
    // The first one goes away with a reader on it.
    let mut stream = here.try_stream("", Some(&at)).await.unwrap();
    let ended = tokio::spawn(async move {
        let mut more = Vec::new();
        while let Some(event) = stream.next().await {
            more.push(event);
        }
        (more, stream.last_event_id().to_owned())
    });
    tokio::task::spawn_blocking(move || first.stop()).await.unwrap();
    let (more, last_event_id) = ended.await.unwrap();
    let error = more.last().unwrap();
    assert_eq!((error.name.as_str(), &error.json()["code"]), ("error", &json!("service_restart")));
    let events = more.iter().filter(|event| event.name.contains('.'));
    seen.extend(events.map(|event| event.last_event_id.parse::<i64>().unwrap()));
    at = read(&there, &last_event_id, &mut seen, 5).await;
    let ids = load.stop().await;
    stage.until_all(&ids, "running").await;
    let end = stage.until_told().await;

    let sql = stage.sql().await;
    let query = "SELECT position FROM event_outbox WHERE user_id::text = $1 AND position > $2 AND position <= $3 ORDER BY 1";
    let rows = sql.query(query, &[&me, &begin, &end]).await.unwrap();
    let expected: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let missing = expected.len() - seen.len();
    read(&there, &at, &mut seen, missing).await;
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_header_wins_over_the_address_and_either_resumes() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let begin = app.stage.until_told().await;
    let one = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&one, "running").await;
    let middle = app.stage.until_told().await;
    let other = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&other, "running").await;
    app.stage.until_told().await;
    let query = format!("?since={begin}");
    let mut from_begin = ada.stream(&query).await;
    assert_eq!(from_begin.begin, begin, "the greeting stands before the history");
    assert_eq!(from_begin.next_status(&one).await, "pending");
    let mut from_middle = ada.try_stream(&query, Some(&middle.to_string())).await.unwrap();
    let first = from_middle.next().await.unwrap();
    assert_eq!(first.json()["instance_id"], json!(other));
    // One that had nothing yet says so with an empty one.
    let mut again = ada.try_stream(&query, Some("")).await.unwrap();
    assert_eq!(again.next_status(&one).await, "pending");
}

#[tokio::test]
async fn where_the_log_was_cut_the_reader_is_told_of_the_gap_and_stands_behind_it() {
    let app = TestApp::with(&[("websocket.recent_events_max", 0.into())]).await;
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    app.stage.tap.until_status(&id_of(&ada.create(agent).await), "running").await;
    let cut_at = app.stage.until_told().await;
    app.stage.sql().await.execute("DELETE FROM event_outbox WHERE position <= $1", &[&cut_at]).await.unwrap();
    let id = id_of(&ada.create(agent).await);
    app.stage.tap.until_status(&id, "running").await;
    app.stage.until_told().await;

    let mut stream = ada.try_stream("", Some(&(cut_at - 1).to_string())).await.unwrap();
    let gap = stream.expect("gap").await;
    assert_eq!(gap["from"], json!(cut_at - 1));
    assert_eq!(gap["to"], stream.position());
    // Right behind the cut nothing is missing.
    let mut stream = ada.stream(&format!("?since={cut_at}")).await;
    while stream.next_status(&id).await != "running" {}
    stream.expect("resumed").await;
}
