//! `botberi admin create` and `botberi migrate`, over real databases.

use super::{Outcome, run_with_input};
use crate::support::database::TestDatabases;

fn create(databases: &TestDatabases, arguments: &[&str], password: Option<&str>, input: &str) -> Outcome {
    let url = databases.user_url("botberi");
    let mut variables = vec![
        ("BOTBERI__POSTGRES__USER__URL", url.as_str()),
        ("BOTBERI__AUTH__PASSWORD_HASH__MEMORY_KIB", "64"),
    ];
    variables.extend(password.map(|password| ("BOTBERI_ADMIN_PASSWORD", password)));
    let arguments: Vec<&str> =
        ["--profile", "dev", "admin", "create"].iter().chain(arguments).copied().collect();
    run_with_input(&arguments, &variables, input.as_bytes())
}

async fn role_and_hash(databases: &TestDatabases, username: &str) -> (String, String) {
    let sql = databases.plain_user("postgres").await;
    let query = "SELECT role, password_hash FROM users WHERE username = $1";
    let row = sql.query_one(query, &[&username]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn an_administrator_is_made_with_a_password_from_the_environment_or_from_a_pipe() {
    let databases = TestDatabases::create().await;
    let made = create(&databases, &["ada"], Some("from the environment"), "from the pipe\n");
    assert_eq!(
        (made.stdout.as_str(), made.stderr.as_str(), made.code),
        ("made the administrator ada\n", "", 0)
    );
    let made = create(&databases, &["grace"], None, "from the pipe\r\n");
    assert_eq!((made.stdout.as_str(), made.code), ("made the administrator grace\n", 0));
    for username in ["ada", "grace"] {
        let (role, hash) = role_and_hash(&databases, username).await;
        assert!(role == "admin" && hash.starts_with("$argon2id$"), "{username}: {role}");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_or_promoted_and_keeps_its_password() {
    let databases = TestDatabases::create().await;
    let sql = databases.plain_user("postgres").await;
    let insert = "INSERT INTO users (id, username, password_hash, role)
                  VALUES (gen_random_uuid(), $1, 'kept', 'developer')";
    for username in ["ada", "closed"] {
        sql.execute(insert, &[&username]).await.unwrap();
    }
    sql.execute("UPDATE users SET disabled_at = now() WHERE username = 'closed'", &[]).await.unwrap();

    let refused = create(&databases, &["ADA"], Some("a password"), "");
    let told = "error: there is an account ada already: choose another name, or use --promote\n";
    assert_eq!((refused.stderr.as_str(), refused.stdout.as_str(), refused.code), (told, "", 1));
    assert_eq!(role_and_hash(&databases, "ada").await, ("developer".to_owned(), "kept".to_owned()));

    let refused = create(&databases, &["Ada", "--promote"], None, "");
    let told = "error: the account is called ada: name it exactly so\n";
    assert_eq!((refused.stderr.as_str(), refused.code), (told, 1));
    let promoted = create(&databases, &["ada", "--promote"], None, "");
    assert_eq!(promoted.stdout, "ada is an administrator now, and keeps the password\n");
    assert_eq!(role_and_hash(&databases, "ada").await, ("admin".to_owned(), "kept".to_owned()));
    let again = create(&databases, &["ada", "--promote"], None, "");
    assert_eq!((again.stdout.as_str(), again.code), ("ada is an administrator already\n", 0));
    let closed = create(&databases, &["closed", "--promote"], None, "");
    assert_eq!((closed.stderr.as_str(), closed.code), ("error: the account closed is closed\n", 1));
}

#[tokio::test]
async fn a_password_or_a_name_that_cannot_be_is_said_and_never_shown() {
    let databases = TestDatabases::create().await;
    for (password, input) in [(Some("short"), ""), (None, "short\n"), (None, "")] {
        let outcome = create(&databases, &["ada"], password, input);
        let told = "error: the password must have 8 to 1024 bytes\n";
        assert_eq!((outcome.stderr.as_str(), outcome.code), (told, 1));
    }
    assert_eq!(create(&databases, &["ab"], Some("a password"), "").code, 2);
    assert_eq!(create(&databases, &[], Some("a password"), "").code, 2);
    let away = [("BOTBERI__POSTGRES__USER__URL", "postgres://botberi:botberi@127.0.0.1:1/user_psql")];
    let outcome = run_with_input(&["--profile", "dev", "admin", "create", "ada"], &away, b"a password");
    assert!(outcome.stderr.starts_with("error: user_psql: the database cannot be reached"), "{outcome:?}");
    assert_eq!((outcome.stderr.lines().count(), outcome.code), (1, 1));
}

#[tokio::test]
async fn migrate_check_says_what_is_missing_and_changes_nothing() {
    let databases = TestDatabases::create().await;
    let (user, shared) = (databases.user_url("botberi_owner"), databases.shared_url("botberi_owner"));
    let variables = [
        ("BOTBERI__POSTGRES__USER__OWNER_URL", user.as_str()),
        ("BOTBERI__POSTGRES__SHARED__OWNER_URL", shared.as_str()),
    ];
    let check = || run_with_input(&["--profile", "dev", "migrate", "--check"], &variables, b"");
    assert_eq!(check().code, 0);
    let sql = databases.plain("postgres").await;
    sql.execute("DELETE FROM refinery_schema_history WHERE version = 12", &[]).await.unwrap();
    for _ in 0..2 {
        let outcome = check();
        let told = "error: shared_psql is not up to date (missing: V12__create_dead_letters): run `botberi migrate`\n";
        assert_eq!((outcome.stderr.as_str(), outcome.code), (told, 1));
    }
}
