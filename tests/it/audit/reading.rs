//! Administrators read the log by the API, and whoever has the databases or an export checks it.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cli::{Outcome, run, run_with_input};
use crate::support::app::TestApp;
use crate::support::client::{Caller, answer, id_of};
use crate::support::wait::eventually;

const AUDIT: &str = "/api/v1/audit";

fn actions(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect()
}

async fn list(admin: &Caller, query: &str) -> Value {
    admin.get(&format!("{AUDIT}{query}")).await.expect(200)
}

/// Waits until all is sealed, and gives the look that says so.
/// A row that is sealed while its chain is walked is neither beyond its end nor without a link: the next look has it.
async fn until_sealed(admin: &Caller) -> Value {
    let mut before = Value::Null;
    eventually("all rows are sealed", async || {
        let report = admin.get(&format!("{AUDIT}/verify")).await.expect(200);
        let is_same = std::mem::replace(&mut before, report.clone()) == report;
        let chains = report["chains"].as_array().unwrap();
        (is_same && chains.iter().all(|chain| chain["unsealed"] == 0)).then(|| report.clone())
    })
    .await
}

fn verify(app: &TestApp, arguments: &[&str]) -> Outcome {
    let databases = &app.stage.databases;
    let (user_url, shared_url) = (databases.user_url("botberi"), databases.shared_url("botberi"));
    let variables = [
        ("BOTBERI__POSTGRES__USER__URL", user_url.as_str()),
        ("BOTBERI__POSTGRES__SHARED__URL", shared_url.as_str()),
    ];
    let arguments: Vec<&str> =
        ["--profile", "dev", "audit", "verify"].iter().chain(arguments).copied().collect();
    run(&arguments, &variables)
}

fn check(export: &str, arguments: &[&str]) -> Outcome {
    let arguments: Vec<&str> =
        ["audit", "verify", "--export", "-"].iter().chain(arguments).copied().collect();
    run_with_input(&arguments, &[], export.as_bytes())
}

#[actix::test]
async fn administrators_list_both_logs_as_one_by_actor_action_target_and_time() {
    let app = TestApp::start().await;
    let (ada, eve, admin) = (app.sign_up("ada").await, app.sign_up("eve").await, app.admin().await);
    let (me, agent) = (ada.user_id().await, ada.an_agent().await);
    let instance = id_of(&ada.create(agent).await);
    ada.post(&format!("/api/v1/instances/{instance}/stop"), Value::Null).await.expect(202);
    eve.create(agent).await;

    let mine = list(&admin, &format!("?actor_id={me}")).await;
    assert_eq!(actions(&mine), ["instance.stop", "instance.create", "session.begin"]);
    let row = &mine["items"][0];
    assert_eq!(
        (&row["chain"], &row["target"], &row["outcome"], &row["count"]),
        (&json!("shared_psql"), &json!({"kind": "instance", "id": instance}), &json!("done"), &json!(1))
    );
    assert_eq!((&row["actor"]["kind"], &row["actor"]["id"]), (&json!("user"), &json!(me)));
    assert_eq!(row["actor"]["address"], "127.0.0.1");
    assert_eq!(mine["items"][2]["chain"], "user_psql");
    assert_eq!(
        actions(&list(&admin, &format!("?target_id={instance}")).await),
        ["instance.stop", "instance.create"]
    );
    let both = list(&admin, &format!("?target_id={instance}&actor_id={me}&action=instance.create")).await;
    assert_eq!(actions(&both), ["instance.create"]);
    assert_eq!(actions(&list(&admin, "?action=instance.create").await).len(), 2);
    let moment = row["occurred_at"].as_str().unwrap();
    let until = list(&admin, &format!("?actor_id={me}&until={moment}")).await;
    assert_eq!(actions(&until), ["instance.create", "session.begin"]);
    let since = list(&admin, &format!("?actor_id={me}&since={moment}")).await;
    assert_eq!(actions(&since), ["instance.stop"]);

    // Page by page the same as in one.
    let all = list(&admin, "?limit=100").await;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(&admin, &format!("?limit=3{cursor}")).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(paged), all["items"]);

    let faults = "?actor_id=x&action=make.coffee&target_id=%00&outcome=x&since=x&until=x&cursor=x&colour=red";
    assert_eq!(admin.get(&format!("{AUDIT}{faults}")).await.problem(422), "validation_failed");
    for path in ["", "/verify", "/export"] {
        assert_eq!(ada.at(admin.url()).get(&format!("{AUDIT}{path}")).await.problem(403), "forbidden");
    }
}

#[actix::test]
async fn what_was_done_is_sealed_within_a_second_and_an_export_is_checked_without_a_database() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.sign_up("ada").await, app.admin().await);
    let agent = ada.an_agent().await;
    until_sealed(&admin).await;
    ada.create(agent).await;
    let done = Instant::now();
    let report = until_sealed(&admin).await;
    assert!(done.elapsed().as_millis() < 2_000, "{:?}", done.elapsed());
    assert_eq!(report["is_intact"], true);
    let anchors: Vec<&str> =
        report["chains"].as_array().unwrap().iter().map(|chain| chain["anchor"].as_str().unwrap()).collect();

    let whole = verify(&app, &["--anchor", anchors[0], "--anchor", anchors[1]]);
    assert_eq!((whole.code, whole.stderr.as_str()), (0, ""), "{whole:?}");
    assert!(anchors.iter().all(|anchor| whole.stdout.contains(*anchor)), "{whole:?}");
    let met = admin.get(&format!("{AUDIT}/verify?anchors={},{}", anchors[0], anchors[1])).await.expect(200);
    // The one that was brought along, and those that the sealer has left in the other database by now.
    assert_eq!(met["is_intact"], true);
    assert!(met["chains"][1]["anchors_met"].as_i64() >= Some(1), "{met}");
    let behind = verify(&app, &["--after", anchors[0], "--after", anchors[1]]);
    assert!(
        behind.code == 0 && behind.stdout.contains("shared_psql: 0 rows are as they were sealed"),
        "{behind:?}"
    );
    assert_eq!(admin.get(&format!("{AUDIT}/verify?anchors=x")).await.problem(422), "validation_failed");

    let export = admin.request(Method::GET, &format!("{AUDIT}/export")).send().await.unwrap();
    assert_eq!(export.headers()["content-type"], "application/x-ndjson");
    let export = export.text().await.unwrap();
    let lines: Vec<&str> = export.lines().collect();
    assert!(lines.len() > 8 && export.ends_with('\n'), "{export}");
    let checked = check(&export, &["--anchor", anchors[1]]);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    assert!(checked.stdout.contains(anchors[0]) && checked.stdout.contains(anchors[1]), "{checked:?}");
    // Whatever is otherwise in it is found.
    for broken in [
        export.replacen("user.create", "user.change", 1),
        export.replacen("127.0.0.1", "127.0.0.2", 1),
        lines[1..].join("\n"),
        lines[..lines.len() - 1].join("\n"),
        [&lines[..3], &lines[4..]].concat().join("\n"),
        export.replacen("\"seq\":1,", "\"seq\":2,", 1),
        "{}".to_owned(),
        String::new(),
    ] {
        let checked = check(&broken, &[]);
        assert!(checked.code == 1 && checked.stderr.starts_with("error: "), "{checked:?}");
    }
    let other = format!("shared_psql:1:{}", "0".repeat(64));
    assert_eq!(check(&export, &["--anchor", &other]).code, 1);

    // By force: the command ends with code 1 and names it.
    let sql = app.stage.sql().await;
    let force = "ALTER TABLE audit_log DISABLE TRIGGER ALL;
                 UPDATE audit_log SET address = '10.0.0.1' WHERE id = (SELECT audit_id FROM audit_chain WHERE seq = 2)";
    sql.batch_execute(force).await.unwrap();
    let broken = verify(&app, &[]);
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(broken.stdout.contains("shared_psql: BROKEN: row_changed at 2, row "), "{broken:?}");
    let report = admin.get(&format!("{AUDIT}/verify")).await.expect(200);
    assert_eq!((&report["is_intact"], &report["chains"][1]["fault"]["seq"]), (&json!(false), &json!(2)));
    // Nobody is served half an answer for that: the API goes on.
    answer(admin.request(Method::GET, AUDIT)).await.expect(200);
}
