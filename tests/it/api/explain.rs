//! Why an instance is not, or not yet, what its user wants; and what administrators see and do.

use botberi::models::store::{instance_work, replicas};
use botberi::models::{InstanceId, ReplicaId};
use serde_json::{Value, json};

use super::service::{Caller, Service};

async fn world() -> (Service, Caller, Caller, i64) {
    let service = Service::start().await;
    let (ada, admin) = (service.sign_up("ada").await, service.admin().await);
    let agent = service.published_agent(&admin, "echo_001").await;
    (service, ada, admin, agent)
}

async fn create(caller: &Caller, agent: i64) -> String {
    let wish = json!({"agent_id": agent, "title": "Mine"});
    caller.post("/api/v1/instances", &wish).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn explain(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/api/v1/instances/{id}/explain")).await.expect(200)
}

#[actix::test]
async fn an_instance_is_explained_from_the_queue_to_its_owner_and_its_end() {
    let (service, ada, admin, agent) = world().await;
    let (first, second) = (create(&ada, agent).await, create(&ada, agent).await);
    let waiting = explain(&ada, &second).await;
    let expected = json!({
        "status": "pending", "desired_state": "running", "reason": "waiting to be started: there is no worker",
        "owner": null, "last_heartbeat_at": null, "queue_position": 2, "attempts": 0, "last_error": null,
        "next_deadline_at": null,
    });
    assert_eq!(waiting, expected);

    let (db, sql) = (service.databases.shared().await, service.databases.plain("postgres").await);
    let replica = ReplicaId::new();
    replicas::register(&db, replica, &["worker".to_owned()], 600_000).await.unwrap();
    assert_eq!(explain(&ada, &second).await["reason"], "waiting to be started: 1 are before it in the queue");
    let id: InstanceId = first.parse().unwrap();
    let taken = instance_work::take_batch(&db, replica, &[id], 60_000).await.unwrap();
    assert_eq!(taken.len(), 1);
    let owned = explain(&ada, &first).await;
    assert_eq!(owned["reason"], format!("being started by replica {replica}"));
    assert_eq!((&owned["owner"], &owned["queue_position"]), (&json!(replica), &Value::Null));
    assert!(owned["last_heartbeat_at"].is_string() && owned["next_deadline_at"].is_string(), "{owned}");
    assert_eq!(explain(&ada, &second).await["queue_position"], 1);

    let to_admin = explain(&admin, &first).await;
    // The row names a replica that does not run, so nobody says what its actor does.
    assert!(to_admin["actor"].is_null() && to_admin["actor_unknown"].is_string(), "{to_admin}");
    assert_eq!(
        (&to_admin["replica"]["id"], &to_admin["replica"]["is_alive"]),
        (&json!(replica), &true.into())
    );

    sql.batch_execute("UPDATE replicas SET beat_at = beat_at - interval '1 hour'").await.unwrap();
    let reason = explain(&ada, &first).await["reason"].clone();
    assert!(reason.as_str().unwrap().contains("has not renewed its lease for 36"), "{reason}");
    sql.batch_execute("UPDATE instances SET status = 'failed', status_reason = 'no greeting'").await.unwrap();
    let failed = explain(&ada, &first).await;
    assert_eq!(
        (&failed["reason"], &failed["last_error"]),
        (&"failed: no greeting; start it again".into(), &"no greeting".into())
    );

    let eve = service.sign_up("eve").await;
    eve.get(&format!("/api/v1/instances/{first}/explain")).await.problem(404, "instance_not_found");
    service.stop().await;
}

#[actix::test]
async fn administrators_see_and_steer_everybodys_instances() {
    let (service, ada, admin, agent) = world().await;
    let eve = service.sign_up("eve").await;
    let (hers, other) = (create(&ada, agent).await, create(&eve, agent).await);
    let ids = async |query: &str| {
        let page = admin.get(&format!("/api/v1/instances{query}")).await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [other.as_str(), &hers]);
    let user = ada.get("/api/v1/users/me").await.expect(200)["id"].as_str().unwrap().to_owned();
    assert_eq!(ids(&format!("?user_id={user}&status=pending&agent_id={agent}")).await, [hers.as_str()]);
    assert_eq!(ids("?status=running").await, [""; 0]);
    let first = admin.get("/api/v1/instances?limit=1").await.expect(200);
    assert_eq!(ids(&format!("?cursor={}", first["next_cursor"].as_str().unwrap())).await, [hers.as_str()]);

    let path = format!("/api/v1/instances/{hers}");
    let stopped = admin.post(&format!("{path}/stop"), &Value::Null).await.expect(202);
    assert_eq!((&stopped["desired_state"], &stopped["user_id"]), (&"stopped".into(), &user.as_str().into()));
    let started = admin.post(&format!("{path}/start"), &Value::Null).await.expect(202);
    assert_eq!(started["desired_state"], "running");
    assert_eq!(admin.get(&path).await.expect(200), started);

    // What its user has deleted is shown until it is torn down, and cannot be steered any more.
    ada.delete(&path).await.expect(204);
    assert!(admin.get(&path).await.expect(200)["deleted_at"].is_string());
    assert_eq!(explain(&admin, &hers).await["desired_state"], "deleted");
    admin.post(&format!("{path}/start"), &Value::Null).await.problem(404, "instance_not_found");
    assert_eq!(ids("").await, [other.as_str()]);

    ada.at(service.admin).get("/api/v1/instances").await.problem(403, "forbidden");
    service.stop().await;
}

#[actix::test]
async fn whoever_is_far_back_in_the_queue_is_told_so_and_those_that_are_seen_to_do_not_count() {
    let (service, ada, _admin, agent) = world().await;
    let (db, sql) = (service.databases.shared().await, service.databases.plain("postgres").await);
    let replica = ReplicaId::new();
    replicas::register(&db, replica, &["worker".to_owned()], 600_000).await.unwrap();
    let many = "INSERT INTO instances (bot_id, user_id, title, owner_replica)
                SELECT $1, gen_random_uuid(), 'x', CASE WHEN number > 10000 THEN $2::uuid END
                FROM generate_series(1, 10050) AS number";
    sql.execute(many, &[&i32::try_from(agent).unwrap(), &replica]).await.unwrap();
    let last = create(&ada, agent).await;
    let far = explain(&ada, &last).await;
    assert_eq!(far["queue_position"], Value::Null);
    let reason = "waiting to be started: more than 10000 are before it in the queue";
    assert_eq!(far["reason"], reason);

    let fewer = "DELETE FROM instances WHERE id IN (
                     SELECT id FROM instances WHERE title = 'x' AND owner_replica IS NULL LIMIT 5)";
    sql.batch_execute(fewer).await.unwrap();
    assert_eq!(explain(&ada, &last).await["queue_position"], 9_996);
    service.stop().await;
}
