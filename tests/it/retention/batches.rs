//! The statements, batch by batch.

use botberi::models::store::keys::RETENTION_KEY;
use botberi::models::store::retention::{self, Aging, Batch};
use tokio_postgres::Client;

use crate::support::database::TestDatabases;

const DAY: i64 = 86_400;

/// A log of that many events, of which the first `old` happened two days ago, and up to `published` are confirmed.
pub(super) async fn fill(plain: &Client, events: i64, old: i64, published: i64) {
    let sql = format!(
        "INSERT INTO event_outbox (routing_key, table_name, event_type, aggregate_id, user_id, body, occurred_at, position)
         SELECT 'instance.updated', 'instances', 'update', 'i' || n % 1000, gen_random_uuid(),
                json_build_object('n', n, 'filler', repeat('x', 300)),
                now() - CASE WHEN n <= {old} THEN interval '2 days' ELSE interval '1 minute' END, n
         FROM generate_series(1, {events}) AS n;
         UPDATE publisher_state SET last_position = {events}, published_position = {published}"
    );
    plain.batch_execute(&sql).await.unwrap();
}

async fn positions(plain: &Client) -> Vec<i64> {
    let rows = plain.query("SELECT position FROM event_outbox ORDER BY position", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn of_the_log_only_a_beginning_goes_that_is_old_and_published() {
    let databases = TestDatabases::create().await;
    let (db, plain) = (databases.shared().await, databases.plain("postgres").await);
    fill(&plain, 30, 20, 15).await;
    // A young one in the middle: a transaction was quicker than the one before it.
    plain.execute("UPDATE event_outbox SET occurred_at = now() WHERE position = 13", &[]).await.unwrap();

    assert_eq!(retention::sweep_events(&db, DAY, 8, 0).await.unwrap(), (Batch::Deleted(8), 8));
    assert_eq!(retention::sweep_events(&db, DAY, 8, 8).await.unwrap(), (Batch::Deleted(4), 12));
    assert_eq!(retention::sweep_events(&db, DAY, 8, 12).await.unwrap(), (Batch::Deleted(0), 12));
    assert_eq!(positions(&plain).await, (13..=30).collect::<Vec<i64>>());

    plain.execute("UPDATE event_outbox SET occurred_at = now() - interval '2 days'", &[]).await.unwrap();
    assert_eq!(retention::sweep_events(&db, DAY, 100, 0).await.unwrap(), (Batch::Deleted(3), 15));
    assert_eq!(positions(&plain).await, (16..=30).collect::<Vec<i64>>(), "what is not published must stay");
}

#[tokio::test]
async fn an_event_without_a_position_is_never_too_old() {
    let databases = TestDatabases::create().await;
    let (db, plain) = (databases.shared().await, databases.plain("postgres").await);
    fill(&plain, 3, 3, 3).await;
    plain.execute("UPDATE event_outbox SET position = NULL WHERE position = 2", &[]).await.unwrap();
    assert_eq!(retention::sweep_events(&db, DAY, 100, 0).await.unwrap(), (Batch::Deleted(2), 3));
    let left: i64 = plain.query_one("SELECT count(*) FROM event_outbox", &[]).await.unwrap().get(0);
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_deleted_team_is_known_for_a_day_however_short_other_things_are_kept() {
    let databases = TestDatabases::create().await;
    let (shared, user) = (databases.plain("postgres").await, databases.plain_user("postgres").await);
    let ages = "FROM (VALUES (interval '2 days'), (interval '1 hour'), (NULL)) AS of (age)";
    let known = format!(
        "INSERT INTO teams (id, revision, is_closed, deleted_at) SELECT gen_random_uuid(), 1, true, now() - age {ages}"
    );
    shared.batch_execute(&known).await.unwrap();
    let held = format!(
        "INSERT INTO teams (id, name, projected_revision, deleted_at) SELECT gen_random_uuid(), 'x', 1, now() - age {ages}"
    );
    user.batch_execute(&held).await.unwrap();
    // One that is not known of yet.
    user.batch_execute(
        "INSERT INTO teams (id, name, deleted_at) SELECT gen_random_uuid(), 'x', now() - interval '2 days'",
    )
    .await
    .unwrap();
    let (db, user_db) = (databases.shared().await, databases.user.connection().await.unwrap());
    let (known, held) = (retention::TEAM_PROJECTION, retention::TEAMS);
    assert_eq!(retention::sweep_shared(&db, known, 0, 10).await.unwrap(), Batch::Deleted(1));
    assert_eq!(retention::sweep_shared(&db, known, 0, 10).await.unwrap(), Batch::Deleted(0));
    assert_eq!(retention::sweep_user(&user_db, held, 0, 10).await.unwrap(), Batch::Deleted(1));
    assert_eq!(retention::sweep_user(&user_db, held, 0, 10).await.unwrap(), Batch::Deleted(0));
}

#[tokio::test]
async fn one_replica_deletes_at_a_time() {
    let databases = TestDatabases::create().await;
    let (db, plain) = (databases.shared().await, databases.plain("postgres").await);
    fill(&plain, 3, 3, 3).await;
    let other = databases.plain("botberi").await;
    other.execute("SELECT pg_advisory_lock($1)", &[&RETENTION_KEY]).await.unwrap();
    assert_eq!(retention::sweep_events(&db, DAY, 100, 0).await.unwrap(), (Batch::Anothers, 0));
    assert_eq!(retention::sweep_shared(&db, retention::DEAD_LETTERS, 0, 100).await.unwrap(), Batch::Anothers);
    other.execute("SELECT pg_advisory_unlock($1)", &[&RETENTION_KEY]).await.unwrap();
    assert_eq!(retention::sweep_events(&db, DAY, 100, 0).await.unwrap(), (Batch::Deleted(3), 3));
}

/// Rows of one table: `old` of them two days old, `young` of them of this moment.
struct Rows {
    aging: Aging,
    table: &'static str,
    insert: &'static str,
}

const OF_SHARED: [Rows; 4] = [
    Rows {
        aging: retention::DEAD_LETTERS,
        table: "dead_letters",
        insert: "INSERT INTO dead_letters (queue, event_id, routing_key, reason, body, died_at)
                 SELECT 'q', gen_random_uuid(), 'k', 'r', '', $1 FROM generate_series(1, $2)",
    },
    Rows {
        aging: retention::HANDLED_DEAD_LETTERS,
        table: "dead_letters",
        insert: "INSERT INTO dead_letters (queue, event_id, routing_key, reason, body, died_at, handled_at, outcome)
                 SELECT 'h', gen_random_uuid(), 'k', 'r', '', now() - interval '9 days', $1, 'redriven' FROM generate_series(1, $2)",
    },
    Rows {
        aging: retention::EVENT_REPLAYS,
        table: "event_replays",
        insert: "INSERT INTO event_replays
                     (id, from_position, to_position, requested_by, position, finished_at, outcome, is_open)
                 SELECT gen_random_uuid(), 1, 1, gen_random_uuid(), 1, $1, 'done', NULL FROM generate_series(1, $2)",
    },
    Rows {
        aging: retention::IDEMPOTENCY_KEYS,
        table: "idempotency_keys",
        insert: "INSERT INTO idempotency_keys (owner_id, route, key, fingerprint, created_at)
                 SELECT gen_random_uuid(), 'POST /things', 'k', '', $1 FROM generate_series(1, $2)",
    },
];

const OF_USER: [Rows; 6] = [
    Rows {
        aging: retention::API_KEYS,
        table: "api_keys",
        insert: "INSERT INTO api_keys (id, user_id, name, prefix, key_hash, permissions, revoked_at)
                 SELECT gen_random_uuid(), (SELECT id FROM users), 'n', 'sk-', sha256(gen_random_uuid()::text::bytea), '{}', $1
                 FROM generate_series(1, $2)",
    },
    Rows {
        aging: retention::CREDENTIAL_CHANGES,
        table: "credential_changes",
        insert: "INSERT INTO credential_changes (kind, user_id, changed_at)
                 SELECT 'member', gen_random_uuid(), $1 FROM generate_series(1, $2)",
    },
    Rows {
        aging: retention::IDEMPOTENCY_KEYS,
        table: "idempotency_keys",
        insert: "INSERT INTO idempotency_keys (owner_id, route, key, fingerprint, created_at)
                 SELECT gen_random_uuid(), 'POST /things', 'k', '', $1 FROM generate_series(1, $2)",
    },
    // Before the tokens: each of those brings a session along.
    Rows {
        aging: retention::SESSIONS,
        table: "sessions",
        insert: "INSERT INTO sessions (id, user_id, expires_at, access_until)
                 SELECT gen_random_uuid(), (SELECT id FROM users), $1, now() - interval '1 second'
                 FROM generate_series(1, $2)",
    },
    Rows {
        aging: retention::REFRESH_TOKENS,
        table: "refresh_tokens",
        insert: "INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, expires_at)
                 SELECT gen_random_uuid(), gen_random_uuid(), (SELECT id FROM users), gen_random_uuid()::text::bytea, $1
                 FROM generate_series(1, $2)",
    },
    Rows {
        aging: retention::WS_TICKETS,
        table: "ws_tickets",
        insert: "INSERT INTO ws_tickets (ticket_hash, user_id, expires_at)
                 SELECT gen_random_uuid()::text::bytea, (SELECT id FROM users), $1 FROM generate_series(1, $2)",
    },
];

async fn insert(plain: &Client, rows: &Rows, old: i32, young: i32) {
    let now = jiff::Timestamp::now();
    let two_days_ago = now - jiff::SignedDuration::from_hours(48);
    plain.execute(rows.insert, &[&two_days_ago, &old]).await.unwrap();
    plain.execute(rows.insert, &[&now, &young]).await.unwrap();
}

async fn count(plain: &Client, table: &str) -> i64 {
    plain.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn each_table_loses_what_is_old_in_batches_and_keeps_what_is_young() {
    let databases = TestDatabases::create().await;
    let (shared, user) = (databases.shared().await, databases.user.connection().await.unwrap());
    let plain = databases.plain("postgres").await;
    for rows in &OF_SHARED {
        insert(&plain, rows, 7, 4).await;
        let batch = retention::sweep_shared(&shared, rows.aging, DAY, 5);
        assert_eq!(batch.await.unwrap(), Batch::Deleted(5), "{}", rows.table);
        let batch = retention::sweep_shared(&shared, rows.aging, DAY, 5);
        assert_eq!(batch.await.unwrap(), Batch::Deleted(2), "{}", rows.table);
        let batch = retention::sweep_shared(&shared, rows.aging, DAY, 5);
        assert_eq!(batch.await.unwrap(), Batch::Deleted(0), "{}", rows.table);
        assert_eq!(count(&plain, rows.table).await, 4, "{}", rows.table);
        plain.batch_execute(&format!("DELETE FROM {}", rows.table)).await.unwrap();
    }
    let plain = databases.plain_user("postgres").await;
    plain
        .batch_execute(
            "INSERT INTO users (id, username, password_hash) VALUES (gen_random_uuid(), 'ada', 'x')",
        )
        .await
        .unwrap();
    for rows in &OF_USER {
        insert(&plain, rows, 7, 4).await;
        let batch = retention::sweep_user(&user, rows.aging, DAY, 5);
        assert_eq!(batch.await.unwrap(), Batch::Deleted(5), "{}", rows.table);
        let batch = retention::sweep_user(&user, rows.aging, DAY, 5);
        assert_eq!(batch.await.unwrap(), Batch::Deleted(2), "{}", rows.table);
        assert_eq!(count(&plain, rows.table).await, 4, "{}", rows.table);
    }
}

#[tokio::test]
async fn a_key_that_is_taken_over_just_now_stays_and_holds_nobody_up() {
    let databases = TestDatabases::create().await;
    let (shared, plain) = (databases.shared().await, databases.plain("postgres").await);
    let keys = &OF_SHARED[3];
    insert(&plain, keys, 5, 0).await;
    let other = databases.plain("botberi").await;
    let take_over = "BEGIN;
        UPDATE idempotency_keys SET created_at = clock_timestamp()
        WHERE owner_id = (SELECT owner_id FROM idempotency_keys ORDER BY owner_id LIMIT 1)";
    other.batch_execute(take_over).await.unwrap();
    let batch = retention::sweep_shared(&shared, keys.aging, DAY, 10).await;
    assert_eq!(batch.unwrap(), Batch::Deleted(4));
    other.batch_execute("COMMIT").await.unwrap();
    let batch = retention::sweep_shared(&shared, keys.aging, DAY, 10).await;
    assert_eq!(batch.unwrap(), Batch::Deleted(0));
    assert_eq!(count(&plain, keys.table).await, 1);
}

#[tokio::test]
async fn a_letter_that_is_to_be_sent_again_is_kept_however_old_and_one_that_died_again_is_young() {
    let databases = TestDatabases::create().await;
    let (shared, plain) = (databases.shared().await, databases.plain("postgres").await);
    insert(&plain, &OF_SHARED[0], 3, 0).await;
    let oldest = "(SELECT id FROM dead_letters ORDER BY id LIMIT 1)";
    let newest = "(SELECT id FROM dead_letters ORDER BY id DESC LIMIT 1)";
    plain
        .batch_execute(&format!(
            "UPDATE dead_letters SET wished_at = now() - interval '2 days' WHERE id = {oldest};
             UPDATE dead_letters SET created_at = now() - interval '9 days', died_at = now() WHERE id = {newest}"
        ))
        .await
        .unwrap();
    let batch = retention::sweep_shared(&shared, retention::DEAD_LETTERS, DAY, 10).await;
    assert_eq!(batch.unwrap(), Batch::Deleted(1));
    assert_eq!(count(&plain, "dead_letters").await, 2);
}
