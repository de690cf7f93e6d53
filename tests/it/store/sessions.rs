//! Sign-ins, their refresh tokens, and their end.

use botberi::models::Origin;
use botberi::models::ids::{RefreshTokenId, SessionId, UserId};
use botberi::models::store::refresh_tokens::{self, NextToken};
use botberi::models::store::sessions::{self, EndReason, NewSession, Revocation};
use botberi::models::store::{Session, StoreError, UserDb, UserSide, users};
use botberi::models::user::{NewUser, PasswordHash, Role};
use serde_json::json;

use crate::support::database::TestDatabases;

async fn somebody(db: &UserDb, name: &str) -> UserId {
    let user = NewUser {
        id: UserId::new(),
        username: name.to_owned(),
        email: None,
        password_hash: PasswordHash::new("first".to_owned()),
        role: Role::Developer,
    };
    users::insert(&db.connection().await.unwrap(), &user, &Origin::default()).await.unwrap().id
}

async fn begin(db: &UserDb, user_id: UserId, token: &[u8], hash: &str) -> Option<SessionId> {
    let id = SessionId::new();
    let new = NewSession {
        id,
        user_id,
        role: Role::Developer,
        password_hash: &PasswordHash::new(hash.to_owned()),
        token_id: RefreshTokenId::new(),
        token_hash: token,
        lifetime_seconds: 600,
        access_seconds: 60,
        origin: &Origin::default(),
    };
    sessions::begin(&db.connection().await.unwrap(), &new).await.unwrap().then_some(id)
}

async fn revoke(
    db: &impl Session<UserSide>,
    id: SessionId,
    user_id: UserId,
) -> Result<Option<Revocation>, StoreError> {
    sessions::revoke(db, id, user_id, EndReason::LogOut, &Origin::default()).await
}

fn ids(revocations: &[Revocation]) -> Vec<SessionId> {
    let mut ids: Vec<SessionId> = revocations.iter().map(|ended| ended.session_id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_session_begins_only_with_the_password_and_the_role_that_were_checked() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let ada = somebody(db, "ada").await;
    assert!(begin(db, ada, b"a", "other").await.is_none());
    assert!(begin(db, UserId::new(), b"b", "first").await.is_none());
    assert!(begin(db, ada, b"c", "first").await.is_some());
    let sql = databases.plain_user("postgres").await;
    sql.batch_execute("UPDATE users SET role = 'viewer'").await.unwrap();
    assert!(begin(db, ada, b"e", "first").await.is_none(), "the role that was read is not the role any more");
    sql.batch_execute("UPDATE users SET role = 'developer'").await.unwrap();
    databases
        .plain_user("botberi")
        .await
        .batch_execute("UPDATE users SET disabled_at = now()")
        .await
        .unwrap();
    assert!(begin(db, ada, b"d", "first").await.is_none());
}

#[tokio::test]
async fn a_sign_in_waits_for_a_change_of_the_password_and_then_fails() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let ada = somebody(db, "ada").await;
    let mut connection = db.connection().await.unwrap();
    let change = connection.transaction().await.unwrap();
    let (first, second) = (PasswordHash::new("first".to_owned()), PasswordHash::new("second".to_owned()));
    assert!(users::change_password(&change, ada, &first, &second, &Origin::default()).await.unwrap());
    let finish = async {
        until_someone_waits(&databases).await;
        let ended = sessions::revoke_others(&change, ada, SessionId::new()).await.unwrap();
        change.commit().await.unwrap();
        ended
    };
    let (begun, ended) = tokio::join!(begin(db, ada, b"a", "first"), finish);
    assert_eq!((begun, ended), (None, Vec::new()));
}

async fn until_someone_waits(databases: &TestDatabases) {
    let observer = databases.plain_user("postgres").await;
    let query = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    crate::support::wait::eventually("somebody waits for a lock", async || {
        let waiting: i64 = observer.query_one(query, &[]).await.unwrap().get(0);
        (waiting > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_token_is_rotated_once_and_its_session_lasts_longer() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let ada = somebody(db, "ada").await;
    let id = begin(db, ada, b"one", "first").await.unwrap();

    let mut connection = db.connection().await.unwrap();
    let transaction = connection.transaction().await.unwrap();
    assert_eq!(sessions::lock_by_token(&transaction, b"one").await.unwrap(), Some(id));
    assert_eq!(sessions::lock_by_token(&transaction, b"none").await.unwrap(), None);
    let known = refresh_tokens::find(&transaction, b"one").await.unwrap().unwrap();
    assert_eq!((known.session_id, known.user_id, known.is_spent, known.is_good), (id, ada, false, true));
    let next = NextToken {
        id: RefreshTokenId::new(),
        token_hash: b"two",
        lifetime_seconds: 6_000,
        access_seconds: 600,
    };
    assert!(refresh_tokens::rotate(&transaction, known.id, &next).await.unwrap());
    let again = NextToken { id: RefreshTokenId::new(), token_hash: b"three", ..next };
    assert!(!refresh_tokens::rotate(&transaction, known.id, &again).await.unwrap());
    assert!(refresh_tokens::find(&transaction, b"one").await.unwrap().unwrap().is_spent);
    transaction.commit().await.unwrap();

    let sql = databases.plain_user("postgres").await;
    let longer = "SELECT expires_at > now() + interval '5000 s' AND access_until > now() + interval '500 s' FROM sessions";
    assert!(sql.query_one(longer, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn whoever_ends_sessions_is_heard_once_and_in_the_outbox() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let (ada, eve) = (somebody(db, "ada").await, somebody(db, "eve").await);
    let mut of_ada = Vec::new();
    for token in [b"1", b"2", b"3"] {
        of_ada.push(begin(db, ada, token, "first").await.unwrap());
    }
    let of_eve = begin(db, eve, b"4", "first").await.unwrap();

    let connection = db.connection().await.unwrap();
    let nothing = sessions::list_all_revoked(&connection).await.unwrap();
    assert_eq!(nothing.revocations, []);
    assert!(revoke(&connection, of_ada[0], eve).await.unwrap().is_none(), "it is another's");
    let ended = revoke(&connection, of_ada[0], ada).await.unwrap().unwrap();
    assert_eq!((ended.session_id, ended.user_id), (of_ada[0], ada));
    assert!(revoke(&connection, of_ada[0], ada).await.unwrap().is_none(), "it is over");
    assert!(!sessions::is_live(&connection, of_ada[0]).await.unwrap());
    assert!(sessions::is_live(&connection, of_ada[1]).await.unwrap());
    assert!(!sessions::is_live(&connection, SessionId::new()).await.unwrap());

    let first = sessions::list_revoked(&connection, nothing.horizon).await.unwrap();
    assert_eq!(ids(&first.revocations), [of_ada[0]]);
    let others = sessions::revoke_others(&connection, ada, of_ada[1]).await.unwrap();
    assert_eq!(ids(&others), [of_ada[2]]);
    let second = sessions::list_revoked(&connection, first.horizon).await.unwrap();
    // Another database's transaction may hold the horizon back: then the first is told again.
    assert!(ids(&second.revocations).contains(&of_ada[2]));
    assert!(sessions::is_live(&connection, of_eve).await.unwrap());

    let sql = databases.plain_user("botberi").await;
    let rows = sql
        .query("SELECT routing_key, aggregate_id, user_id, body::text FROM event_outbox ORDER BY id", &[])
        .await
        .unwrap();
    let told: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let of = |id: SessionId| ("auth.revoked".to_owned(), id.to_string());
    assert_eq!(told, [of(of_ada[0]), of(of_ada[2])]);
    let body: serde_json::Value = serde_json::from_str(rows[0].get(3)).unwrap();
    assert_eq!(body, json!({"user_id": ada, "session_id": of_ada[0]}));
    let alive: i64 = sql
        .query_one("SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(alive, 2);
}

#[tokio::test]
async fn a_look_misses_no_revocation_that_commits_later_than_a_younger_one() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let ada = somebody(db, "ada").await;
    let (slow, quick) =
        (begin(db, ada, b"1", "first").await.unwrap(), begin(db, ada, b"2", "first").await.unwrap());
    let mut one = db.connection().await.unwrap();
    let transaction = one.transaction().await.unwrap();
    let _ended = revoke(&transaction, slow, ada).await.unwrap();

    let other = db.connection().await.unwrap();
    let _ended = revoke(&other, quick, ada).await.unwrap();
    let first = sessions::list_all_revoked(&other).await.unwrap();
    assert_eq!(ids(&first.revocations), [quick]);
    transaction.commit().await.unwrap();
    let second = sessions::list_revoked(&other, first.horizon).await.unwrap();
    assert!(ids(&second.revocations).contains(&slow));
}

#[tokio::test]
async fn plain_sql_that_closes_an_account_or_changes_its_role_ends_its_sessions_for_ever() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let sql = databases.plain_user("botberi").await;
    let changes = [
        ("ada", "disabled_at = now()", 1_i64),
        ("eve", "role = 'viewer'", 1),
        ("bob", "disabled_at = now(), closed_at = now()", 2),
        ("joe", "email = 'joe@example.org'", 0),
    ];
    for (name, change, events) in changes {
        let user = somebody(db, name).await;
        let id = begin(db, user, name.as_bytes(), "first").await.unwrap();
        sql.batch_execute(&format!("UPDATE users SET {change} WHERE username = '{name}'")).await.unwrap();
        let connection = db.connection().await.unwrap();
        assert_eq!(sessions::is_live(&connection, id).await.unwrap(), events == 0, "{name}");
        let told: i64 = sql
            .query_one("SELECT count(*) FROM event_outbox WHERE user_id = $1", &[&user])
            .await
            .unwrap()
            .get(0);
        assert_eq!(told, events, "{name}");
    }
    sql.batch_execute("UPDATE sessions SET revoked_at = NULL").await.unwrap();
    let over: i64 = sql
        .query_one("SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(over, 3);
    sql.batch_execute("UPDATE users SET disabled_at = NULL WHERE username = 'bob'").await.unwrap_err();
}

#[tokio::test]
async fn a_sign_in_of_the_release_before_has_a_session_too() {
    let databases = TestDatabases::create().await;
    let ada = somebody(&databases.user, "ada").await;
    let sql = databases.plain_user("botberi").await;
    let family = SessionId::new();
    sql.execute(
        "INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, expires_at)
         VALUES ($1, $2, $3, 'x', now() + interval '1 hour')",
        &[&RefreshTokenId::new(), &family, &ada],
    )
    .await
    .unwrap();
    assert!(sessions::is_live(&databases.user.connection().await.unwrap(), family).await.unwrap());
}

#[tokio::test]
async fn sign_ins_that_were_there_before_go_on_after_the_migration() {
    let databases = TestDatabases::create().await;
    let sql = databases.plain_user("postgres").await;
    sql.batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
    let apply = async |name: &str| {
        let path = format!("{}/migrations/user/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        sql.batch_execute(&format!("BEGIN; {text}; COMMIT")).await.unwrap();
    };
    apply("V1__create_users").await;
    apply("V2__create_sessions").await;
    sql.batch_execute(
        "INSERT INTO users (id, username, password_hash) SELECT gen_random_uuid(), name, 'x' FROM unnest('{ada,eve}'::text[]) AS of (name);
         INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, expires_at)
         SELECT gen_random_uuid(), users.id, users.id, convert_to(username || n, 'UTF8'), now() + n * interval '1 hour'
         FROM users, generate_series(1, 3) AS n;
         UPDATE refresh_tokens SET revoked_at = now() FROM users WHERE users.id = user_id AND username = 'eve'",
    )
    .await
    .unwrap();
    for name in ["V3__create_session_rows", "V4__create_account_events", "V5__record_account_changes"] {
        apply(name).await;
    }
    let row = sql
        .query_one(
            "SELECT count(*), bool_and(id = user_id AND expires_at > now() + interval '170 minutes'
                 AND access_until > now()),
                 (SELECT count(*) FROM sessions, users WHERE users.id = user_id AND username = 'eve'
                      AND revoked_at IS NOT NULL AND revoked_in IS NOT NULL),
                 count(*) FILTER (WHERE revoked_at IS NULL)
             FROM sessions",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (2, true));
    assert_eq!((row.get::<_, i64>(2), row.get::<_, i64>(3)), (1, 1), "one was ended before, and one goes on");
}

#[tokio::test]
async fn what_is_revoked_is_listed_for_a_minute_past_its_tokens_and_found_by_indexes() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let ada = somebody(db, "ada").await;
    let owner = databases.plain_user("botberi_owner").await;
    // What is kept for those who look back, and three that matter.
    owner
        .execute(
            "INSERT INTO sessions (id, user_id, expires_at, access_until)
             SELECT gen_random_uuid(), $1::uuid, now(), now() - interval '61 s' - n * interval '1 s' FROM generate_series(1, 3000) AS n
             UNION ALL
             SELECT gen_random_uuid(), $1::uuid, now(), now() - interval '30 s' + n * interval '20 s' FROM generate_series(1, 3) AS n",
            &[&ada],
        )
        .await
        .unwrap();
    owner.batch_execute("UPDATE sessions SET revoked_at = now(); ANALYZE sessions").await.unwrap();
    let connection = db.connection().await.unwrap();
    let all = sessions::list_all_revoked(&connection).await.unwrap();
    assert_eq!(all.revocations.len(), 3);
    let since = sessions::list_revoked(&connection, 1).await.unwrap();
    assert_eq!(ids(&since.revocations), ids(&all.revocations));

    let plain = databases.plain_user("botberi").await;
    plain.batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off").await.unwrap();
    for (file, index) in
        [("list_all_revoked", "sessions_revoked_by_end"), ("list_revoked", "sessions_by_revocation")]
    {
        let path = format!("{}/src/models/store/sql/sessions/{file}.sql", env!("CARGO_MANIFEST_DIR"));
        let statement = std::fs::read_to_string(path).unwrap().replace("$1", "1000000000");
        let plan = plain.query(&format!("EXPLAIN (COSTS OFF) {statement}"), &[]).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains(&format!("using {index}"))), "{plan:?}");
        assert!(plan.iter().any(|line| line.contains("Index Cond")), "{plan:?}");
    }
}

#[tokio::test]
async fn sessions_beyond_the_most_end_a_few_at_a_time_the_least_used_first() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let (ada, eve) = (somebody(db, "ada").await, somebody(db, "eve").await);
    let of_eve = begin(db, eve, b"eve", "first").await.unwrap();
    let mut of_ada = Vec::new();
    for token in 0..6_u8 {
        of_ada.push(begin(db, ada, &[token], "first").await.unwrap());
    }
    let sql = databases.plain_user("postgres").await;
    let used = "UPDATE sessions SET expires_at = expires_at + interval '1 hour' WHERE id = $1";
    sql.execute(used, &[&of_ada[0]]).await.unwrap();
    let over = "UPDATE sessions SET expires_at = now() WHERE id = $1";
    sql.execute(over, &[&of_ada[1]]).await.unwrap();

    let mut connection = db.connection().await.unwrap();
    let mut all_ended = Vec::new();
    for expected in [2, 0] {
        let transaction = connection.transaction().await.unwrap();
        let ended = sessions::revoke_surplus(&transaction, ada, 3, 8).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(ended.len(), expected);
        all_ended.extend(ids(&ended));
    }
    assert_eq!(all_ended, [of_ada[2], of_ada[3]]);
    let transaction = connection.transaction().await.unwrap();
    assert_eq!(sessions::revoke_surplus(&transaction, ada, 1, 1).await.unwrap().len(), 1);
    drop(transaction);
    assert!(sessions::is_live(&connection, of_eve).await.unwrap());
}

#[tokio::test]
async fn plain_sql_deletes_no_account_that_is_open_and_no_session_whose_tokens_live() {
    let databases = TestDatabases::create().await;
    let db = &databases.user;
    let ada = somebody(db, "ada").await;
    let _session = begin(db, ada, b"ada", "first").await.unwrap();
    let service = databases.plain_user("botberi").await;
    let refused = service.batch_execute("DELETE FROM users").await.unwrap_err();
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));

    let owner = databases.plain_user("botberi_owner").await;
    let refused = async |client: &tokio_postgres::Client, statement: &str| {
        let error = client.batch_execute(statement).await.expect_err(statement);
        let error = error.as_db_error().unwrap();
        (error.code().code().to_owned(), error.message().to_owned())
    };
    let (code, message) = refused(&owner, "DELETE FROM users").await;
    assert_eq!((code.as_str(), message.contains("close it first")), ("BB006", true), "{message}");
    let (code, message) = refused(&service, "DELETE FROM sessions").await;
    assert_eq!((code.as_str(), message.contains("set revoked_at")), ("BB007", true), "{message}");

    owner.batch_execute("UPDATE users SET disabled_at = now(), closed_at = now()").await.unwrap();
    let (code, _) = refused(&owner, "DELETE FROM users").await;
    assert_eq!(code, "BB007", "its access token is still taken by who has not heard of its end");
    owner.batch_execute("UPDATE sessions SET access_until = now()").await.unwrap();
    owner.batch_execute("DELETE FROM users").await.unwrap();
}
