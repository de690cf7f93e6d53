//! What the audit log costs a create, for `cargo nextest run --run-ignored all measures_the_audit --no-capture` on a quiet machine with
//! servers that flush: `botberi dev servers` without `--no-fsync`.
#![expect(clippy::print_stderr, reason = "measurements are for reading")]

use std::fs;
use std::time::{Duration, Instant};

use botberi::actors::audit_sealer::{Round, seal_some};
use botberi::models::audit::AuditChain;
use botberi::models::store::StoreSettings;
use serde_json::json;
use tokio::time::sleep;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::sealing::verify;
use crate::store::builders::published_agent;
use crate::support::database::{TestDatabases, connect};

/// As many as `Instances` has.
const COMMITTERS: usize = 3;
/// Wishes in one commit, each of another user.
const BATCH: usize = 32;
const LASTS: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Without,
    Rows,
    RowsAndSealer,
}

/// The statement, and the same without its audit rows.
fn statements() -> (String, String) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/models/store/sql/instances/insert.sql");
    let with = fs::read_to_string(path).unwrap();
    let (before, rest) = with.split_once("), audited AS (").unwrap();
    let (_, after) = rest.split_once("WHERE is_granted\n)\n").unwrap();
    let without = format!("{before})\n{after}");
    (with, without)
}

/// Microseconds of CPU that a local process has taken.
fn cpu_us(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks * 10_000
}

async fn writer(url: &str) -> (Client, i32) {
    let client = connect(url).await;
    let options = StoreSettings::session_options().replace("-c ", "SET ").replace('=', " = '");
    for set in options.split("SET ").filter(|set| !set.trim().is_empty()) {
        client.batch_execute(&format!("SET {}'", set.trim())).await.unwrap();
    }
    let pid = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    (client, pid)
}

async fn create(client: &Client, statement: &Statement, agent: i32, users: &[Uuid]) {
    let fresh = || users.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>();
    let (ids, bases, credentials) = (fresh(), fresh(), fresh());
    let agents = vec![agent; users.len()];
    let teams = vec![None::<Uuid>; users.len()];
    let titles = vec!["Measured"; users.len()];
    let configs = vec![json!({"tone": "dry"}); users.len()];
    let requests: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let (nothing, roles) = (vec![None::<&str>; users.len()], vec!["{}"; users.len()]);
    let (kinds, addresses) = (vec!["user"; users.len()], vec!["192.0.2.7"; users.len()]);
    let rows = client
        .query(
            statement,
            &[
                &ids,
                &bases,
                &agents,
                &users,
                &teams,
                &titles,
                &configs,
                &configs,
                &requests,
                &nothing,
                &i64::MAX,
                &kinds,
                &users,
                &nothing,
                &credentials,
                &addresses,
                &roles,
            ],
        )
        .await
        .unwrap();
    assert_eq!(rows.len(), users.len());
}

/// Creates per second, and what a create took of Postgres' CPU in the writers' own processes.
async fn run(arm: Arm) -> (f64, f64) {
    let databases = TestDatabases::create().await;
    let agent = published_agent(&databases.shared().await).await.id.0;
    let (with, without) = statements();
    let text = if arm == Arm::Without { without } else { with };
    let url = databases.shared_url("botberi");
    let end = Instant::now() + LASTS;
    let writers = (0..COMMITTERS).map(async |_| {
        let (client, pid) = writer(&url).await;
        let users: Vec<Uuid> = (0..BATCH).map(|_| Uuid::now_v7()).collect();
        client.execute("INSERT INTO usage (user_id) SELECT unnest($1::uuid[])", &[&users]).await.unwrap();
        let statement = client.prepare(&text).await.unwrap();
        let (before, mut made) = (cpu_us(pid), 0);
        while Instant::now() < end {
            create(&client, &statement, agent, &users).await;
            made += BATCH;
        }
        (made, cpu_us(pid) - before)
    });
    let sealer = async {
        let (mut sealed, mut busy) = (0, Duration::ZERO);
        while arm == Arm::RowsAndSealer && Instant::now() < end {
            let began = Instant::now();
            if let Round::Sealed { rows, is_more, .. } =
                seal_some(&databases.shared, AuditChain::Shared).await.unwrap()
            {
                sealed += rows;
                busy += began.elapsed();
                if is_more {
                    continue;
                }
            }
            sleep(Duration::from_millis(250)).await;
        }
        (sealed, busy)
    };
    let (done, (sealed, busy)) = tokio::join!(futures_util::future::join_all(writers), sealer);
    let made: usize = done.iter().map(|(made, _)| made).sum();
    let cpu: u64 = done.iter().map(|(_, cpu)| cpu).sum();
    if arm == Arm::RowsAndSealer {
        let began = Instant::now();
        let [_, report] = verify(&databases, Vec::new()).await;
        eprintln!(
            "  sealed {sealed} rows meanwhile, busy for {busy:?}; {} left; a look at {} rows took {:?}: {:?}",
            report.unsealed,
            report.sealed,
            began.elapsed(),
            report.fault
        );
    }
    (made as f64 / LASTS.as_secs_f64(), cpu as f64 / made as f64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measures_the_audit_log_beside_none() {
    let arms = [Arm::Without, Arm::Rows, Arm::RowsAndSealer];
    // By turns, so that whatever else the machine does meets all of them.
    for round in 0..5 {
        for arm in arms {
            let (rate, cpu) = run(arm).await;
            eprintln!("round {round}, {arm:?}: {rate:.0} creates/s, {cpu:.0} us of Postgres each");
        }
    }
}
