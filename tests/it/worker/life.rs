//! One worker, everything in order.

use botberi::models::InstanceStatus;
use serde_json::json;

use super::harness::{TestBus, TestUser, TestWorker, eventually, settings};
use crate::support::database::TestDatabases;

#[actix::test]
async fn a_new_instance_is_provisioned_and_runs() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;

    let id = ada.create().await;
    let instance = ada.until(id, InstanceStatus::Running).await;
    assert_eq!((instance.revision, instance.owner_replica), (3, Some(worker.id)));
    assert_eq!((instance.status_reason, instance.deadline_at), (None, None));
    assert_eq!(ada.history(id).await, ["pending", "provisioning", "running"]);
    assert_eq!(worker.supervised(), 1);
}

#[actix::test]
async fn an_instance_that_cannot_run_fails_with_a_reason_and_runs_once_that_is_mended() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;

    let id = ada.create_with(json!({"engine": "n8n"})).await;
    let failed = ada.until(id, InstanceStatus::Failed).await;
    assert_eq!(failed.status_reason.as_deref(), Some("engine `n8n` is not available in this release"));
    assert_eq!(failed.owner_replica, None);

    ada.execute("UPDATE instances SET pipeline_config = '{}'").await;
    ada.start(id).await;
    let running = ada.until(id, InstanceStatus::Running).await;
    assert_eq!(running.status_reason, None);
}

#[actix::test]
async fn what_an_agent_requires_of_its_instances_is_checked() {
    let databases = TestDatabases::create().await;
    let ada =
        TestUser::with_agent(&databases, json!({"models": ["small"], "required_config": ["tone"]})).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;

    let id = ada.create_with(json!({"model": "small"})).await;
    let failed = ada.until(id, InstanceStatus::Failed).await;
    assert_eq!(failed.status_reason.as_deref(), Some("user_config.tone is required by the agent"));
}

#[actix::test]
async fn an_instance_is_stopped_started_and_deleted_as_its_user_wishes() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;

    let id = ada.create().await;
    ada.until(id, InstanceStatus::Running).await;
    ada.stop(id).await;
    let stopped = ada.until(id, InstanceStatus::Stopped).await;
    assert_eq!(stopped.owner_replica, None);
    eventually("its supervisor has left", async || (worker.supervised() == 0).then_some(())).await;

    ada.start(id).await;
    ada.until(id, InstanceStatus::Running).await;
    ada.delete(id).await;
    ada.until_gone(id).await;
    let history = ada.history(id).await;
    assert_eq!(history[..4], ["pending", "provisioning", "running", "running"]);
    assert_eq!(history[4..], ["stopped", "pending", "provisioning", "running", "instance.deleted"]);
    eventually("its supervisor has left", async || (worker.supervised() == 0).then_some(())).await;
}

#[actix::test]
async fn wishes_in_a_row_end_with_the_last() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;

    let (stopped, running, deleted) = (ada.create().await, ada.create().await, ada.create().await);
    for _ in 0..20 {
        for id in [stopped, running, deleted] {
            ada.stop(id).await;
            ada.start(id).await;
        }
    }
    ada.stop(stopped).await;
    ada.delete(deleted).await;
    ada.until(stopped, InstanceStatus::Stopped).await;
    ada.until(running, InstanceStatus::Running).await;
    ada.until_gone(deleted).await;
    eventually("one supervisor stays", async || (worker.supervised() == 1).then_some(())).await;
}

#[actix::test]
async fn an_instance_that_is_deleted_while_it_starts_is_purged() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;

    for _ in 0..40 {
        let id = ada.create().await;
        // Each time it has come a little farther.
        tokio::task::yield_now().await;
        ada.delete(id).await;
    }
    eventually("all rows are gone", async || (ada.execute("SELECT FROM instances").await == 0).then_some(()))
        .await;
    eventually("all supervisors have left", async || (worker.supervised() == 0).then_some(())).await;
}

#[actix::test]
async fn a_running_instance_whose_configuration_turns_bad_fails() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;

    let id = ada.create().await;
    ada.until(id, InstanceStatus::Running).await;
    ada.execute(r#"UPDATE instances SET pipeline_config = '{"timeout_s": 0}'"#).await;
    let failed = ada.until(id, InstanceStatus::Failed).await;
    assert!(failed.status_reason.unwrap().starts_with("pipeline_config.timeout_s must be"));
}

#[actix::test]
async fn a_hint_that_is_known_costs_no_read() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let (kept, left) = (ada.create().await, ada.create().await);
    worker.hint(kept, 1).await;
    worker.hint(left, 1).await;
    let kept_row = ada.until(kept, InstanceStatus::Running).await;
    ada.until(left, InstanceStatus::Running).await;
    ada.stop(left).await;
    worker.hint(left, 4).await;
    let left_row = ada.until(left, InstanceStatus::Stopped).await;
    eventually("one supervisor has left", async || (worker.supervised() == 1).then_some(())).await;

    for revision in 1..=kept_row.revision {
        worker.hint(kept, revision).await;
    }
    for revision in 1..=left_row.revision {
        worker.hint(left, revision).await;
    }
    // Whoever had read its row would have claimed it again, under a new epoch.
    assert_eq!(ada.find(kept).await.unwrap().owner_epoch, kept_row.owner_epoch);
    assert_eq!(ada.find(left).await.unwrap().owner_epoch, left_row.owner_epoch);
    assert_eq!(worker.supervised(), 1);
}

#[actix::test]
async fn an_instance_past_the_maximum_waits_for_room() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let mut small = settings();
    small.instances_max = 2;
    let worker = TestWorker::start(&databases.shared, &small).await;
    let _bus = TestBus::start(&databases, &worker).await;

    let (first, second) = (ada.create().await, ada.create().await);
    ada.until(first, InstanceStatus::Running).await;
    ada.until(second, InstanceStatus::Running).await;
    let third = ada.create().await;
    worker.hint(third, 1).await;
    assert_eq!(ada.find(third).await.unwrap().status, InstanceStatus::Pending);
    ada.delete(first).await;
    ada.until(third, InstanceStatus::Running).await;
    assert_eq!(worker.supervised(), 2);
}
