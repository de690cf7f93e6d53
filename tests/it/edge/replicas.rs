//! Three replicas behind the edge: killed, asked to end, and started under load.
#![expect(clippy::print_stderr, reason = "what was measured is for reading")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use toml::Value;

use crate::support::client::{Caller, id_of, try_answer};
use crate::support::edge::{Edge, Upstreams};
use crate::support::follower::Follower;
use crate::support::program::Program;
use crate::support::replica::ADMIN_PASSWORD;
use crate::support::stage::Stage;
use crate::support::wait::within;

const WRITERS: usize = 4;

/// Users who come by way of the edge, and what became of their requests.
struct Traffic {
    over: Arc<AtomicBool>,
    acknowledged: watch::Receiver<Vec<String>>,
    failures: Arc<Mutex<Vec<String>>>,
    users: JoinSet<()>,
}

impl Traffic {
    fn of(caller: &Caller, agent: i64) -> Self {
        let (tell, acknowledged) = watch::channel(Vec::new());
        let (over, failures) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (tell, mut users) = (Arc::new(tell), JoinSet::new());
        for _ in 0..WRITERS {
            let (caller, over, failures, tell) =
                (caller.clone(), over.clone(), failures.clone(), tell.clone());
            users.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let body = json!({"agent_id": agent, "title": "One of many"});
                    let request = caller.request(Method::POST, "/api/v1/instances").json(&body);
                    match try_answer(request).await {
                        Ok(made) if made.status == 201 => tell.send_modify(|ids| ids.push(id_of(&made.body))),
                        Ok(other) => failures.lock().unwrap().push(format!("POST {}", other.problem(503))),
                        Err(_cut) => failures.lock().unwrap().push("POST cut".to_owned()),
                    }
                }
            });
        }
        let (caller, told, notes) = (caller.clone(), over.clone(), failures.clone());
        users.spawn(async move {
            while !told.load(Ordering::Relaxed) {
                match try_answer(caller.request(Method::GET, "/api/v1/instances?limit=1")).await {
                    Ok(read) if read.status == 200 => {}
                    Ok(other) => notes.lock().unwrap().push(format!("GET {}", other.problem(503))),
                    Err(_cut) => notes.lock().unwrap().push("GET cut".to_owned()),
                }
            }
        });
        Self { over, acknowledged, failures, users }
    }

    async fn until_more(&self, count: usize) {
        let mut acknowledged = self.acknowledged.clone();
        let wanted = acknowledged.borrow().len() + count;
        within("more creates", acknowledged.wait_for(|ids| ids.len() >= wanted)).await.unwrap();
    }

    /// What failed since the last time, by kind.
    fn failures(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for failure in std::mem::take(&mut *self.failures.lock().unwrap()) {
            *counts.entry(failure).or_default() += 1;
        }
        counts
    }

    async fn stop(mut self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(user) = within("a user comes back", self.users.join_next()).await {
            user.unwrap();
        }
        self.acknowledged.borrow().clone()
    }
}

async fn replica(stage: &Stage) -> Program {
    let own = [
        ("http.trusted_proxies", Value::from(vec!["127.0.0.1"])),
        ("websocket.heartbeat_seconds", 60.into()),
        // As in production: what is tested is not how fast a busy machine stops.
        ("service.shutdown_deadline_ms", 10_000.into()),
    ];
    Program::serve(stage, &own).await
}

fn upstreams(replicas: &[&Program]) -> Upstreams {
    let mut all = Upstreams::default();
    for replica in replicas {
        for (group, url) in [
            (&mut all.user, &replica.user_api),
            (&mut all.admin, &replica.admin_api),
            (&mut all.broker, &replica.broker_api),
        ] {
            group.push(url.trim_start_matches("http://").to_owned());
        }
    }
    all
}

#[tokio::test]
async fn replicas_are_killed_drained_and_started_behind_the_edge_and_nothing_acknowledged_is_lost() {
    let stage = Stage::set().await;
    let (killed, drained, stays) = tokio::join!(replica(&stage), replica(&stage), replica(&stage));
    let edge = Edge::before(&upstreams(&[&killed, &drained, &stays])).await;
    let ada = Caller::stranger(&edge.url).sign_up("ada").await;
    let me = ada.user_id().await;
    let admin = Caller::stranger(&format!("{}/admin", edge.url)).sign_in("admin", ADMIN_PASSWORD).await;
    admin.get("/api/v1/agents").await.expect(200);
    admin.at(&format!("{}/broker", edge.url)).get("/api/v1/outbox").await.expect(200);
    let mut followers = Vec::new();
    for _ in 0..6 {
        followers.push(Follower::of(&ada).await);
    }
    let traffic = Traffic::of(&ada, ada.an_agent().await);
    traffic.until_more(40).await;
    assert_eq!(traffic.failures(), BTreeMap::new());

    // What was under way there is lost to its client, and nothing else: whoever comes next is sent elsewhere.
    killed.kill();
    traffic.until_more(40).await;
    let by_kill = traffic.failures();
    assert!(by_kill.keys().all(|kind| kind == "POST outcome_unknown"), "{by_kill:?}");
    assert!(by_kill.values().sum::<usize>() <= WRITERS, "{by_kill:?}");

    let started = replica(&stage).await;
    edge.reload(&upstreams(&[&drained, &stays, &started])).await;
    traffic.until_more(40).await;
    // A worker that is replaced closes the connections that are idle; a request that is on its way to one meets the end of it.
    let by_reload = traffic.failures();
    assert!(by_reload.keys().all(|kind| kind.ends_with(" cut")), "{by_reload:?}");
    assert!(by_reload.values().sum::<usize>() <= WRITERS + 1, "{by_reload:?}");
    assert!(edge.access_log().contains(started.user_api.trim_start_matches("http://")), "it gets its share");

    drained.terminate();
    let status = spawn_blocking(move || drained.ended_within(Duration::from_secs(12))).await.unwrap();
    assert_eq!(status.code(), Some(0));
    traffic.until_more(40).await;
    let by_drain = traffic.failures();
    eprintln!("failed by a kill: {by_kill:?}; by a reload: {by_reload:?}; by a drain: {by_drain:?}");
    assert!(by_drain.keys().all(|kind| kind == "POST outcome_unknown"), "{by_drain:?}");
    assert!(by_drain.values().sum::<usize>() <= WRITERS, "{by_drain:?}");

    let ids = traffic.stop().await;
    stage.until_all(&ids, "running").await;
    stage.until_told().await;
    let sql = stage.sql().await;
    for follower in &mut followers {
        follower.assert_whole(&sql, &me).await;
    }
}
