//! What it costs to take away a million events while users create instances. For people: run it with
//! `cargo test --test it retention::measure -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use toml::Value as Setting;

use super::batches::fill;
use crate::support::client::Caller;
use crate::support::replica::Replica;
use crate::support::stage::Stage;

const EVENTS: i64 = 1_000_000;

/// Creates in a second.
const RATE: u64 = 100;

/// Creates `rate` instances a second until `stop` says so; gives how long each took, sorted.
async fn creates(ada: &Caller, agent: i64, rate: u64, stop: impl AsyncFn() -> bool) -> Vec<Duration> {
    let mut ticks = interval(Duration::from_micros(1_000_000 / rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = tokio::task::JoinSet::new();
    let mut number = 0;
    loop {
        ticks.tick().await;
        number += 1;
        if number % 50 == 0 && stop().await {
            break;
        }
        let ada = ada.clone();
        under_way.spawn(async move {
            let began = Instant::now();
            let wish = json!({"agent_id": agent, "title": "Mine"});
            ada.post("/api/v1/instances", wish).await.expect(201);
            began.elapsed()
        });
    }
    let mut took = under_way.join_all().await;
    took.sort_unstable();
    took
}

#[expect(clippy::print_stderr, reason = "a measurement is for people")]
fn tell(what: &str, took: &[Duration]) {
    let at = |share: usize| took[(took.len() - 1) * share / 1_000];
    eprintln!("{what}: {} creates, p50 {:?}, p99 {:?}, max {:?}", took.len(), at(500), at(990), at(1_000));
}

/// A replica that keeps events for so long, with somebody who uses it.
async fn replica(stage: &Stage, events_seconds: i64, name: &str) -> (Replica, Caller) {
    let own = [
        ("retention.events_seconds", Setting::Integer(events_seconds)),
        ("retention.interval_ms", Setting::Integer(1_000)),
        ("postgres.shared.pool_size_max", Setting::Integer(16)),
    ];
    let replica = Replica::start(stage, false, &own).await;
    let caller = Caller::stranger(&replica.user_api).sign_up(name).await;
    (replica, caller)
}

#[tokio::test]
#[ignore = "a measurement of minutes"]
#[expect(clippy::print_stderr, reason = "a measurement is for people")]
async fn a_million_old_events_go_while_instances_are_created() {
    let stage = Stage::set().await;
    let sql = stage.sql().await;
    fill(&sql, EVENTS, EVENTS, EVENTS).await;
    sql.batch_execute("VACUUM ANALYZE event_outbox").await.unwrap();
    sql.batch_execute("CHECKPOINT").await.unwrap();

    let (first, ada) = replica(&stage, 3_000_000_000, "ada").await;
    let (agent, began) = (ada.an_agent().await, Instant::now());
    let _warm = creates(&ada, agent, RATE, async || began.elapsed() > Duration::from_secs(5)).await;
    let began = Instant::now();
    let quiet = creates(&ada, agent, RATE, async || began.elapsed() > Duration::from_secs(30)).await;
    tell("nothing is deleted", &quiet);
    first.stop();

    let (second, eve) = replica(&stage, 86_400, "eve").await;
    let began = Instant::now();
    let left = "SELECT position <= $1 FROM event_outbox WHERE position IS NOT NULL ORDER BY position LIMIT 1";
    let busy = creates(&eve, agent, RATE, async || {
        !sql.query_one(left, &[&EVENTS]).await.unwrap().get::<_, bool>(0)
    })
    .await;
    eprintln!("{EVENTS} events were deleted within {:?}", began.elapsed());
    tell("while they are deleted", &busy);
    second.stop();
}
