//! Claims, fences, and what the reaper finds.

use botberi::models::ids::{InstanceId, ReplicaId, UserId};
use botberi::models::instance::{DesiredState, Instance, InstanceStatus};
use botberi::models::store::instance_sweep::{self, Expired};
use botberi::models::store::instance_work::{self, Claim, Missing, Move};
use botberi::models::store::{Rule, Session, SharedSide, StoreError, instances, replicas};

use super::builders::{
    LEASE_MS, an_instance, kill, living_replica, placed, published_agent, steady_replica, wish,
};
use crate::support::database::TestDatabases;

const DEADLINE_MS: i64 = 60_000;

async fn take(db: &impl Session<SharedSide>, me: ReplicaId, id: InstanceId) -> Option<Instance> {
    instance_work::take_batch(db, me, &[id], DEADLINE_MS).await.unwrap().pop()
}

fn claim(instance: &Instance) -> Claim {
    Claim { id: instance.id, epoch: instance.owner_epoch }
}

fn step(instance: &Instance, from: InstanceStatus, to: InstanceStatus) -> Move {
    Move { claim: claim(instance), from, to, reason: None, deadline_ms: None }
}

async fn running(db: &impl Session<SharedSide>, me: ReplicaId) -> Instance {
    let instance = an_instance(db).await;
    let taken = take(db, me, instance.id).await.unwrap();
    let moved = step(&taken, InstanceStatus::Provisioning, InstanceStatus::Running);
    assert_eq!(instance_work::move_batch(db, me, &[moved]).await.unwrap().len(), 1);
    taken
}

#[tokio::test]
async fn taking_claims_and_begins_in_one_write() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let me = living_replica(&db).await;
    let instance = an_instance(&db).await;
    let taken = take(&db, me, instance.id).await.unwrap();
    assert_eq!((taken.status, taken.revision), (InstanceStatus::Provisioning, 2));
    assert_eq!((taken.owner_replica, taken.owner_epoch, taken.attempts), (Some(me), 1, 1));
    assert_eq!(taken.knowledge_base_id, instance.knowledge_base_id);
    let again = take(&db, me, instance.id).await.unwrap();
    assert_eq!((again.owner_epoch, again.attempts), (2, 1), "who claims its own again begins nothing again");
    assert!(taken.deadline_at.unwrap() > taken.updated_at);
    assert_eq!(instance_work::list_owned(&db, me).await.unwrap(), [instance.id]);
}

#[tokio::test]
async fn only_one_of_many_concurrent_takers_wins_each_instance() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let agent = published_agent(&db).await;
    let owner = UserId::new();
    let wishes: Vec<_> = (0..40).map(|_| wish(&agent, owner)).collect();
    let ids: Vec<_> = wishes.iter().map(|wish| wish.id).collect();
    let _instances =
        instances::insert_batch(&db, &wishes.iter().collect::<Vec<_>>(), i64::MAX).await.unwrap();

    let takers = (0..6).map(|number| {
        let databases = &databases;
        let mut ids = ids.clone();
        // Everybody asks in an order of their own: the locks are taken in one order all the same.
        ids.rotate_left(number * 7);
        if number % 2 == 0 {
            ids.reverse();
        }
        async move {
            let db = databases.shared().await;
            let me = living_replica(&db).await;
            instance_work::take_batch(&db, me, &ids, DEADLINE_MS).await.unwrap()
        }
    });
    let won: Vec<Instance> = futures_util::future::join_all(takers).await.into_iter().flatten().collect();
    assert_eq!(won.len(), ids.len());
    assert!(won.iter().all(|instance| instance.owner_epoch == 1 && instance.attempts == 1));
    let mut won: Vec<_> = won.iter().map(|instance| instance.id).collect();
    won.sort_unstable();
    assert_eq!(won, ids);
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_passed_over_and_its_neighbours_are_not() {
    let databases = TestDatabases::create().await;
    let mut db = databases.shared().await;
    let me = living_replica(&db).await;
    let (held, free) = (an_instance(&db).await, an_instance(&db).await);
    let (running, settled) = (running(&db, me).await, running(&db, me).await);
    let stopping = step(&settled, InstanceStatus::Running, InstanceStatus::Stopped);
    let plain = databases.plain("postgres").await;
    let hold = "UPDATE instances SET title = 'Held' WHERE id = ANY ($1)";
    plain.batch_execute("BEGIN").await.unwrap();
    plain.execute(hold, &[&vec![held.id, running.id]]).await.unwrap();

    let taken = instance_work::take_batch(&db, me, &[held.id, free.id], DEADLINE_MS).await.unwrap();
    assert_eq!(taken.iter().map(|row| row.id).collect::<Vec<_>>(), [free.id]);
    let missing = [held.id, free.id, InstanceId::new()];
    let missing = instance_work::explain_missing(&db, ReplicaId::new(), &missing).await.unwrap();
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert_eq!(missing.iter().find(|it| it.id() == held.id), Some(&Missing::Claimable(held.id)));
    let moves = [step(&running, InstanceStatus::Running, InstanceStatus::Failed), stopping];
    let made = instance_work::move_batch(&db, me, &moves).await.unwrap();
    assert_eq!(made.iter().map(|made| made.id).collect::<Vec<_>>(), [settled.id]);
    let given_up = instance_work::release_all(&db, me).await.unwrap();
    assert_eq!(given_up, [free.id]);

    plain.batch_execute("COMMIT").await.unwrap();
    assert_eq!(instance_work::release_all(&db, me).await.unwrap(), [running.id]);
    let transaction = db.transaction().await.unwrap();
    assert!(take(&transaction, me, held.id).await.is_some());
    let late = databases.shared().await;
    assert_eq!(take(&late, me, held.id).await, None);
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn who_has_not_beaten_for_a_whole_lease_without_a_break_judges_nobody() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let (dead, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let kept = running(&db, dead).await;
    let overdue = running(&db, judge).await;
    plain.execute("UPDATE instances SET desired_state = 'stopped', deadline_at = now() - interval '1 s' WHERE id = $1", &[&overdue.id]).await.unwrap();
    kill(&plain, dead).await;
    let sees_nobody_dead = async || {
        !instance_sweep::sweep(&db, judge, 10).await.unwrap().contains(&kept.id)
            && take(&db, judge, kept.id).await.is_none()
            && instance_work::explain_missing(&db, judge, &[kept.id]).await.unwrap().is_empty()
            && instance_sweep::expire(&db, judge, 10, "late", DEADLINE_MS).await.unwrap().is_empty()
            && replicas::forget_stale(&db, judge, 0).await.unwrap().is_empty()
    };
    let age = async |column: &str, share: &str| {
        let query = format!(
            "UPDATE replicas SET {column} = now() - {share} * lease_ms * interval '1 ms' WHERE id = $1"
        );
        plain.execute(&query, &[&judge]).await.unwrap();
    };
    let steady_since = async || -> jiff::Timestamp {
        let query = "SELECT steady_since FROM replicas WHERE id = $1";
        plain.query_one(query, &[&judge]).await.unwrap().get(0)
    };

    // A beat in time goes on with the run, a late one begins another, and until then there is no judging at all.
    age("beat_at", "0.6").await;
    let since = steady_since().await;
    assert!(replicas::beat(&db, judge).await.unwrap());
    assert_eq!(steady_since().await, since);
    age("beat_at", "0.7").await;
    assert!(sees_nobody_dead().await, "it has not beaten for long");
    assert!(replicas::beat(&db, judge).await.unwrap());
    assert!(steady_since().await > since);
    assert!(sees_nobody_dead().await, "it has just come back");
    age("steady_since", "0.99").await;
    assert!(sees_nobody_dead().await, "it has not been back for a lease");

    age("steady_since", "1.01").await;
    assert_eq!(instance_sweep::expire(&db, judge, 10, "late", DEADLINE_MS).await.unwrap().len(), 1);
    assert!(instance_sweep::sweep(&db, judge, 10).await.unwrap().contains(&kept.id));
    // Who has to register anew begins anew.
    replicas::register(&db, judge, &["worker".to_owned()], LEASE_MS).await.unwrap();
    assert!(sees_nobody_dead().await);
    age("steady_since", "1.01").await;
    assert!(take(&db, judge, kept.id).await.is_some());
}

#[tokio::test]
async fn a_living_owner_is_respected_and_a_dead_one_is_not() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let (first, second) = (living_replica(&db).await, steady_replica(&databases).await);
    let judge = second;
    let kept = running(&db, first).await;
    let begun = take(&db, first, an_instance(&db).await.id).await.unwrap();

    assert_eq!(take(&db, second, kept.id).await, None);
    assert!(instance_sweep::sweep(&db, judge, 10).await.unwrap().is_empty());

    kill(&plain, first).await;
    assert!(!replicas::beat(&db, first).await.unwrap(), "who comes back too late is told so");
    let mut found = instance_sweep::sweep(&db, judge, 10).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [kept.id, begun.id]);
    assert_eq!(replicas::forget_stale(&db, judge, 0).await.unwrap(), [first]);

    let inherited = instance_work::take_batch(&db, second, &found, DEADLINE_MS).await.unwrap();
    let summary: Vec<_> = inherited.iter().map(|it| (it.status, it.owner_epoch, it.attempts)).collect();
    assert_eq!(summary, [(InstanceStatus::Running, 2, 1), (InstanceStatus::Provisioning, 2, 2)]);

    // An owner that nobody remembers is a dead one.
    replicas::leave(&db, second).await.unwrap();
    let third = steady_replica(&databases).await;
    assert!(take(&db, third, kept.id).await.is_some());
}

#[tokio::test]
async fn what_a_stale_owner_writes_changes_nothing() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let (former, present) = (living_replica(&db).await, steady_replica(&databases).await);
    let stale = take(&db, former, an_instance(&db).await.id).await.unwrap();
    kill(&plain, former).await;
    let current = take(&db, present, stale.id).await.unwrap();
    let _before = placed(&databases).await;

    let (from, to) = (InstanceStatus::Provisioning, InstanceStatus::Running);
    let wrong_status = step(&current, InstanceStatus::Pending, to);
    for (who, attempt) in [
        (former, step(&stale, from, to)),
        (former, step(&current, from, to)),
        (present, step(&stale, from, to)),
        (present, wrong_status),
    ] {
        assert!(instance_work::move_batch(&db, who, &[attempt]).await.unwrap().is_empty());
    }
    for (who, attempt) in [(former, claim(&stale)), (former, claim(&current)), (present, claim(&stale))] {
        assert!(instance_work::finish_teardown(&db, who, &[attempt]).await.unwrap().is_empty());
    }
    assert_eq!(instances::find(&db, current.user_id, current.id).await.unwrap(), Some(current.clone()));
    assert!(placed(&databases).await.is_empty());

    let moved = instance_work::move_batch(&db, present, &[step(&current, from, to)]).await.unwrap();
    assert_eq!((moved[0].id, moved[0].revision), (current.id, current.revision + 1));
}

#[tokio::test]
async fn a_batch_makes_the_steps_that_hold_and_passes_over_the_others() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let me = living_replica(&db).await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(take(&db, me, an_instance(&db).await.id).await.unwrap());
    }
    taken[1].owner_epoch -= 1;
    let steps: Vec<_> =
        taken.iter().map(|it| step(it, InstanceStatus::Provisioning, InstanceStatus::Running)).collect();
    let mut moved: Vec<_> =
        instance_work::move_batch(&db, me, &steps).await.unwrap().iter().map(|moved| moved.id).collect();
    moved.sort_unstable();
    assert_eq!(moved, [taken[0].id, taken[2].id]);

    let unlawful = [
        step(&taken[0], InstanceStatus::Running, InstanceStatus::Failed),
        step(&taken[2], InstanceStatus::Running, InstanceStatus::Pending),
    ];
    let error = instance_work::move_batch(&db, me, &unlawful).await.unwrap_err();
    assert!(matches!(error, StoreError::RuleBroken { rule: Rule::LegalMoves, .. }), "{error:?}");
    let first = instances::find(&db, taken[0].user_id, taken[0].id).await.unwrap().unwrap();
    assert_eq!(first.status, InstanceStatus::Running);
}

#[tokio::test]
async fn an_end_needs_no_owner_and_says_why() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let (me, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let taken = take(&db, me, an_instance(&db).await.id).await.unwrap();
    let failed = Move {
        reason: Some("no such tool".to_owned()),
        ..step(&taken, InstanceStatus::Provisioning, InstanceStatus::Failed)
    };
    assert_eq!(instance_work::move_batch(&db, me, &[failed]).await.unwrap().len(), 1);
    let now = instances::find(&db, taken.user_id, taken.id).await.unwrap().unwrap();
    assert_eq!(
        (now.status_reason.as_deref(), now.owner_replica, now.deadline_at),
        (Some("no such tool"), None, None)
    );
    assert_eq!(take(&db, me, taken.id).await, None, "what failed waits for its user");
    assert!(instance_sweep::sweep(&db, judge, 10).await.unwrap().is_empty());

    let anew = instances::start(&db, now.user_id, now.id, &botberi::models::Origin::default())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(anew.status, InstanceStatus::Pending);
    assert_eq!(take(&db, me, taken.id).await.unwrap().attempts, 1);
}

#[tokio::test]
async fn stop_and_start_come_about_through_a_worker() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("botberi").await;
    let (me, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let live = running(&db, me).await;
    let _wish = instances::stop(&db, live.user_id, live.id, &botberi::models::Origin::default())
        .await
        .unwrap()
        .unwrap();
    let stopped = step(&live, InstanceStatus::Running, InstanceStatus::Stopped);
    assert_eq!(instance_work::move_batch(&db, me, &[stopped]).await.unwrap().len(), 1);
    assert_eq!(take(&db, me, live.id).await, None, "it has what its user wants");

    // By plain SQL the wish alone is enough: the worker goes the lawful way, by way of `pending`.
    plain.execute("UPDATE instances SET desired_state = 'running' WHERE id = $1", &[&live.id]).await.unwrap();
    assert_eq!(instance_sweep::sweep(&db, judge, 10).await.unwrap(), [live.id]);
    assert_eq!(take(&db, me, live.id).await.unwrap().status, InstanceStatus::Pending);
    assert_eq!(take(&db, me, live.id).await.unwrap().status, InstanceStatus::Provisioning);
}

#[tokio::test]
async fn a_tombstone_is_taken_torn_down_and_purged_in_silence() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let me = living_replica(&db).await;
    let live = running(&db, me).await;
    assert!(instance_work::finish_teardown(&db, me, &[claim(&live)]).await.unwrap().is_empty(), "it lives");
    let _gone = instances::tombstone(&db, live.user_id, live.id, None, &botberi::models::Origin::default())
        .await
        .unwrap();
    let _before = placed(&databases).await;
    let unaware = step(&live, InstanceStatus::Running, InstanceStatus::Failed);
    assert!(
        instance_work::move_batch(&db, me, &[unaware]).await.unwrap().is_empty(),
        "its owner has to look"
    );
    let tombstone = take(&db, me, live.id).await.unwrap();
    assert_eq!((tombstone.desired_state, tombstone.status), (DesiredState::Deleted, InstanceStatus::Running));
    assert_eq!(instance_work::finish_teardown(&db, me, &[claim(&tombstone)]).await.unwrap(), [live.id]);
    assert_eq!(take(&db, me, live.id).await, None);
    assert!(placed(&databases).await.is_empty());
}

#[tokio::test]
async fn what_a_leaving_replica_gives_up_is_found_at_once() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let (me, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let live = running(&db, me).await;
    let begun = take(&db, me, an_instance(&db).await.id).await.unwrap();
    let mut given_up = instance_work::release_all(&db, me).await.unwrap();
    given_up.sort_unstable();
    assert_eq!(given_up, [live.id, begun.id]);
    replicas::leave(&db, me).await.unwrap();

    let mut found = instance_sweep::sweep(&db, judge, 10).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, given_up);
    let late = step(&begun, InstanceStatus::Provisioning, InstanceStatus::Running);
    assert!(instance_work::move_batch(&db, me, &[late]).await.unwrap().is_empty(), "its claims are void");
}

#[tokio::test]
async fn past_its_deadline_a_start_has_failed_and_a_teardown_is_tried_again() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let (me, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let starting = an_instance(&db).await;
    let dying = an_instance(&db).await;
    let _gone = instances::tombstone(&db, dying.user_id, dying.id, None, &botberi::models::Origin::default())
        .await
        .unwrap();
    let in_time = take(&db, me, an_instance(&db).await.id).await.unwrap();
    let late = instance_work::take_batch(&db, me, &[starting.id, dying.id], -1).await.unwrap();
    assert_eq!(late.len(), 2);

    let expired = instance_sweep::expire(&db, judge, 10, "deadline passed", DEADLINE_MS).await.unwrap();
    assert_eq!(expired.len(), 2);
    assert!(expired.contains(&Expired { id: starting.id, revision: 3, status: InstanceStatus::Failed }));
    let failed = instances::find(&db, starting.user_id, starting.id).await.unwrap().unwrap();
    assert_eq!(failed.status_reason.as_deref(), Some("deadline passed"));
    assert_eq!(instance_sweep::sweep(&db, judge, 10).await.unwrap(), [dying.id]);
    assert!(instance_sweep::expire(&db, judge, 10, "deadline passed", DEADLINE_MS).await.unwrap().is_empty());
    assert_eq!(instance_work::list_owned(&db, me).await.unwrap(), [in_time.id]);
}

#[tokio::test]
async fn a_start_whose_owner_died_is_inherited_however_late_that_is_found() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let (dead, me) = (living_replica(&db).await, steady_replica(&databases).await);
    let judge = me;
    let begun =
        instance_work::take_batch(&db, dead, &[an_instance(&db).await.id], -1).await.unwrap().remove(0);
    kill(&plain, dead).await;

    assert!(instance_sweep::expire(&db, judge, 10, "deadline passed", DEADLINE_MS).await.unwrap().is_empty());
    assert_eq!(instance_sweep::sweep(&db, judge, 10).await.unwrap(), [begun.id]);
    let inherited = take(&db, me, begun.id).await.unwrap();
    assert_eq!((inherited.status, inherited.attempts), (InstanceStatus::Provisioning, 2));
    assert!(instance_sweep::expire(&db, judge, 10, "deadline passed", DEADLINE_MS).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_an_owner_without_a_row_left_is_found_at_once() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let (me, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let (kept, begun) = (running(&db, me).await, take(&db, me, an_instance(&db).await.id).await.unwrap());
    assert!(instance_sweep::sweep(&db, judge, 10).await.unwrap().is_empty());
    // It leaves before it has handed back; a claim that was under way then would look the same.
    replicas::leave(&db, me).await.unwrap();
    let mut found = instance_sweep::sweep(&db, judge, 10).await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [kept.id, begun.id]);
    assert_eq!(take(&db, judge, kept.id).await.unwrap().owner_replica, Some(judge));
}

#[tokio::test]
async fn a_wish_whose_owner_never_looks_at_it_has_a_deadline_too() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let (stuck, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let (stopped, deleted) = (running(&db, stuck).await, running(&db, stuck).await);
    let origin = botberi::models::Origin::default();
    let _wish = instances::stop(&db, stopped.user_id, stopped.id, &origin).await.unwrap().unwrap();
    let _gone = instances::tombstone(&db, deleted.user_id, deleted.id, None, &origin).await.unwrap();
    assert!(instance_sweep::expire(&db, judge, 10, "late", DEADLINE_MS).await.unwrap().is_empty());

    let before = "SET session_replication_role = 'replica'; UPDATE instances SET updated_at = updated_at - interval '2 minutes'";
    plain.batch_execute(before).await.unwrap();
    let mut expired = instance_sweep::expire(&db, judge, 10, "late", DEADLINE_MS).await.unwrap();
    expired.sort_unstable_by_key(|it| it.id);
    assert_eq!(expired.iter().map(|it| it.id).collect::<Vec<_>>(), [stopped.id, deleted.id]);
    assert!(take(&db, judge, stopped.id).await.is_some());
}

#[tokio::test]
async fn whoever_was_called_dead_registers_again() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let (living, dead) = (living_replica(&db).await, living_replica(&db).await);
    kill(&plain, dead).await;
    assert!(replicas::beat(&db, living).await.unwrap());
    assert!(!replicas::beat(&db, dead).await.unwrap());
    replicas::register(&db, dead, &["worker".to_owned()], LEASE_MS).await.unwrap();
    assert!(replicas::beat(&db, dead).await.unwrap());
}

#[tokio::test]
async fn what_was_claimed_while_a_claim_was_under_way_is_left_to_its_new_owner() {
    let databases = TestDatabases::create().await;
    let db = databases.shared().await;
    let plain = databases.plain("postgres").await;
    let (dead, judge) = (living_replica(&db).await, steady_replica(&databases).await);
    let kept = running(&db, dead).await;
    kill(&plain, dead).await;
    // The judge's claim has begun, and seen a dead owner; before it comes to the row somebody else has claimed that.
    let claim = include_str!("../../../src/models/store/sql/instances/take_batch.sql");
    let claim = claim.replace("FROM seen JOIN", "FROM (SELECT seen.* FROM seen, pg_sleep(1)) AS seen JOIN");
    let late = databases.plain("postgres").await;
    let claiming = async {
        let (ids, deadline) = (vec![kept.id.as_uuid()], DEADLINE_MS);
        late.query(claim.as_str(), &[&judge, &ids, &deadline]).await.unwrap()
    };
    let winning = async {
        let sleeps =
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        crate::support::wait::eventually("it has begun", async || {
            (!plain.query(sleeps, &[]).await.unwrap().is_empty()).then_some(())
        })
        .await;
        replicas::register(&db, dead, &["worker".to_owned()], LEASE_MS).await.unwrap();
        assert!(take(&db, dead, kept.id).await.is_some());
    };
    let (lost, ()) = futures_util::future::join(claiming, winning).await;
    assert!(lost.is_empty());
}
