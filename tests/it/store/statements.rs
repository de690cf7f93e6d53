//! The statements themselves, one by one.

use std::path::{Path, PathBuf};

use botberi::models::store::migrate::{self, Schema};

use crate::support::database::TestDatabases;

/// The tables of `user_psql`; all others are in `shared_psql`.
pub(crate) const USER_TABLES: [&str; 10] = [
    "users",
    "sessions",
    "refresh_tokens",
    "ws_tickets",
    "password_resets",
    "user_outbox",
    "api_keys",
    "credential_changes",
    "teams",
    "team_members",
];

pub(crate) fn statement_files() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/models/store/sql");
    let mut found = Vec::new();
    for table in std::fs::read_dir(root).unwrap() {
        let table = table.unwrap();
        for file in std::fs::read_dir(table.path()).unwrap() {
            found.push((table.file_name().into_string().unwrap(), file.unwrap().path()));
        }
    }
    assert!(found.len() > 40, "the statements have moved");
    found
}

#[tokio::test]
async fn every_statement_prepares_as_the_service_role() {
    let databases = TestDatabases::create().await;
    let shared = databases.plain("botberi").await;
    let user = databases.plain_user("botberi").await;
    for (table, path) in statement_files() {
        let statement = std::fs::read_to_string(&path).unwrap();
        let client = if USER_TABLES.contains(&table.as_str()) { &user } else { &shared };
        if let Err(error) = client.prepare(&statement).await {
            panic!("{}: {error:?}", path.display());
        }
    }
}

#[test]
fn no_statement_touches_the_session_or_takes_every_column() {
    for (_, path) in statement_files() {
        let statement = std::fs::read_to_string(&path).unwrap();
        let code: String =
            statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
        for forbidden in ["BEGIN", "COMMIT", "set_config", "*\n", " *", ";"] {
            let arithmetic =
                [") * 1000", "7200) * interval", "bigint * interval", "ms * interval", "1) * interval"];
            // For the transaction alone: the next borrower of the connection sees nothing of it.
            let code = code.replace("set_config('botberi.request_id', coalesce($1::text, ''), true)", "");
            let code = code.replace("set_config('botberi.traceparent', coalesce($2::text, ''), true)", "");
            let found = arithmetic.iter().fold(code, |code, product| code.replace(product, ""));
            assert!(!found.contains(forbidden), "{} contains {forbidden:?}", path.display());
        }
        assert!(!code.trim_start().starts_with("SET "), "{}", path.display());
    }
}

#[tokio::test]
async fn migrating_again_finds_nothing_to_do_and_many_may_try_at_once() {
    let databases = TestDatabases::create().await;
    let url = databases.shared_url("botberi_owner");
    let runs = (0..4).map(|_| migrate::run(Schema::Shared, &url));
    for applied in futures_util::future::join_all(runs).await {
        assert_eq!(applied.unwrap(), Vec::<String>::new());
    }
    // The service may look, and only look.
    let pending = migrate::pending(Schema::Shared, &databases.shared_url("botberi")).await.unwrap();
    assert_eq!(pending, Vec::<String>::new());
    assert!(migrate::run(Schema::Shared, &databases.shared_url("botberi")).await.is_err());
}

#[tokio::test]
async fn what_is_missing_is_named_before_it_is_applied() {
    let databases = TestDatabases::create().await;
    let owner = databases.plain("botberi_owner").await;
    owner.batch_execute("DELETE FROM refinery_schema_history WHERE version = 12").await.unwrap();
    let pending = migrate::pending(Schema::Shared, &databases.shared_url("botberi")).await.unwrap();
    assert_eq!(pending, ["V12__create_dead_letters"]);

    owner.batch_execute("DROP TABLE refinery_schema_history").await.unwrap();
    let pending = migrate::pending(Schema::Shared, &databases.shared_url("botberi")).await.unwrap();
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/shared")).unwrap();
    assert_eq!(pending.len(), files.count());
}
