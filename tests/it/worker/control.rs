//! Orders between replicas: wishes reach whoever owns the instance, also when the order does not.

use std::time::Duration;

use botberi::actors::broker::topology;
use botberi::models::ReplicaId;
use lapin::options::ExchangeDeleteOptions;
use lapin::{Connection, ConnectionProperties};
use serde_json::{Value, json};

use crate::support::client::{Caller, id_of};
use crate::support::replica::{ADMIN_PASSWORD, Replica};
use crate::support::stage::Stage;
use crate::support::wait::eventually;

/// No sweep comes to anybody's help within a test.
const NO_SWEEP: (&str, i64) = ("worker.sweep_ms", 600_000);

fn own(settings: &[(&'static str, i64)]) -> Vec<(&'static str, toml::Value)> {
    settings.iter().map(|(key, value)| (*key, (*value).into())).collect()
}

struct Two {
    ada: Caller,
    admin: Caller,
    ids: Vec<String>,
    first: Replica,
    second: Replica,
    stage: Stage,
}

impl Two {
    /// Two replicas that share so many running instances, as the queue has dealt them.
    async fn with(settings: &[(&'static str, i64)], cables: bool, count: usize) -> Self {
        let stage = Stage::set().await;
        let settings = own(settings);
        let first = Replica::start(&stage, false, &settings).await;
        let second = Replica::start(&stage, cables, &settings).await;
        let ada = Caller::stranger(&first.user_api).sign_up("ada").await;
        let admin = Caller::stranger(&first.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
        let agent = ada.an_agent().await;
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(id_of(&ada.create(agent).await));
        }
        stage.until_all(&ids, "running").await;
        Self { ada, admin, ids, first, second, stage }
    }

    async fn owner_of(&self, id: &str) -> Option<ReplicaId> {
        let sql = self.stage.sql().await;
        sql.query_one("SELECT owner_replica FROM instances WHERE id::text = $1", &[&id]).await.unwrap().get(0)
    }

    /// How many of the instances run with a change that their owner has not read.
    async fn unobserved(&self) -> i64 {
        let query =
            "SELECT count(*) FROM instances WHERE status = 'running' AND revision > observed_revision";
        self.stage.sql().await.query_one(query, &[]).await.unwrap().get(0)
    }

    async fn until_observed(&self) {
        eventually("every owner has read its rows", async || (self.unobserved().await == 0).then_some(()))
            .await;
    }

    async fn end(self) {
        self.stage.until_told().await;
        self.first.stop();
        self.second.stop();
    }
}

/// What cannot run.
fn broken() -> Value {
    json!({"pipeline_config": {"top_k": 0}})
}

#[tokio::test]
async fn every_wish_reaches_its_owner_whichever_replica_hears_of_it() {
    let two = Two::with(&[NO_SWEEP], false, 40).await;
    let path = |id: &String| format!("/api/v1/instances/{id}");
    let (titled, rest) = two.ids.split_at(10);
    let (patched, rest) = rest.split_at(10);
    let (stopped, deleted) = rest.split_at(10);
    for id in titled {
        two.ada.patch(&path(id), json!({"title": "Another"})).await.expect(200);
    }
    for id in patched {
        two.ada.patch(&path(id), broken()).await.expect(200);
    }
    for id in stopped {
        two.ada.post(&format!("{}/stop", path(id)), Value::Null).await.expect(202);
    }
    for id in deleted {
        two.ada.delete(&path(id)).await.expect(204);
    }
    two.stage.until_all(patched, "failed").await;
    two.stage.until_all(stopped, "stopped").await;
    for id in deleted {
        two.stage.until_purged(id).await;
    }
    two.until_observed().await;
    two.stage.until_all(titled, "running").await;
    two.end().await;
}

#[tokio::test]
async fn what_no_order_could_bring_is_found_by_the_owners_sweep() {
    let two = Two::with(&[], false, 30).await;
    // The exchange goes, and with it every binding: from now on orders reach nobody.
    let bus = Connection::connect(&two.stage.bus.url(), ConnectionProperties::default()).await.unwrap();
    let channel = bus.create_channel().await.unwrap();
    channel.exchange_delete(topology::AGENTS.into(), ExchangeDeleteOptions::default()).await.unwrap();
    let (patched, stopped) = two.ids.split_at(15);
    for id in patched {
        two.ada.patch(&format!("/api/v1/instances/{id}"), broken()).await.expect(200);
    }
    for id in stopped {
        two.ada.post(&format!("/api/v1/instances/{id}/stop"), Value::Null).await.expect(202);
    }
    two.stage.until_all(patched, "failed").await;
    two.stage.until_all(stopped, "stopped").await;
    two.end().await;
}

#[tokio::test]
async fn an_administrator_is_told_what_the_actor_of_another_replica_does() {
    let two = Two::with(&[], true, 20).await;
    let path = |id: &String| format!("/api/v1/instances/{id}/explain");
    let mut owners = std::collections::BTreeSet::new();
    for id in &two.ids {
        let told = two.admin.get(&path(id)).await.expect(200);
        let actor = &told["actor"];
        assert_eq!(actor["path"], format!("/worker/instance_directory/instances/{id}"), "{told}");
        assert_eq!((&actor["phase"], &actor["step"]), (&"up".into(), &"resting".into()), "{told}");
        assert_eq!(actor["owner_epoch"], told["owner_epoch"]);
        assert_eq!((&told["epoch_state"], &told["actor_unknown"]), (&"held".into(), &Value::Null));
        assert_eq!(told["replica"]["is_alive"], true);
        owners.insert(told["owner"].as_str().unwrap().to_owned());
    }
    assert_eq!(owners.len(), 2, "both have their share");

    // Without RabbitMQ the database still answers.
    let other = Caller::stranger(&two.second.admin_api).sign_in("admin", ADMIN_PASSWORD).await;
    two.second.cables.as_ref().unwrap().rabbitmq.set(crate::support::proxy::Cable::Cut);
    two.second.until_impaired("/runtime/courier").await;
    let told = other.get(&path(&two.ids[0])).await.expect(200);
    assert_eq!(told["actor"], Value::Null);
    assert!(told["actor_unknown"].as_str().unwrap().contains("RabbitMQ"), "{told}");
    assert_eq!(told["status"], "running");
    two.second.cables.as_ref().unwrap().mend();
    two.second.until_well().await;
    two.end().await;
}

#[tokio::test]
async fn what_is_requeued_leaves_its_owner_and_runs_on_with_another() {
    let two = Two::with(&[NO_SWEEP], false, 6).await;
    let sql = two.stage.sql().await;
    let told = two.stage.until_told().await;
    for id in &two.ids {
        let before = two.owner_of(id).await;
        let answer =
            two.admin.post(&format!("/api/v1/instances/{id}/requeue"), Value::Null).await.expect(202);
        assert_eq!((&answer["status"], &answer["owner_replica"]), (&"running".into(), &Value::Null));
        eventually("another has it", async || {
            let now = two.owner_of(id).await;
            (now.is_some() && now != before).then_some(())
        })
        .await;
    }
    // Its user saw nothing of it, and whoever had it keeps nothing of it.
    assert_eq!(two.stage.until_told().await, told);
    eventually("one supervisor each", async || {
        let population = |replica: &Replica| replica.part("/worker/instance_directory/instances").population;
        (population(&two.first).unwrap() + population(&two.second).unwrap() == two.ids.len()).then_some(())
    })
    .await;

    // What failed begins anew.
    let id = &two.ids[0];
    two.ada.patch(&format!("/api/v1/instances/{id}"), broken()).await.expect(200);
    two.stage.until_all(std::slice::from_ref(id), "failed").await;
    sql.execute("UPDATE instances SET pipeline_config = '{}' WHERE id::text = $1", &[id]).await.unwrap();
    let answer = two.admin.post(&format!("/api/v1/instances/{id}/requeue"), Value::Null).await.expect(202);
    assert_eq!((&answer["status"], &answer["status_reason"]), (&"pending".into(), &Value::Null));
    two.stage.until_all(std::slice::from_ref(id), "running").await;

    // What is stopped and wanted so, or deleted, or not there, is not requeued.
    two.ada.post(&format!("/api/v1/instances/{id}/stop"), Value::Null).await.expect(202);
    two.stage.until_all(std::slice::from_ref(id), "stopped").await;
    let refused = two.admin.post(&format!("/api/v1/instances/{id}/requeue"), Value::Null).await;
    assert_eq!(refused.problem(409), "nothing_to_requeue");
    let nobody = ReplicaId::new();
    let missing = two.admin.post(&format!("/api/v1/instances/{nobody}/requeue"), Value::Null).await;
    assert_eq!(missing.problem(404), "instance_not_found");
    two.end().await;
}

#[tokio::test]
async fn what_is_stuck_with_a_replica_that_does_not_answer_is_requeued_all_the_same() {
    let two = Two::with(&[], false, 1).await;
    let sql = two.stage.sql().await;
    let id = &two.ids[0];
    // A replica that beats and does nothing.
    let stuck = ReplicaId::new().as_uuid();
    let enter = "INSERT INTO replicas (id, roles, lease_ms) VALUES ($1, '{worker}', 600000)";
    sql.execute(enter, &[&stuck]).await.unwrap();
    let held = "UPDATE instances SET owner_replica = $1, owner_epoch = owner_epoch + 1, attempts = 7,
                status = 'provisioning', deadline_at = now() + interval '1 hour' WHERE id::text = $2";
    sql.execute(held, &[&stuck, id]).await.unwrap();
    let explained = two.admin.get(&format!("/api/v1/instances/{id}/explain")).await.expect(200);
    assert_eq!(explained["owner"], stuck.to_string());
    assert_eq!(explained["actor_unknown"], "that replica does not listen for orders");

    let path = format!("/api/v1/instances/{id}/requeue");
    let answer = two.admin.post(&path, Value::Null).await.expect(202);
    assert_eq!((&answer["status"], &answer["attempts"]), (&"provisioning".into(), &0.into()));
    two.stage.until_all(&two.ids, "running").await;
    assert_ne!(two.owner_of(id).await.map(ReplicaId::as_uuid), Some(stuck));
    two.end().await;
}

#[tokio::test]
async fn an_orderly_stop_hands_over_at_once_and_its_users_see_nothing() {
    let two = Two::with(&[NO_SWEEP], false, 30).await;
    let told = two.stage.until_told().await;
    let Two { ids, first, second, stage, .. } = two;
    let began = std::time::Instant::now();
    second.stop();
    let sql = stage.sql().await;
    let owners = "SELECT count(DISTINCT owner_replica) FROM instances
                  WHERE id::text = ANY ($1) AND status = 'running' AND owner_replica IN (SELECT id FROM replicas)";
    let all = "SELECT count(*) FROM instances WHERE owner_replica IS NULL";
    eventually("the other has them all", async || {
        let unowned: i64 = sql.query_one(all, &[]).await.unwrap().get(0);
        let owners: i64 = sql.query_one(owners, &[&ids]).await.unwrap().get(0);
        (unowned == 0 && owners == 1).then_some(())
    })
    .await;
    // The survivor sweeps only when it is called.
    assert!(began.elapsed() < Duration::from_secs(60));
    stage.until_all(&ids, "running").await;
    assert_eq!(stage.until_told().await, told);
    first.stop();
}
