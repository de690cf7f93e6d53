//! What owners have seen of their rows, and what is found that they have not; the administrators' requeue.

use botberi::models::instance::{Instance, InstancePatch, InstanceStatus};
use botberi::models::store::instance_registry::{self, RequeueOutcome};
use botberi::models::store::instance_work::{self, Claim, Elsewhere, Missing, Move, Moved};
use botberi::models::store::{Session, SharedSide, instance_sweep, instances};
use botberi::models::{InstanceId, Origin, ReplicaId};
use serde_json::json;
use tokio_postgres::Client;

use super::builders::{an_instance, living_replica};
use crate::support::database::TestDatabases;

const DEADLINE_MS: i64 = 60_000;

async fn take(db: &impl Session<SharedSide>, me: ReplicaId, id: InstanceId) -> Option<Instance> {
    instance_work::take_batch(db, me, &[id], DEADLINE_MS).await.unwrap().pop()
}

async fn step(
    db: &impl Session<SharedSide>,
    me: ReplicaId,
    row: &Instance,
    to: InstanceStatus,
) -> Vec<Moved> {
    let claim = Claim { id: row.id, epoch: row.owner_epoch };
    let step = Move { claim, from: row.status, to, reason: Some("why".to_owned()), deadline_ms: None };
    instance_work::move_batch(db, me, &[step]).await.unwrap()
}

async fn elsewhere(db: &impl Session<SharedSide>, me: ReplicaId, id: InstanceId) -> Option<Elsewhere> {
    match instance_work::explain_missing(db, me, &[id]).await.unwrap().pop()? {
        Missing::Elsewhere(there) => Some(there),
        Missing::Claimable(_) => None,
    }
}

async fn patch(db: &impl Session<SharedSide>, row: &Instance) {
    let patch = InstancePatch { pipeline_config: Some(json!({"top_k": 7})), ..InstancePatch::default() };
    instances::patch(db, row.user_id, row.id, &patch).await.unwrap();
}

async fn observed(sql: &Client, id: InstanceId) -> (i64, Option<i64>) {
    let query = "SELECT revision, observed_revision FROM instances WHERE id = $1";
    let row = sql.query_one(query, &[&id.as_uuid()]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn an_owner_notes_what_it_knows_in_its_own_writes_and_nobody_is_told_of_it() {
    let databases = TestDatabases::create().await;
    let (db, sql) = (databases.shared().await, databases.plain("postgres").await);
    let (me, other) = (living_replica(&db).await, living_replica(&db).await);
    let row = an_instance(&db).await;
    assert_eq!(observed(&sql, row.id).await, (1, None));
    let taken = take(&db, me, row.id).await.unwrap();
    assert_eq!(observed(&sql, row.id).await, (2, Some(2)));
    let moved = step(&db, me, &taken, InstanceStatus::Running).await;
    assert_eq!(observed(&sql, row.id).await, (3, Some(3)));
    assert_eq!(moved[0].revision, 3);
    assert!(instance_sweep::list_unsettled(&db, me, 10).await.unwrap().is_empty());
    assert_eq!(elsewhere(&db, other, row.id).await.map(|it| (it.owner, it.is_observed())), Some((me, true)));

    patch(&db, &row).await;
    assert_eq!(observed(&sql, row.id).await, (4, Some(3)));
    let missed = instance_sweep::list_unsettled(&db, me, 10).await.unwrap();
    assert_eq!(missed, [Moved { id: row.id, revision: 4 }]);
    assert!(instance_sweep::list_unsettled(&db, other, 10).await.unwrap().is_empty());
    assert_eq!(elsewhere(&db, other, row.id).await.map(|it| it.is_observed()), Some(false));
    assert_eq!(elsewhere(&db, me, row.id).await, None);

    let events = "SELECT count(*) FROM event_outbox";
    let before: i64 = sql.query_one(events, &[]).await.unwrap().get(0);
    let again = take(&db, me, row.id).await.unwrap();
    assert_eq!((again.status, again.revision), (InstanceStatus::Running, 4));
    assert_eq!(observed(&sql, row.id).await, (4, Some(4)));
    assert!(instance_sweep::list_unsettled(&db, me, 10).await.unwrap().is_empty());
    assert_eq!(sql.query_one(events, &[]).await.unwrap().get::<_, i64>(0), before);
}

#[tokio::test]
async fn rows_of_the_release_before_are_no_news_to_anybody() {
    let databases = TestDatabases::create().await;
    let (db, sql) = (databases.shared().await, databases.plain("postgres").await);
    let me = living_replica(&db).await;
    let row = an_instance(&db).await;
    let taken = take(&db, me, row.id).await.unwrap();
    step(&db, me, &taken, InstanceStatus::Running).await;
    sql.batch_execute("UPDATE instances SET observed_revision = NULL").await.unwrap();
    assert!(instance_sweep::list_unsettled(&db, me, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_an_owner_has_missed_is_found_by_an_index_however_much_it_owns() {
    let databases = TestDatabases::create().await;
    let (db, sql) = (databases.shared().await, databases.plain("postgres").await);
    let me = living_replica(&db).await;
    let row = an_instance(&db).await;
    let many = "INSERT INTO instances (bot_id, user_id, title)
                SELECT bot_id, user_id, 'x' FROM instances, generate_series(1, 5000)";
    sql.batch_execute("SET botberi.bell = 'quiet'").await.unwrap();
    sql.batch_execute(many).await.unwrap();
    sql.execute("UPDATE instances SET status = 'provisioning', owner_replica = $1", &[&me.as_uuid()])
        .await
        .unwrap();
    sql.batch_execute("UPDATE instances SET status = 'running', observed_revision = revision + 1")
        .await
        .unwrap();
    patch(&db, &row).await;
    sql.batch_execute("VACUUM ANALYZE instances").await.unwrap();
    let statement = include_str!("../../../src/models/store/sql/instances/list_unsettled.sql");
    sql.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    sql.batch_execute(&format!("PREPARE looked_at AS {statement}")).await.unwrap();
    let rows = sql.query(&format!("EXPLAIN (COSTS OFF) EXECUTE looked_at('{me}', 4000)"), &[]).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("instances_unobserved"), "{plan}");
    assert!(!plan.contains("instances_running_by_owner"), "{plan}");
    assert_eq!(instance_sweep::list_unsettled(&db, me, 4_000).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_requeue_makes_the_former_claim_void_and_leaves_what_needs_nobody() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let (me, origin) = (living_replica(&db).await, Origin::default());
    let requeue = async |id| instance_registry::requeue_any(&db, id, &origin).await.unwrap();
    let row = an_instance(&db).await;
    let taken = take(&db, me, row.id).await.unwrap();
    let RequeueOutcome::Requeued { instance, former_owner } = requeue(row.id).await else {
        panic!("refused")
    };
    assert_eq!((instance.status, instance.revision), (InstanceStatus::Provisioning, taken.revision));
    assert_eq!((instance.owner_replica, instance.attempts, instance.deadline_at), (None, 0, None));
    assert_eq!((former_owner, instance.owner_epoch), (Some(me), taken.owner_epoch + 1));
    assert!(step(&db, me, &taken, InstanceStatus::Running).await.is_empty());

    let again = take(&db, me, row.id).await.unwrap();
    step(&db, me, &again, InstanceStatus::Failed).await;
    let RequeueOutcome::Requeued { instance, former_owner } = requeue(row.id).await else {
        panic!("refused")
    };
    assert_eq!((instance.status, instance.status_reason.as_deref()), (InstanceStatus::Pending, None));
    assert_eq!(former_owner, None);

    instances::stop(&db, row.user_id, row.id, &origin).await.unwrap();
    let RequeueOutcome::Requeued { instance, .. } = requeue(row.id).await else { panic!("refused") };
    assert_eq!(instance.status, InstanceStatus::Pending);
    let stopping = take(&db, me, row.id).await.unwrap();
    step(&db, me, &stopping, InstanceStatus::Stopped).await;
    assert_eq!(requeue(row.id).await, RequeueOutcome::NothingToDo);
    instances::tombstone(&db, row.user_id, row.id, None, &origin).await.unwrap();
    assert_eq!(requeue(row.id).await, RequeueOutcome::NothingToDo);
    assert_eq!(requeue(InstanceId::new()).await, RequeueOutcome::NotFound);
}
