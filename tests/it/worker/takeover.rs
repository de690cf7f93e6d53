//! Who owns what when workers come and go.

use botberi::models::{InstanceStatus, ReplicaId};

use super::harness::{LEASE_MS, TestBus, TestUser, TestWorker, eventually, settings};
use crate::support::database::TestDatabases;

#[actix::test]
async fn what_nobody_heard_of_is_found_by_the_sweep() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let before = ada.create().await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let after = ada.create().await;
    ada.until(before, InstanceStatus::Running).await;
    ada.until(after, InstanceStatus::Running).await;
    assert_eq!(worker.supervised(), 2);
}

#[actix::test]
async fn a_wish_whose_hint_was_lost_is_found_by_the_sweep() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let _worker = TestWorker::start(&databases.shared, &settings()).await;
    let id = ada.create().await;
    ada.until(id, InstanceStatus::Running).await;
    ada.stop(id).await;
    ada.until(id, InstanceStatus::Stopped).await;
    ada.start(id).await;
    ada.until(id, InstanceStatus::Running).await;
    ada.delete(id).await;
    ada.until_gone(id).await;
}

#[actix::test]
async fn an_orderly_stop_hands_everything_back_at_once() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let first = TestWorker::start(&databases.shared, &settings()).await;
    let id = ada.create().await;
    let before = ada.until(id, InstanceStatus::Running).await;
    let second = TestWorker::start(&databases.shared, &settings()).await;
    first.stop().await;

    let adopted = || async { ada.find(id).await.filter(|row| row.owner_replica == Some(second.id)) };
    let after = eventually("the other worker has it", adopted).await;
    assert!(after.owner_epoch > before.owner_epoch);
    // Its user sees nothing of it.
    assert_eq!((after.status, after.revision), (before.status, before.revision));
    assert_eq!(ada.execute("SELECT FROM replicas").await, 1);
}

#[actix::test]
async fn what_a_dead_replica_owned_is_taken_over_after_its_lease() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let dead = ReplicaId::new();
    let (running, provisioning) = (ada.create().await, ada.create().await);
    ada.execute(&format!(
        "INSERT INTO replicas (id, roles, lease_ms) VALUES ('{dead}', '{{worker}}', {LEASE_MS})"
    ))
    .await;
    ada.execute(&format!("UPDATE instances SET status = 'provisioning', owner_replica = '{dead}'")).await;
    ada.execute(&format!("UPDATE instances SET status = 'running' WHERE id = '{running}'")).await;

    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let adopted = || async { ada.find(running).await.filter(|row| row.owner_replica == Some(worker.id)) };
    eventually("the survivor has what ran", adopted).await;
    ada.until(provisioning, InstanceStatus::Running).await;
    assert_eq!(worker.supervised(), 2);
}

#[actix::test]
async fn a_row_past_its_deadline_fails_whoever_has_it() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let id = ada.create().await;
    let frozen = ReplicaId::new();
    ada.execute(&format!(
        "INSERT INTO replicas (id, roles, lease_ms) VALUES ('{frozen}', '{{worker}}', 600000)"
    ))
    .await;
    ada.execute(&format!(
        "UPDATE instances SET status = 'provisioning', owner_replica = '{frozen}', deadline_at = now()"
    ))
    .await;
    let _worker = TestWorker::start(&databases.shared, &settings()).await;
    let failed = ada.until(id, InstanceStatus::Failed).await;
    assert!(failed.status_reason.unwrap().contains("deadline"));
    assert_eq!(failed.owner_replica, None);
}

#[actix::test]
async fn a_worker_that_was_called_dead_lets_go_of_what_others_took() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let (lost, kept) = (ada.create().await, ada.create().await);
    ada.until(lost, InstanceStatus::Running).await;
    ada.until(kept, InstanceStatus::Running).await;
    let other = ReplicaId::new();
    ada.execute(&format!(
        "INSERT INTO replicas (id, roles, lease_ms) VALUES ('{other}', '{{worker}}', 600000)"
    ))
    .await;
    ada.execute(&format!(
        "UPDATE instances SET owner_replica = '{other}', owner_epoch = owner_epoch + 1 WHERE id = '{lost}'"
    ))
    .await;
    ada.execute(&format!("DELETE FROM replicas WHERE id = '{}'", worker.id)).await;

    eventually("one supervisor has left", async || (worker.supervised() == 1).then_some(())).await;
    assert_eq!(ada.find(lost).await.unwrap().owner_replica, Some(other));
    assert_eq!(ada.find(kept).await.unwrap().owner_replica, Some(worker.id));
}

#[actix::test]
async fn two_workers_share_the_work_and_none_is_done_twice() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let first = TestWorker::start(&databases.shared, &settings()).await;
    let second = TestWorker::start(&databases.shared, &settings()).await;
    // Each hears everything: the worst that a bus can do.
    let _buses = (TestBus::start(&databases, &first).await, TestBus::start(&databases, &second).await);
    let mut ids = Vec::new();
    for _ in 0..60 {
        ids.push(ada.create().await);
    }
    for id in &ids {
        ada.until(*id, InstanceStatus::Running).await;
        assert_eq!(ada.history(*id).await, ["pending", "provisioning", "running"]);
    }
    let all_are_kept = || async { (first.supervised() + second.supervised() == ids.len()).then_some(()) };
    eventually("each has one supervisor", all_are_kept).await;
}
