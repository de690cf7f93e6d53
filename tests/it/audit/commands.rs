//! What commands do is done by the account that runs them.

use super::rows;
use crate::api::import::leads;
use crate::cli::run_with_input;
use crate::support::database::TestDatabases;

#[tokio::test]
async fn what_a_command_does_is_done_by_the_account_that_runs_it() {
    let databases = TestDatabases::create().await;
    let (user_url, shared_url) = (databases.user_url("botberi"), databases.shared_url("botberi"));
    let variables = [
        ("BOTBERI__POSTGRES__USER__URL", user_url.as_str()),
        ("BOTBERI__POSTGRES__SHARED__URL", shared_url.as_str()),
        ("BOTBERI__AUTH__PASSWORD_HASH__MEMORY_KIB", "64"),
        ("BOTBERI_ADMIN_PASSWORD", "a password"),
        // What the environment says of who it is, is not believed.
        ("USER", "mallory"),
    ];
    let made = run_with_input(&["--profile", "dev", "admin", "create", "ada"], &variables, b"");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let import = ["--profile", "dev", "agents", "import", "--publish", "-"];
    let imported = run_with_input(&import, &variables, leads().to_string().as_bytes());

    let found = rows(&databases.plain_user("postgres").await).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let account = found[0].actor_name.clone().unwrap();
    assert!(!account.is_empty() && account != "mallory", "{account}");
    assert_eq!((found[0].actor_kind.as_str(), found[0].action.as_str()), ("command", "user.create"));
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let found = rows(&databases.plain("postgres").await).await;
    let told: Vec<&str> = found.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(told, ["agent.create", "agent.publish"]);
    assert!(found.iter().all(|row| row.actor_kind == "command" && row.actor_name.as_ref() == Some(&account)));
}
