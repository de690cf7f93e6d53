//! Everything at once: users who change their minds, panics, broken connections and silent servers, in random order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::seq::IndexedRandom;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::app::TestApp;
use crate::support::client::{Caller, id_of, try_answer};
use crate::support::follower::Follower;
use crate::support::load::Load;
use crate::support::proxy::{Cable, FaultProxy};
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const FAULTS: usize = 15;

/// A silence that some deadlines outlast and others do not.
const SILENCE: Duration = Duration::from_millis(400);

/// Where an instance has to end: what its user was last told would happen. Several where an answer was lost.
type Wishes = BTreeMap<String, Vec<&'static str>>;

#[tokio::test]
async fn whatever_breaks_in_whatever_order_every_acknowledged_wish_comes_true() {
    let app = TestApp::on_cables(&[("supervision.max_restarts", 1_000.into())]).await;
    app.replica.expect_restarts("/");
    let ada = app.sign_up("ada").await;
    let agent = ada.an_agent().await;
    let me = ada.user_id().await;
    let mut follower = Follower::of(&ada).await;
    let load = Load::of(&ada, agent, 1);
    let over = Arc::new(AtomicBool::new(false));
    let mut fickle = JoinSet::new();
    for _ in 0..3 {
        fickle.spawn(change_minds(ada.clone(), agent, over.clone()));
    }

    for _ in 0..FAULTS {
        load.until_more(rand::random_range(1..10)).await;
        break_something(&app).await;
    }
    over.store(true, Ordering::Relaxed);
    let mut wishes = Wishes::new();
    while let Some(some) = fickle.join_next().await {
        wishes.extend(some.unwrap());
    }
    let ids = load.stop().await;

    app.replica.until_well().await;
    app.stage.until_all(&ids, "running").await;
    for (id, ends) in &wishes {
        until_ended(&app.stage, id, ends).await;
    }
    app.stage.until_told().await;
    follower.assert_whole(&app.stage.sql().await, &me).await;
}

async fn break_something(app: &TestApp) {
    let cables = app.replica.cables.as_ref().unwrap();
    let cable: &FaultProxy = match rand::random_range(0..4) {
        0 => &cables.user_postgres,
        1 => &cables.redis,
        2 => &cables.rabbitmq,
        _ => &cables.shared_postgres,
    };
    match rand::random_range(0..4) {
        0 => cable.drop_connections(),
        1 => {
            cable.set(Cable::Silent);
            tokio::time::sleep(SILENCE).await;
            cable.set(Cable::Sound);
        }
        2 => {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND usename = 'botberi' AND random() < 0.5";
            app.stage.sql().await.execute(end, &[]).await.unwrap();
        }
        _ => {
            let paths: Vec<String> = app.replica.tree.report().into_iter().map(|part| part.path).collect();
            // Whoever is just being built again needs no further accident.
            let _nobody_there = botberi::actors::system::inject_panic(
                &app.replica.tree,
                paths.choose(&mut rand::rng()).unwrap(),
            );
        }
    }
}

/// Makes instances and changes its mind about them.
async fn change_minds(caller: Caller, agent: i64, over: Arc<AtomicBool>) -> Wishes {
    let mut wishes = Wishes::new();
    while !over.load(Ordering::Relaxed) {
        let body = json!({"agent_id": agent, "title": "For now"});
        let created = try_answer(caller.request(Method::POST, "/api/v1/instances").json(&body)).await;
        let Some(created) = created.ok().filter(|answer| answer.status == 201) else { continue };
        let id = id_of(&created.body);
        let mut ends = vec!["running"];
        for _ in 0..rand::random_range(0..4) {
            let path = format!("/api/v1/instances/{id}");
            let (method, path, end) = match rand::random_range(0..5) {
                0 => (Method::DELETE, path, "deleted"),
                1 | 2 => (Method::POST, format!("{path}/stop"), "stopped"),
                _ => (Method::POST, format!("{path}/start"), "running"),
            };
            match try_answer(caller.request(method, &path)).await {
                Ok(answer) if answer.status < 300 => ends = vec![end],
                Ok(answer) if answer.status == 404 => {
                    assert!(ends.contains(&"deleted"), "{id}: {}", answer.body);
                    ends = vec!["deleted"];
                }
                // It may have happened.
                _ => ends.push(end),
            }
            if ends == ["deleted"] {
                break;
            }
        }
        wishes.insert(id, ends);
    }
    wishes
}

async fn until_ended(stage: &Stage, id: &str, ends: &[&str]) {
    let sql = stage.sql().await;
    let query = "SELECT status, desired_state FROM instances WHERE id::text = $1";
    eventually(&format!("{id} ends {ends:?}"), async || {
        let row = sql.query_opt(query, &[&id]).await.unwrap();
        let is_at = match row {
            None => "deleted".to_owned(),
            Some(row) if row.get::<_, String>(0) == row.get::<_, String>(1) => row.get(0),
            Some(_) => return None,
        };
        ends.contains(&is_at.as_str()).then_some(())
    })
    .await;
}
