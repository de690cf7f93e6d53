//! Connections: what they are made with, and what becomes of them when something goes wrong.

use std::time::{Duration, Instant};

use botberi::models::error::{Coded, ErrorCode};
use botberi::models::store::{SharedDb, StoreError, StoreSettings, instances, outbox};
use botberi::secret::Secret;

use super::builders::an_instance;
use crate::support::cables::lay as cable_to;
use crate::support::database::TestDatabases;
use crate::support::proxy::Cable;

fn settings(shared_url: String) -> StoreSettings {
    StoreSettings {
        url: Secret::new(shared_url),
        owner_url: Secret::default(),
        pool_size_max: 1,
        acquire_timeout_ms: 200,
        statement_timeout_ms: 500,
        lock_timeout_ms: 200,
        idle_in_transaction_timeout_ms: 10_000,
    }
}

#[tokio::test]
async fn a_transaction_that_was_left_in_the_middle_is_not_handed_to_the_next_borrower() {
    let databases = TestDatabases::create().await;
    let shared = SharedDb::open(&settings(databases.shared_url("botberi"))).unwrap();
    let instance = an_instance(&shared.connection().await.unwrap()).await;
    for patience_us in [0, 50, 200, 1_000, 5_000] {
        let leaving = async {
            let mut db = shared.connection().await.unwrap();
            let transaction = db.transaction().await.unwrap();
            let _wish = instances::stop(
                &transaction,
                instance.user_id,
                instance.id,
                &botberi::models::Origin::default(),
            )
            .await
            .unwrap();
            std::future::pending::<()>().await;
        };
        // Cancelled at some point between the BEGIN and the never coming COMMIT.
        let _elapsed = tokio::time::timeout(Duration::from_micros(patience_us), leaving).await;

        let db = shared.connection().await.unwrap();
        let now = instances::find(&db, instance.user_id, instance.id).await.unwrap();
        assert_eq!(now.as_ref(), Some(&instance));
    }
    // Nothing that was read above was read inside a transaction that is still open: its writes would be invisible here.
    let db = shared.connection().await.unwrap();
    let stopped = instances::stop(&db, instance.user_id, instance.id, &botberi::models::Origin::default())
        .await
        .unwrap()
        .unwrap();
    let seen = instances::find(&databases.shared().await, instance.user_id, instance.id).await.unwrap();
    assert_eq!(seen, Some(stopped));
}

#[tokio::test]
async fn nobody_waits_for_ever_for_a_server_that_says_nothing_or_behind_a_statement_that_was_given_up() {
    let databases = TestDatabases::create().await;
    let url = databases.shared_url("botberi");
    let (cable, through) = cable_to(&url).await;
    let shared = SharedDb::open(&settings(through)).unwrap();
    let db = shared.connection().await.unwrap();
    outbox::watermark(&db).await.unwrap();

    cable.set(Cable::Silent);
    let asked = Instant::now();
    let silent = outbox::watermark(&db).await.unwrap_err();
    assert!(matches!(silent, StoreError::Silent(_)), "{silent:?}");
    assert_eq!(silent.code(), ErrorCode::OutcomeUnknown);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    drop(db);
    assert_eq!(shared.pool_usage().open, 0, "the connection is not kept for the next borrower");
    cable.set(Cable::Sound);
    outbox::watermark(&shared.connection().await.unwrap()).await.unwrap();

    // The same where whoever waited has gone away.
    cable.set(Cable::Silent);
    let db = shared.connection().await.unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(50), outbox::watermark(&db)).await;
    assert!(gone.is_err());
    drop(db);
    assert_eq!(shared.pool_usage().open, 0);
}

#[tokio::test]
async fn a_full_pool_says_that_it_is_busy() {
    let databases = TestDatabases::create().await;
    let shared = SharedDb::open(&settings(databases.shared_url("botberi"))).unwrap();
    let _held = shared.connection().await.unwrap();
    let begun = Instant::now();
    let refused = shared.connection().await.unwrap_err();
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused:?}");
    assert_eq!(refused.code(), ErrorCode::ServiceBusy);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(shared.pool_usage().idle, 0);
}

#[tokio::test]
async fn a_lock_that_does_not_come_is_busyness_too() {
    let databases = TestDatabases::create().await;
    let shared = SharedDb::open(&settings(databases.shared_url("botberi"))).unwrap();
    let instance = an_instance(&databases.shared().await).await;
    let mut holder = databases.shared().await;
    let open = holder.transaction().await.unwrap();
    let _held = instances::stop(&open, instance.user_id, instance.id, &botberi::models::Origin::default())
        .await
        .unwrap();

    let db = shared.connection().await.unwrap();
    let refused = instances::stop(&db, instance.user_id, instance.id, &botberi::models::Origin::default())
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused:?}");
    assert!(refused.is_transient());
}

#[tokio::test]
async fn a_server_that_is_away_is_told_from_one_that_broke_off() {
    let databases = TestDatabases::create().await;
    let nowhere =
        SharedDb::open(&settings("postgres://botberi:botberi@127.0.0.1:1/none".to_owned())).unwrap();
    let refused = nowhere.check().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    assert_eq!(refused.code(), ErrorCode::DependencyUnavailable);
    assert!(nowhere.own_connection("test").await.unwrap_err().is_transient());

    let shared = SharedDb::open(&settings(databases.shared_url("botberi"))).unwrap();
    shared.check().await.unwrap();
    let mut own = shared.own_connection("to be ended").await.unwrap();
    let killer = databases.plain("postgres").await;
    let ended = killer
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'to be ended'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(ended, 1);
    assert_eq!(own.bell().await, None, "whoever listens learns that the connection is gone");
    let broken = outbox::watermark(&own).await.unwrap_err();
    assert!(matches!(broken, StoreError::Lost(_) | StoreError::Unavailable { .. }), "{broken:?}");
    assert!(own.is_closed());

    // The pool makes a new connection in place of one that was ended while idle.
    let _all = killer
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'botberi' AND datname = current_database()",
            &[],
        )
        .await
        .unwrap();
    let mut answered = false;
    for _ in 0..100 {
        if shared.check().await.is_ok() {
            answered = true;
            break;
        }
    }
    assert!(answered);
}

#[tokio::test]
async fn settings_that_cannot_be_used_say_so_and_keep_the_password() {
    let unusable = settings("postgres://botberi:geheim@[".to_owned());
    let refused = SharedDb::open(&unusable).unwrap_err();
    assert!(matches!(refused, StoreError::Settings(_)), "{refused:?}");
    assert!(!format!("{refused} {refused:?} {unusable:?}").contains("geheim"));
}
