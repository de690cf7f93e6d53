//! A server says nothing any more, and everybody goes on asking.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::flood::flood;
use super::watch::Watch;
use super::{Scene, attack_time};
use crate::support::client::PASSWORD;
use crate::support::proxy::Cable;

/// Two seconds, and some for a machine that has a hundred callers to play as well. Half of what queueing to the end would take.
const IN_TIME: Duration = Duration::from_secs(5);

/// More than can hold a connection, and fewer than keep the machine itself busy.
const CALLERS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_while_shared_postgres_says_nothing_is_refused_in_time_and_bounded() {
    let scene = Scene::set(&[("postgres.shared.pool_size_max", 4.into())]).await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(scene.ada.socket(None).await);
    }
    let id = crate::support::client::id_of(&scene.ada.create(scene.agent).await);
    let watch = Watch::of(&scene.program);

    scene.cables.shared_postgres.set(Cable::Silent);
    // They want their history, which nobody can read.
    let mut openers = JoinSet::new();
    for _ in 0..30 {
        let ada = scene.ada.clone();
        openers.spawn(async move { ada.try_socket(Some(0)).await.map(drop) });
    }
    let (agent, text) = (scene.agent, "x".repeat(8_000));
    let answers = flood(&scene.ada, CALLERS, attack_time(), move |ada, number| match number % 4 {
        0 | 1 => {
            let wish = json!({"agent_id": agent, "title": "Mine", "user_config": {"text": text}});
            ada.request(Method::POST, "/api/v1/instances").json(&wish)
        }
        2 => ada.request(Method::GET, "/api/v1/instances?limit=100"),
        _ => ada.request(Method::GET, &format!("/api/v1/instances/{id}/explain")),
    })
    .await;
    scene.cables.mend();

    for opened in openers.join_all().await {
        assert!(matches!(opened, Ok(()) | Err(429 | 503)), "{opened:?}");
    }
    // Those who had a connection, and what shared the commits with them, wait for the silence to be taken for one. A caller that
    // waits so long each time is answered twice in all.
    answers.assert_in_time(&[200, 201, 429, 503], IN_TIME, CALLERS / 2);
    assert!(answers.count(503) > CALLERS, "nobody was refused: the attack was none");
    scene.until_well().await;
    scene.stage.until_told().await;
    watch.assert_grew_by_less_than(150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_sign_ins_while_user_postgres_says_nothing_is_refused_in_time_and_bounded() {
    let scene = Scene::set(&[("postgres.user.pool_size_max", 4.into())]).await;
    let watch = Watch::of(&scene.program);

    scene.cables.user_postgres.set(Cable::Silent);
    let answers = flood(&scene.ada, CALLERS, attack_time(), |ada, number| {
        let who = format!("somebody{number}");
        match number % 3 {
            0 => {
                let login = json!({"username": "ada", "password": PASSWORD});
                ada.request(Method::POST, "/api/v1/auth/login").json(&login)
            }
            1 => {
                let registration = json!({"username": who, "password": PASSWORD});
                ada.request(Method::POST, "/api/v1/auth/register").json(&registration)
            }
            _ => ada.request(Method::GET, "/api/v1/users/me"),
        }
    })
    .await;
    scene.cables.mend();

    answers.assert_in_time(&[200, 201, 429, 503], IN_TIME, 8);
    assert!(answers.count(503) > CALLERS, "nobody was refused: the attack was none");
    scene.until_well().await;
    watch.assert_grew_by_less_than(150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_rabbitmq_says_nothing_everything_is_written_bounded_and_published_later() {
    let scene = Scene::set(&[]).await;
    let watch = Watch::of(&scene.program);

    scene.cables.rabbitmq.set(Cable::Silent);
    let (agent, text) = (scene.agent, "x".repeat(50_000));
    let answers = flood(&scene.ada, 16, attack_time(), move |ada, _| {
        let wish = json!({"agent_id": agent, "title": "Mine", "user_config": {"text": text}});
        ada.request(Method::POST, "/api/v1/instances").json(&wish)
    })
    .await;
    answers.assert_in_time(&[201], IN_TIME, 0);
    assert!(answers.count(201) > 20, "{} were made", answers.count(201));
    scene.cables.mend();

    scene.stage.until_told().await;
    scene.until_well().await;
    watch.assert_grew_by_less_than(250);
}
