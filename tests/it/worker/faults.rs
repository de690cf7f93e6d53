//! What breaks, and what comes of it.

use std::net::SocketAddr;
use std::time::Duration;

use botberi::actors::instance_ledger::{LedgerError, Move, Moved, Take, Taken};
use botberi::actors::system::{AskError, NodeReport, Strategy};
use botberi::models::InstanceStatus;
use botberi::models::store::SharedDb;

use super::harness::{TestBus, TestUser, TestWorker, eventually, settings, shared_db_at};
use crate::support::database::TestDatabases;
use crate::support::proxy::{Cable, FaultProxy};

#[actix::test]
async fn a_supervisor_that_panics_goes_on_under_a_new_epoch() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;
    let id = ada.create().await;
    let before = ada.until(id, InstanceStatus::Running).await;

    assert!(worker.break_supervisor(id).await);
    let rebuilt = || async { ada.find(id).await.filter(|row| row.owner_epoch > before.owner_epoch) };
    let after = eventually("it was claimed again", rebuilt).await;
    assert_eq!((after.status, after.revision), (before.status, before.revision));
    ada.stop(id).await;
    ada.until(id, InstanceStatus::Stopped).await;
}

#[actix::test]
async fn an_instance_whose_supervisor_dies_too_often_fails_with_a_reason() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start(&databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;
    let (unlucky, neighbour) = (ada.create().await, ada.create().await);
    ada.until(unlucky, InstanceStatus::Running).await;
    ada.until(neighbour, InstanceStatus::Running).await;

    let failed = eventually("the instance is failed", async || {
        worker.break_supervisor(unlucky).await;
        ada.find(unlucky).await.filter(|row| row.status == InstanceStatus::Failed)
    })
    .await;
    assert!(failed.status_reason.unwrap().contains("repeated faults"));
    assert_eq!(ada.find(neighbour).await.unwrap().status, InstanceStatus::Running);
    ada.start(unlucky).await;
    ada.until(unlucky, InstanceStatus::Running).await;
}

#[actix::test]
async fn every_actor_may_panic_in_the_middle_of_the_work_and_nothing_is_lost() {
    for strategy in [Strategy::OneForOne, Strategy::RestForOne] {
        panic_everywhere(strategy).await;
    }
}

async fn panic_everywhere(strategy: Strategy) {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let worker = TestWorker::start_as(strategy, &databases.shared, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;
    let mut ids = Vec::new();
    for victim in ["instance_ledger", "instance_directory", "reaper", "bell", "replica"] {
        for _ in 0..20 {
            ids.push(ada.create().await);
        }
        worker.break_actor(victim).await;
    }
    for id in &ids {
        ada.until(*id, InstanceStatus::Running).await;
    }
    let all_are_kept = || async { (worker.supervised() == ids.len()).then_some(()) };
    eventually("each has its supervisor again", all_are_kept).await;
}

#[actix::test]
async fn while_postgres_is_away_nothing_is_lost_and_no_budget_is_spent() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let (cable, way) = a_cable(&databases).await;
    let worker = TestWorker::start(&way, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;
    let kept = ada.create().await;
    ada.until(kept, InstanceStatus::Running).await;

    cable.set(Cable::Cut);
    worker.tree.wait_until(|nodes| nodes.iter().any(|node| node.impaired.is_some())).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(ada.create().await);
    }
    ada.stop(kept).await;
    // Longer than a lease: the worker has to come back as one that was called dead.
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    cable.set(Cable::Sound);
    for id in ids {
        ada.until(id, InstanceStatus::Running).await;
    }
    ada.until(kept, InstanceStatus::Stopped).await;
    let is_well = |nodes: &[NodeReport]| nodes.iter().all(|node| node.impaired.is_none());
    tokio::time::timeout(Duration::from_secs(10), worker.tree.wait_until(is_well)).await.unwrap();
    assert!(worker.tree.report().iter().all(|node| node.restarts == 0));
}

#[actix::test]
async fn connections_that_break_at_any_moment_lose_nothing() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let (cable, way) = a_cable(&databases).await;
    let worker = TestWorker::start(&way, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;
    cable.set(Cable::Slow(Duration::from_millis(3)));
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(ada.create().await);
        if number % 10 == 0 {
            cable.drop_connections();
        }
    }
    for id in &ids {
        ada.until(*id, InstanceStatus::Running).await;
        assert_eq!(ada.history(*id).await, ["pending", "provisioning", "running"]);
    }
}

#[actix::test]
async fn a_postgres_that_says_nothing_is_away_and_comes_back() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let (cable, way) = a_cable(&databases).await;
    let worker = TestWorker::start(&way, &settings()).await;
    let _bus = TestBus::start(&databases, &worker).await;
    let before = ada.create().await;
    ada.until(before, InstanceStatus::Running).await;

    cable.set(Cable::Silent);
    let id = ada.create().await;
    worker.tree.wait_until(|nodes| nodes.iter().any(|node| node.impaired.is_some())).await;
    cable.set(Cable::Cut);
    cable.set(Cable::Sound);
    ada.until(id, InstanceStatus::Running).await;
}

#[actix::test]
async fn a_worker_may_start_before_postgres_is_there() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let (cable, way) = a_cable(&databases).await;
    cable.set(Cable::Cut);
    let worker = TestWorker::start(&way, &settings()).await;
    let id = ada.create().await;
    worker.hint(id, 1).await;
    cable.set(Cable::Sound);
    ada.until(id, InstanceStatus::Running).await;
}

#[actix::test]
async fn one_unlawful_move_fails_alone() {
    let databases = TestDatabases::create().await;
    let ada = TestUser::new(&databases).await;
    let mut quiet = settings();
    // No room: the reaper claims nothing beside the test.
    quiet.instances_max = 0;
    let worker = TestWorker::start(&databases.shared, &quiet).await;
    let ids = [ada.create().await, ada.create().await, ada.create().await];
    let mut rows = Vec::new();
    for id in ids {
        let claimed =
            eventually("it is claimed", async || match worker.ledger.ask(Take { id }).await.ok()? {
                Taken::Ours(row) => Some(row),
                Taken::Elsewhere(_) | Taken::Nobodys => None,
            });
        rows.push(claimed.await);
    }
    let order = |row: &botberi::models::Instance, to| Move {
        id: row.id,
        epoch: row.owner_epoch,
        from: row.status,
        to,
        reason: None,
    };
    let (good, bad, stale) = futures_util::join!(
        worker.ledger.ask(order(&rows[0], InstanceStatus::Running)),
        worker.ledger.ask(order(&rows[1], InstanceStatus::Pending)),
        worker
            .ledger
            .ask(Move { epoch: rows[2].owner_epoch - 1, ..order(&rows[2], InstanceStatus::Running) }),
    );
    assert_eq!(good.unwrap(), Moved::Applied { revision: 3 });
    assert!(matches!(bad, Err(AskError::Reply(LedgerError::Refused(_)))), "{bad:?}");
    assert_eq!(stale.unwrap(), Moved::Lost);
}

/// A way to Postgres that can be made to misbehave.
async fn a_cable(databases: &TestDatabases) -> (FaultProxy, SharedDb) {
    let url = databases.shared_url("botberi");
    let address = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0;
    let cable = FaultProxy::to(address.parse().unwrap()).await;
    let way = shared_db_at(databases, SocketAddr::from(([127, 0, 0, 1], cable.port())));
    (cable, way)
}
