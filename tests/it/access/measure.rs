//! What identity costs. Run by hand, on a quiet machine: `docs/performance.md` says how.
#![expect(clippy::print_stderr, reason = "measurements are for reading")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::client::{Caller, PASSWORD, id_of};
use crate::support::replica::{ADMIN_PASSWORD, RATE_LIMITS, Replica};
use crate::support::stage::Stage;

const LASTS: Duration = Duration::from_secs(8);

fn summary(took: &mut [Duration]) -> String {
    took.sort();
    let at = |part: usize| took.get(took.len() * part / 100).or(took.last()).copied().unwrap_or_default();
    format!(
        "{} times, p50 {:.1?}, p95 {:.1?}, p99 {:.1?}, the last {:.1?}",
        took.len(),
        at(50),
        at(95),
        at(99),
        at(100)
    )
}

/// Asks one after another for so long.
async fn ask(caller: Caller, method: reqwest::Method, path: &'static str, body: Value) -> Vec<Duration> {
    let (until, mut took) = (Instant::now() + LASTS, Vec::new());
    while Instant::now() < until {
        let request = caller.request(method.clone(), path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let began = Instant::now();
        let answer = crate::support::client::answer(request).await;
        assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.body);
        took.push(began.elapsed());
    }
    took
}

/// Four who read the catalog, four who list their instances, two who make some.
async fn others(ada: &Caller, agent: i64) -> Vec<(&'static str, Vec<Duration>)> {
    let mut asking = JoinSet::new();
    for (name, method, path, body, callers) in [
        ("GET /agents", "GET", "/api/v1/agents", Value::Null, 4),
        ("GET /instances", "GET", "/api/v1/instances?limit=5", Value::Null, 4),
        ("POST /instances", "POST", "/api/v1/instances", json!({"agent_id": agent, "title": "Mine"}), 2),
    ] {
        for _ in 0..callers {
            let asked = ask(ada.clone(), method.parse().unwrap(), path, body.clone());
            asking.spawn(async move { (name, asked.await) });
        }
    }
    asking.join_all().await
}

fn tell(when: &str, took: Vec<(&'static str, Vec<Duration>)>) {
    for name in ["GET /agents", "GET /instances", "POST /instances"] {
        let mut all: Vec<Duration> =
            took.iter().filter(|(known, _)| *known == name).flat_map(|(_, took)| took.clone()).collect();
        eprintln!("{when}: {name}: {}", summary(&mut all));
    }
}

async fn start(stage: &Stage, own: &[(&str, toml::Value)]) -> Replica {
    let mut settings = own.to_vec();
    settings.extend(RATE_LIMITS.map(|limit| (limit, 1_000_000.into())));
    settings.push(("quotas.instances_max", 1_000_000.into()));
    settings.push(("auth.sessions_per_user_max", 100_000.into()));
    Replica::start(stage, false, &settings).await
}

#[actix::test]
#[ignore = "a measurement"]
async fn fifty_parallel_logins_and_everybody_else() {
    let stage = Stage::set().await;
    // As in production: 19 MiB and two passes.
    let costs =
        [("auth.password_hash.memory_kib", 19_456.into()), ("auth.password_hash.iterations", 2.into())];
    let replica = start(&stage, &costs).await;
    let ada = Caller::stranger(&replica.user_api).sign_up("ada").await;
    let agent = ada.an_agent().await;
    tell("alone", others(&ada, agent).await);

    let mut logins = JoinSet::new();
    let until = Instant::now() + LASTS + Duration::from_secs(2);
    for _ in 0..50 {
        let nobody = Caller::stranger(&replica.user_api);
        logins.spawn(async move {
            let (mut took, mut refused) = (Vec::new(), 0);
            while Instant::now() < until {
                let began = Instant::now();
                let credentials = json!({"username": "ada", "password": PASSWORD});
                let answer = nobody.post("/api/v1/auth/login", credentials).await;
                match answer.status {
                    200 => took.push(began.elapsed()),
                    503 => refused += 1,
                    other => panic!("{other}: {}", answer.body),
                }
            }
            (took, refused)
        });
    }
    tell("with 50 logins", others(&ada, agent).await);
    let (mut took, mut refused) = (Vec::new(), 0);
    for (some, no) in logins.join_all().await {
        took.extend(some);
        refused += no;
    }
    eprintln!("logins: {}, {refused} refused", summary(&mut took));
}

#[actix::test]
#[ignore = "a measurement"]
async fn from_a_revocation_to_the_closed_socket_on_another_replica() {
    let stage = Stage::set().await;
    let one = start(&stage, &[]).await;
    let other = start(&stage, &[]).await;
    let root = Caller::stranger(&one.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
    for kind in ["log-out", "disabled", "role", "key revoked"] {
        let mut took = Vec::new();
        for number in 0..50 {
            let name = format!("{}-{number}", kind.replace(' ', "-"));
            let ada = Caller::stranger(&one.user_api).sign_up(&name).await;
            let user = format!("/api/v1/users/{}", ada.user_id().await);
            let wish = json!({"name": "mine", "permissions": ["event:read"]});
            let key = ada.post("/api/v1/api-keys", wish).await.expect(201);
            let by = match kind {
                "key revoked" => ada.with_token(key["key"].as_str().unwrap()),
                _ => ada.clone(),
            };
            let mut socket = by.at(&other.user_api).socket(None).await;
            let began = Instant::now();
            match kind {
                "log-out" => ada.post("/api/v1/auth/logout", Value::Null).await.expect(204),
                "disabled" => root.patch(&user, json!({"disabled": true})).await.expect(200),
                "role" => root.patch(&user, json!({"role": "viewer"})).await.expect(200),
                _ => ada.delete(&format!("/api/v1/api-keys/{}", id_of(&key))).await.expect(204),
            };
            assert_eq!(socket.closed().await, 4401);
            took.push(began.elapsed());
        }
        eprintln!("{kind}: {}", summary(&mut took));
    }
}
