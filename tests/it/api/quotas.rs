//! What a user may have, from outside.

use botberi::actors::instances::QuotaSettings;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::service::Service;

#[actix::test]
async fn a_quota_is_used_up_shown_and_freed() {
    let service = Service::with_quotas(QuotaSettings { instances_max: 3 }).await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    let usage = async || ada.get("/api/v1/usage").await.expect(200)["quotas"].clone();
    let quota = |used: i64, remaining: i64| json!([{"name": "instances", "limit": 3, "used": used, "remaining": remaining}]);
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
    let quotas = usage().await;
    assert_eq!(
        (&quotas[0]["limit"], &quotas[0]["used"], &quotas[0]["remaining"]),
        (&2.into(), &3.into(), &0.into())
    );
    service.stop().await;
}
