//! A session that was ended is over on every replica, whatever is away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::Caller;
use crate::support::proxy::Cable;
use crate::support::replica::{ADMIN_PASSWORD, Replica};
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const ME: &str = "/api/v1/users/me";
/// Answered from memory: what it says about a caller is all about the caller.
const AGENTS: &str = "/api/v1/agents";
const PASSWORD: &str = crate::support::client::PASSWORD;

/// How long after a log-out another replica may still take the token: it hears of it in milliseconds. Loose, for the sake of
/// busy machines; what is promised without a notification is two seconds.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// The same when the replica hears nothing: until it knows that it does.
const NOTICED_WITHIN: Duration = Duration::from_secs(4);

/// Two replicas, the second on cables, and somebody who is signed in.
async fn two_replicas() -> (Stage, Replica, Replica, Caller) {
    let stage = Stage::set().await;
    let one = Replica::start(&stage, true, &[]).await;
    let other = Replica::start(&stage, true, &[]).await;
    let ada = Caller::stranger(&one.user_api).sign_up("ada").await;
    ada.get(ME).await.expect(200);
    ada.at(&other.user_api).get(ME).await.expect(200);
    (stage, one, other, ada)
}

async fn logout(caller: &Caller) {
    caller.post("/api/v1/auth/logout", Value::Null).await.expect(204);
}

/// Waits until the token is refused because its session is over; nothing else than that or a good answer may come before.
async fn refused_within(limit: Duration, caller: &Caller) {
    let began = Instant::now();
    eventually("the token is refused", async || {
        let answer = caller.get(AGENTS).await;
        if answer.status == 200 {
            return None;
        }
        assert_eq!(answer.problem(401), "unauthenticated");
        assert!(answer.body["detail"].as_str().unwrap().contains("has been ended"), "{}", answer.body);
        Some(())
    })
    .await;
    assert!(began.elapsed() < limit, "it took {:?}", began.elapsed());
}

#[actix::test]
async fn a_log_out_holds_on_every_replica_with_and_without_redis() {
    let (_stage, one, other, ada) = two_replicas().await;
    let there = ada.at(&other.user_api);
    logout(&ada).await;
    refused_within(Duration::from_millis(500), &ada).await;
    refused_within(HEARD_WITHIN, &there).await;

    for replica in [&one, &other] {
        replica.cables.as_ref().unwrap().redis.set(Cable::Cut);
    }
    one.until_impaired("/accounts").await;
    let ada = Caller::stranger(&one.user_api).sign_in("ada", PASSWORD).await;
    let there = ada.at(&other.user_api);
    there.get(ME).await.expect(200);
    logout(&ada).await;
    refused_within(HEARD_WITHIN, &there).await;
}

#[actix::test]
async fn a_replica_that_does_not_hear_postgres_asks_redis_and_then_lets_nobody_in() {
    for cable in [Cable::Cut, Cable::Silent] {
        let (_stage, one, other, ada) = two_replicas().await;
        let there = ada.at(&other.user_api);
        let stays = Caller::stranger(&one.user_api).sign_in("ada", PASSWORD).await;
        let cables = other.cables.as_ref().unwrap();
        cables.user_postgres.set(cable);
        logout(&ada).await;
        refused_within(NOTICED_WITHIN, &there).await;
        other.until_impaired("/revocations").await;
        // The catalog needs no account, and Redis vouches for the session.
        stays.at(&other.user_api).get(AGENTS).await.expect(200);

        cables.redis.set(cable);
        let shut = eventually("nobody comes in", async || {
            let answer = stays.at(&other.user_api).get(AGENTS).await;
            (answer.status != 200).then_some(answer)
        })
        .await;
        assert_eq!(shut.problem(503), "dependency_unavailable");
        stays.get(ME).await.expect(200);
        assert_eq!(there.get(AGENTS).await.problem(503), "dependency_unavailable");

        cables.mend();
        other.until_well().await;
        stays.at(&other.user_api).get(ME).await.expect(200);
        refused_within(HEARD_WITHIN, &there).await;
    }
}

#[actix::test]
async fn open_sockets_of_an_ended_session_are_closed_on_every_replica_without_the_bus() {
    let (_stage, one, other, ada) = two_replicas().await;
    let stays = Caller::stranger(&one.user_api).sign_in("ada", PASSWORD).await;
    let mut here = ada.socket(None).await;
    let mut there = ada.at(&other.user_api).socket_by_ticket(&ada.ticket().await).await.unwrap();
    let mut not_mine = stays.at(&other.user_api).socket(None).await;
    for replica in [&one, &other] {
        replica.cables.as_ref().unwrap().rabbitmq.set(Cable::Cut);
    }
    let unused = ada.ticket().await;
    let began = Instant::now();
    logout(&ada).await;
    assert_eq!((here.closed().await, there.closed().await), (4401, 4401));
    assert!(began.elapsed() < HEARD_WITHIN + Duration::from_millis(500), "{:?}", began.elapsed());

    assert_eq!(ada.at(&other.user_api).socket_by_ticket(&unused).await.err(), Some(401));
    assert_eq!(ada.try_socket(None).await.err(), Some(401));
    not_mine.say(&json!({"type": "ping"})).await;
    not_mine.expect("pong").await;
}

#[actix::test]
async fn another_password_closes_the_sockets_of_the_other_sessions() {
    let (_stage, one, other, ada) = two_replicas().await;
    let elsewhere = Caller::stranger(&other.user_api).sign_in("ada", PASSWORD).await;
    let (mut kept, mut closed) = (ada.socket(None).await, elsewhere.socket(None).await);
    let change = json!({"current_password": PASSWORD, "new_password": "battery staple"});
    ada.post("/api/v1/users/me/password", change).await.expect(204);
    assert_eq!(closed.closed().await, 4401);
    refused_within(HEARD_WITHIN, &elsewhere).await;
    kept.say(&json!({"type": "ping"})).await;
    kept.expect("pong").await;
    drop(one);
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "what was measured is for reading")]
async fn whoever_is_disabled_at_one_replica_loses_the_sockets_at_another() {
    let (stage, one, other, ada) = two_replicas().await;
    let admin = Caller::stranger(&one.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
    let id = ada.user_id().await;
    let mut socket = ada.at(&other.user_api).socket(None).await;

    admin.patch(&format!("/api/v1/users/{id}"), json!({"disabled": true})).await.expect(200);
    let answered = Instant::now();
    assert_eq!(socket.try_event().await.unwrap_err(), 4401);
    eprintln!("the socket was closed {:?} after the answer", answered.elapsed());
    refused_within(HEARD_WITHIN, &ada.at(&other.user_api)).await;
    drop(stage);
}
