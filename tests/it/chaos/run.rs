//! The run: load, faults, peace; then the comparison.

use std::collections::BTreeSet;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use botberi::models::audit::AuditAnchor;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::checker::{Bounds, Fault, History, Told, check};
use super::crowd::Crowd;
use super::onlooker::look_on;
use super::platform::Platform;
use super::recorder::digest;
use super::schedule::Schedule;
use super::{auditing, probe, report};

/// How long may pass after a fault until everything works again. The next fault waits for that, and no longer.
const RECOVERS_WITHIN: Duration = Duration::from_secs(40);

/// How long the end may take to come to rest. Only failing runs wait so long.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

fn bounds() -> Bounds {
    Bounds {
        // A lease, a whole lease of steady beats before anybody is judged, some sweeps; and a machine that is busy.
        unattended: Duration::from_secs(12),
        unattended_ever: Duration::from_secs(120),
        recovery: RECOVERS_WITHIN,
        // Debug builds, half of which is code and symbols.
        memory_kib: 400 * 1024,
        late_effect: Duration::from_secs(45),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/chaos")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_breaks_no_promise_is_broken() {
    let schedule = Schedule::of_the_environment();
    say(&format!("{schedule:?}"));
    let logs = folder().join("logs");
    let _none_yet = std::fs::remove_dir_all(&logs);
    let mut platform = Platform::start(&schedule, &logs).await;
    let (history, duration) = attack(&mut platform, &schedule).await;
    let violations = check(&history, &bounds());
    let table = report::table(&history, &violations, &schedule, duration);
    std::fs::write(folder().join("table.md"), &table).unwrap();
    say(&table);
    let listed: Vec<String> = violations.iter().map(ToString::to_string).collect();
    std::fs::write(folder().join("violations.txt"), listed.join("\n")).unwrap();
    platform.stop().await;
    assert!(
        violations.is_empty(),
        "{} violations; the first: {:#?}",
        listed.len(),
        &listed[..listed.len().min(20)]
    );
}

/// To whoever watches the run.
fn say(what: &str) {
    let _nobody_watches = writeln!(stderr(), "{what}");
}

async fn attack(platform: &mut Platform, schedule: &Schedule) -> (History, Duration) {
    let mut onlookers = JoinSet::new();
    onlookers.spawn(look_on(
        platform.stage.databases.shared_url("postgres"),
        platform.seen.clone(),
        platform.recorder.clone(),
    ));
    let mut crowd = Crowd::gather(platform, schedule.seed).await;
    let began = platform.recorder.now();
    // Load alone, so that there is something to lose.
    sleep(Duration::from_secs(5)).await;
    let mut suffered = suffer_all(platform, schedule).await;
    let duration = platform.recorder.now() - began;

    crowd.until_citizens_rest().await;
    until_settled(platform, &suffered.poisons).await;
    let last_position = platform.stage.tap.whole_to();
    crowd.until_all_is_seen(last_position).await;
    if let Some(before) = suffered.faults.last_mut() {
        before.until = platform.recorder.now();
    }
    onlookers.shutdown().await;
    platform.bury_all();
    (collect(platform, suffered).await, duration)
}

/// What was done to the platform.
#[derive(Default)]
struct Suffered {
    faults: Vec<Fault>,
    poisons: Vec<String>,
    /// Ends of the audit logs' chains, as they were after each fault.
    anchors: Vec<AuditAnchor>,
}

/// One fault after the other, each when the one before is over.
async fn suffer_all(platform: &mut Platform, schedule: &Schedule) -> Suffered {
    let mut suffered = Suffered::default();
    let mut random = StdRng::seed_from_u64(schedule.seed);
    let began = platform.recorder.now();
    for kind in schedule.faults() {
        if schedule.is_over(suffered.faults.len(), platform.recorder.now() - began) {
            break;
        }
        say(&format!("{:?} {}", platform.recorder.now(), kind.name()));
        let fault = platform.suffer(kind, &mut random, &mut suffered.poisons).await;
        if let Some(before) = suffered.faults.last_mut() {
            before.until = fault.began;
        }
        until_recovered(platform, &fault).await;
        suffered.anchors.extend(auditing::anchors(&platform.stage).await);
        suffered.faults.push(fault);
        platform.mend().await;
        sleep(schedule.peace(&mut random)).await;
    }
    suffered
}

/// Waits until everything works again, or has had its time. The checker judges; this only keeps the next fault away.
async fn until_recovered(platform: &Platform, fault: &Fault) {
    let sql = platform.stage.sql().await;
    let claimed = "SELECT DISTINCT new_owner FROM chaos.writes
                   WHERE process = $1 AND new_owner IS DISTINCT FROM old_owner AND new_owner IS NOT NULL";
    let killed = fault.killed.clone().unwrap_or_default();
    let owners: BTreeSet<String> =
        sql.query(claimed, &[&killed]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let limit = Instant::now() + RECOVERS_WITHIN;
    let healed = platform.recorder.instant(fault.healed);
    loop {
        let latest = platform.recorder.latest(fault.hits_one);
        let works = latest.change >= fault.healed
            && latest.frame >= fault.healed
            && platform.stage.tap.has_heard_since(healed)
            && platform.seen.was_free_of(&owners, fault.healed);
        if works || Instant::now() > limit {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until nothing is on its way any more. What is not there in time is for the checker.
async fn until_settled(platform: &Platform, poisons: &[String]) {
    let sql = platform.stage.sql().await;
    let unsettled = "SELECT
            (SELECT count(*) FROM instances i
                WHERE instance_needs_work(i.desired_state, i.status)
                    OR (i.status = 'running' AND NOT EXISTS (
                        SELECT FROM replicas r WHERE r.id = i.owner_replica AND NOT replica_is_stale(r.beat_at, r.lease_ms))))
            + (SELECT count(*) FROM event_outbox WHERE position IS NULL),
            (SELECT last_position FROM publisher_state), (SELECT count(*) FROM dead_letters)";
    let limit = Instant::now() + SETTLES_WITHIN;
    while Instant::now() < limit {
        let row = sql.query_one(unsettled, &[]).await.unwrap();
        let (count, position, letters): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        let are_kept = usize::try_from(letters).unwrap() >= poisons.len();
        if count == 0 && are_kept && platform.stage.tap.whole_to() >= position {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn collect(platform: &mut Platform, suffered: Suffered) -> History {
    let Suffered { faults, poisons, anchors } = suffered;
    let chains = auditing::chains(&platform.stage, &anchors, SETTLES_WITHIN).await;
    let sql = platform.stage.sql().await;
    let user_sql = platform.stage.databases.plain_user("postgres").await;
    let (calls, sessions) = platform.recorder.take();
    let told = platform.stage.tap.heard().into_iter().map(|heard| Told {
        at: platform.recorder.moment(heard.at),
        position: heard.position,
        event: heard.body["event_id"].as_str().unwrap_or_default().to_owned(),
        instance: heard.body["instance_id"].as_str().map(str::to_owned),
        revision: heard.body["revision"].as_i64(),
        digest: digest(&heard.body),
    });
    let looks = std::mem::take(&mut *platform.seen.looks.lock().unwrap());
    let memory = platform.seen.memory.lock().unwrap().clone();
    History {
        calls,
        sessions,
        told: told.collect(),
        log: probe::log(&sql, &platform.recorder).await,
        writes: probe::writes(&sql).await,
        rows: probe::rows(&sql).await,
        audited: auditing::audited(&sql).await,
        audited_accounts: auditing::audited_accounts(&user_sql).await,
        chains,
        looks,
        faults,
        poisons,
        dead_letters: probe::dead_letters(&sql).await,
        cuts: probe::cuts(&sql, &platform.recorder).await,
        memory,
        deaths: std::mem::take(&mut platform.deaths),
    }
}
