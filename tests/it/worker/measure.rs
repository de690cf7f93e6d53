//! Measurements of takeovers and orders, on a quiet machine; the command is in docs/reliability.md. Each prints a line or a few, and
//! fails where less was kept than is promised there.
#![expect(clippy::print_stderr, reason = "measurements are for reading")]

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::support::client::{Caller, id_of};
use crate::support::program::Program;
use crate::support::replica::Replica;
use crate::support::stage::Stage;

/// How long after the end of a lease the survivor has everything, and how long after an orderly stop.
const PROMISED: Duration = Duration::from_secs(1);

/// What ends a worker.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    Term,
}

/// Rows without anybody's help: as many as a measurement needs, for a user who never signed up.
async fn insert(sql: &Client, count: i64) {
    let rows = "INSERT INTO instances (bot_id, user_id, title)
                SELECT (SELECT min(id) FROM agents WHERE status = 'published'), $1, 'measured' FROM generate_series(1, $2::bigint)";
    sql.batch_execute("SET botberi.bell = 'quiet'").await.unwrap();
    sql.execute(rows, &[&uuid::Uuid::now_v7(), &count]).await.unwrap();
}

async fn count(sql: &Client, query: &str) -> i64 {
    sql.query_one(query, &[]).await.unwrap().get(0)
}

async fn until(sql: &Client, query: &str, wanted: i64, within: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let there = count(sql, query).await;
        if there == wanted {
            return began.elapsed();
        }
        assert!(began.elapsed() < within, "{there} of {wanted}: {query}");
        sleep(Duration::from_millis(5)).await;
    }
}

const RUNNING: &str = "SELECT count(*) FROM instances WHERE status = 'running' AND owner_replica IS NOT NULL";
const EVENTS: &str = "SELECT count(*) FROM event_outbox";
const COMMITS: &str =
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";

struct Takeover {
    took: Duration,
    statements: i64,
    events: i64,
}

/// One worker brings them all up, another starts, the first ends: until the other has them all.
async fn takeover(end: End, instances: i64, lease_ms: i64, beat_ms: i64) -> Takeover {
    let stage = Stage::set().await;
    let own: Vec<(&str, toml::Value)> = [
        ("worker.lease_ms", lease_ms),
        ("worker.beat_ms", beat_ms),
        ("worker.sweep_ms", 1_000),
        ("worker.instances_max", 100_000),
        ("service.shutdown_deadline_ms", 10_000),
    ]
    .map(|(key, value)| (key, value.into()))
    .to_vec();
    let first = Program::serve(&stage, &own).await;
    let sql = stage.sql().await;
    insert(&sql, instances).await;
    until(&sql, RUNNING, instances, Duration::from_secs(300)).await;
    stage.until_told().await;
    let second = Program::serve(&stage, &own).await;
    // It judges nobody before it has beaten for a whole lease.
    sleep(Duration::from_millis(u64::try_from(lease_ms).unwrap() + 1_000)).await;
    let owner = sql.query_one("SELECT owner_replica::text FROM instances LIMIT 1", &[]).await.unwrap();
    let owner: String = owner.get(0);
    let (events, statements) = (count(&sql, EVENTS).await, count(&sql, COMMITS).await);

    match end {
        End::Kill => first.kill(),
        End::Term => first.terminate(),
    }
    let taken = format!(
        "SELECT count(*) FROM instances WHERE status = 'running' AND owner_replica IS NOT NULL AND owner_replica <> '{owner}'"
    );
    let took = until(&sql, &taken, instances, Duration::from_secs(300)).await;
    // The statistics of a session are told with a delay.
    sleep(Duration::from_millis(1_500)).await;
    let statements = count(&sql, COMMITS).await - statements;
    let events = count(&sql, EVENTS).await - events;
    drop(second);
    Takeover { took, statements, events }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measures_a_takeover_by_lease() {
    for (lease_ms, beat_ms) in [(10_000, 2_000), (3_000, 600), (1_000, 200), (500, 100)] {
        let Takeover { took, events, .. } = takeover(End::Kill, 100, lease_ms, beat_ms).await;
        eprintln!(
            "SIGKILL, lease {lease_ms} ms, beat {beat_ms} ms: 100 are the survivor's after {took:?}; {events} events"
        );
        let lease = Duration::from_millis(lease_ms.unsigned_abs());
        assert!(took < lease + PROMISED && events == 0, "{took:?}, {events} events");
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measures_a_takeover_after_an_orderly_stop() {
    let Takeover { took, events, .. } = takeover(End::Term, 100, 10_000, 2_000).await;
    eprintln!("SIGTERM, lease 10000 ms: 100 are the survivor's after {took:?}; {events} events");
    assert!(took < PROMISED && events == 0, "{took:?}, {events} events");
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measures_a_takeover_of_ten_thousand() {
    for end in [End::Kill, End::Term] {
        let Takeover { took, statements, events } = takeover(end, 10_000, 3_000, 600).await;
        eprintln!(
            "{end:?}, lease 3000 ms: 10000 are the survivor's after {took:?}; {statements} statements within that and \
             1.5 s more, beats, sweeps and looks of this measurement included; {events} events"
        );
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measures_the_shortest_lease_that_a_busy_machine_keeps() {
    for (lease_ms, beat_ms) in [(10_000, 2_000), (3_000, 600), (1_500, 300), (1_000, 200), (500, 100)] {
        let stage = Stage::set().await;
        let own = [
            ("worker.lease_ms", toml::Value::from(lease_ms)),
            ("worker.beat_ms", toml::Value::from(beat_ms)),
        ];
        let _first = Program::serve(&stage, &own).await;
        let _second = Program::serve(&stage, &own).await;
        let sql = stage.sql().await;
        insert(&sql, 2_000).await;
        let silence = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - beat_at) * 1000), 0)::bigint FROM replicas";
        let (mut longest, began) = (0, Instant::now());
        while began.elapsed() < Duration::from_secs(20) {
            longest = longest.max(count(&sql, silence).await);
            sleep(Duration::from_millis(5)).await;
        }
        let safe = if longest < lease_ms * 2 / 3 { "kept" } else { "lapsed" };
        eprintln!(
            "lease {lease_ms} ms, beat {beat_ms} ms, 2000 starts: longest silence {longest} ms, {safe}"
        );
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measures_two_hundred_stops_of_others_instances() {
    let stage = Stage::set().await;
    let own = [("worker.sweep_ms", toml::Value::from(600_000))];
    let owner = Replica::start(&stage, false, &own).await;
    let sql = stage.sql().await;
    let ada = Caller::stranger(&owner.user_api).sign_up("ada").await;
    let agent = ada.an_agent().await;
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(id_of(&ada.create(agent).await));
    }
    stage.until_all(&ids, "running").await;
    let others: Vec<Replica> = vec![
        Replica::start(&stage, false, &own).await,
        Replica::start(&stage, false, &own).await,
        Replica::start(&stage, false, &own).await,
    ];
    let mut wished = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let at = ada.at(&others[index % others.len()].user_api);
        wished.push(SystemTime::now());
        at.post(&format!("/api/v1/instances/{id}/stop"), Value::Null).await.expect(202);
    }
    stage.until_all(&ids, "stopped").await;
    let mut latencies = Vec::new();
    for (id, wished) in ids.iter().zip(wished) {
        let query = "SELECT updated_at FROM instances WHERE id::text = $1";
        let row = sql.query_one(query, &[id]).await.unwrap();
        let stopped: SystemTime = row.get(0);
        latencies.push(stopped.duration_since(wished).unwrap_or_default());
    }
    latencies.sort_unstable();
    eprintln!(
        "200 stops, three of four hints with others than the owner, no sweep: 200 effects; p50 {:?}, p99 {:?}, worst {:?}",
        latencies[100], latencies[198], latencies[199]
    );
    stage.until_told().await;
}
