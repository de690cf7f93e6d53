//! Replicas count together, and each by itself while they cannot.

use futures_util::future::join_all;
use toml::Value;

use crate::support::client::Caller;
use crate::support::proxy::Cable;
use crate::support::replica::Replica;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

const LIMIT: i64 = 400;

fn limited() -> [(&'static str, Value); 1] {
    [("rate_limits.read_max", Value::Integer(LIMIT))]
}

/// How many requests were admitted until the first refusal.
async fn flood(caller: &Caller) -> i64 {
    let mut admitted = 0;
    while caller.get("/api/v1/agents").await.status == 200 {
        admitted += 1;
    }
    admitted
}

async fn flood_all(callers: &[Caller]) -> i64 {
    join_all(callers.iter().flat_map(|caller| (0..4).map(|_| flood(caller)))).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_together_admit_little_more_than_the_limit() {
    let stage = Stage::set().await;
    let (one, other) =
        (Replica::start(&stage, false, &limited()).await, Replica::start(&stage, false, &limited()).await);
    let ada = Caller::stranger(&one.user_api).sign_up("ada").await;
    let id = ada.user_id().await;

    let admitted = 1 + flood_all(&[ada.clone(), ada.at(&other.user_api)]).await;
    let over = admitted - LIMIT;
    // What one replica admits while the other's news are on their way: a sixteenth of the limit, and an exchange.
    assert!((0..=LIMIT / 4).contains(&over), "{admitted} were admitted");

    let redis = redis::Client::open(stage.places().redis).unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    let key = format!("rate_limit:{id}:read");
    eventually("Redis has the whole count", async || {
        let total: Option<i64> = redis::cmd("GET").arg(&key).query_async(&mut redis.clone()).await.unwrap();
        (total == Some(admitted)).then_some(())
    })
    .await;
    let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut redis).await.unwrap();
    assert!((1..=60).contains(&left), "{left}");
    // Whoever was refused here is told the end of the common window.
    let refused = ada.at(&other.user_api).get("/api/v1/agents").await;
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((wait - left).abs() <= 1, "{wait} {left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_replica_limits_by_itself_and_makes_up_for_all_but_the_exchange_that_was_cut() {
    let stage = Stage::set().await;
    let replica = Replica::start(&stage, true, &limited()).await;
    let ada = Caller::stranger(&replica.user_api).sign_up("ada").await;
    let id = ada.user_id().await;
    let cables = replica.cables.as_ref().unwrap();
    cables.redis.set(Cable::Cut);
    assert_eq!(1 + flood_all(std::slice::from_ref(&ada)).await, LIMIT);
    cables.mend();

    let redis = redis::Client::open(stage.places().redis).unwrap();
    let redis = redis.get_multiplexed_async_connection().await.unwrap();
    let key = format!("rate_limit:{id}:read");
    eventually("Redis is told what it has missed", async || {
        let total: Option<i64> = redis::cmd("GET").arg(&key).query_async(&mut redis.clone()).await.unwrap();
        // All comes at once. What the cut has met on its way is never told twice.
        total.filter(|total| (LIMIT / 2..=LIMIT).contains(total)).map(|_total| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_heard_without_its_answer_being_heard_is_not_told_again() {
    let stage = Stage::set().await;
    let replica = Replica::start(&stage, true, &limited()).await;
    let ada = Caller::stranger(&replica.user_api).sign_up("ada").await;
    let id = ada.user_id().await;
    let cables = replica.cables.as_ref().unwrap();
    cables.redis.set(Cable::OneWay);
    assert_eq!(1 + flood_all(std::slice::from_ref(&ada)).await, LIMIT);
    cables.mend();

    let redis = redis::Client::open(stage.places().redis).unwrap();
    let redis = redis.get_multiplexed_async_connection().await.unwrap();
    let key = format!("rate_limit:{id}:read");
    let total = eventually("Redis has the whole count", async || {
        let total: Option<i64> = redis::cmd("GET").arg(&key).query_async(&mut redis.clone()).await.unwrap();
        total.filter(|total| *total >= LIMIT)
    })
    .await;
    assert_eq!(total, LIMIT);
}
