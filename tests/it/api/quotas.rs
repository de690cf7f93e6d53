//! What a user may have, from outside.

use botberi::actors::instances::QuotaSettings;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::service::{QUOTAS, Service};
use crate::support::app::TestApp;

#[actix::test]
async fn a_quota_is_used_up_shown_and_freed() {
    let service = Service::with_quotas(QuotaSettings { instances_max: 3, ..QUOTAS }).await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    let usage = async || ada.get("/api/v1/usage").await.expect(200)["quotas"][0].clone();
    let quota = |used: i64, remaining: i64| json!({"name": "instances", "limit": 3, "used": used, "remaining": remaining});
    assert_eq!(usage().await, quota(0, 3));

    let wish = json!({"agent_id": agent, "title": "Mine"});
    let answers = join_all((0..20).map(|_| ada.post("/api/v1/instances", &wish))).await;
    let (granted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((granted.len(), refused.len()), (3, 17));
    for answer in refused {
        let problem = answer.problem(403, "quota_exceeded");
        assert_eq!(problem["quota"], json!({"name": "instances", "limit": 3, "used": 3}));
    }
    assert_eq!(usage().await, quota(3, 0));

    let path = format!("/api/v1/instances/{}", granted[0].body["id"].as_str().unwrap());
    // What is stopped is kept, and counts.
    ada.post(&format!("{path}/stop"), &Value::Null).await.expect(202);
    ada.post("/api/v1/instances", &wish).await.problem(403, "quota_exceeded");
    ada.delete(&path).await.expect(204);
    assert_eq!(usage().await, quota(2, 1));
    ada.post("/api/v1/instances", &wish).await.expect(201);

    // Another's row says something else; nobody sees whose.
    let sql = service.databases.plain("postgres").await;
    sql.batch_execute("UPDATE usage SET instances_max = 2").await.unwrap();
    let quota = usage().await;
    assert_eq!((&quota["limit"], &quota["used"], &quota["remaining"]), (&2.into(), &3.into(), &0.into()));
    service.stop().await;
}

#[tokio::test]
async fn a_user_whose_count_somebody_holds_waits_for_it_alone() {
    let app = TestApp::with(&[("postgres.shared.lock_timeout_ms", 400.into())]).await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let agent = ada.an_agent().await;
    for caller in [&ada, &eve] {
        caller.create(agent).await;
    }
    let held = ada.get("/api/v1/users/me").await.expect(200)["id"].as_str().unwrap().to_owned();
    let sql = app.stage.sql().await;
    sql.batch_execute("BEGIN").await.unwrap();
    let lock = "SELECT FROM usage WHERE user_id::text = $1 FOR UPDATE";
    assert_eq!(sql.execute(lock, &[&held]).await.unwrap(), 1);

    // More than there are committers, so that both are in one batch.
    let wishes = (0..40).map(|number| {
        let caller = if number % 2 == 0 { &ada } else { &eve };
        caller.try_create(agent)
    });
    for (number, answer) in join_all(wishes).await.into_iter().enumerate() {
        if number % 2 == 0 {
            assert_eq!(answer.problem(503), "service_busy");
        } else {
            answer.expect(201);
        }
    }
    sql.batch_execute("ROLLBACK").await.unwrap();
    ada.create(agent).await;
}
