//! The routes of teams themselves.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::world::{INSTANCES, Person, TEAMS, World, member_path, members};
use crate::support::app::TestApp;
use crate::support::client::{answer, id_of};
use crate::support::wait::eventually;

#[tokio::test]
async fn a_team_is_made_once_named_anew_joined_and_left() {
    let World { app, ada, dan, vic, team, .. } = World::new().await;
    let path = format!("{TEAMS}/{team}");
    let seen = ada.caller.get(&path).await;
    let tag = seen.headers["etag"].to_str().unwrap().to_owned();
    let body = seen.expect(200);
    assert_eq!((&body["name"], &body["role"]), (&json!("Ours"), &json!("owner")));
    let all = ["ada", "dan", "vic"].map(str::to_owned).into_iter();
    let roles = ["owner", "developer", "viewer"].map(str::to_owned);
    assert_eq!(members(&body), all.zip(roles).collect::<Vec<_>>());
    assert_eq!(dan.caller.get(&path).await.expect(200)["role"], "developer");
    let known = ada.caller.request(Method::GET, &path).header("if-none-match", &tag);
    assert_eq!(answer(known).await.status, 304);

    // Whoever may see it is told that they may not change it.
    for member in [&dan, &vic] {
        let renamed = member.caller.patch(&path, json!({"name": "Mine"})).await;
        assert_eq!(renamed.problem(403), "forbidden");
        assert_eq!(member.remove(&team, &ada).await.problem(403), "forbidden");
        assert_eq!(member.put(&team, member, "owner").await.problem(403), "forbidden");
        assert_eq!(member.caller.delete(&path).await.problem(403), "forbidden");
    }
    let renamed = ada.caller.patch(&path, json!({"name": " Sales "})).await.expect(200);
    assert_eq!(renamed["name"], "Sales");
    let stale = ada.caller.request(Method::PATCH, &path).header("if-match", &tag);
    let stale = answer(stale.json(&json!({"name": "Late"}))).await;
    assert_eq!(stale.problem(412), "precondition_failed");
    let stale = ada.caller.request(Method::DELETE, &member_path(&team, &vic.id)).header("if-match", &tag);
    assert_eq!(answer(stale).await.problem(412), "precondition_failed");

    // The same role again changes nothing.
    let before = ada.caller.get(&path).await.headers["etag"].clone();
    ada.put(&team, &dan, "developer").await.expect(200);
    assert_eq!(ada.caller.get(&path).await.headers["etag"], before);

    // Everybody may leave but the last owner, and whoever left sees nothing.
    assert_eq!(ada.remove(&team, &ada).await.problem(409), "last_owner");
    assert_eq!(ada.put(&team, &ada, "viewer").await.problem(409), "last_owner");
    vic.remove(&team, &vic).await.expect(204);
    assert_eq!(vic.caller.get(&path).await.problem(404), "team_not_found");
    assert_eq!(vic.remove(&team, &vic).await.problem(404), "team_not_found");
    assert_eq!(ada.remove(&team, &vic).await.problem(404), "member_not_found");
    assert!(vic.listed(TEAMS).await.is_empty());
    ada.put(&team, &dan, "owner").await.expect(200);
    ada.remove(&team, &ada).await.expect(204);
    dan.caller.delete(&path).await.expect(204);
    assert_eq!(dan.caller.get(&path).await.problem(404), "team_not_found");

    let expected = [
        "team.member.added owner",
        "team.member.added developer",
        "team.member.added viewer",
        "team.member.removed viewer",
        "team.member.updated owner",
        "team.member.removed owner",
        "team.member.removed owner",
    ];
    // What is still in `user_psql` counts as not told yet.
    let told = eventually("all of it is told", async || {
        let heard = app.stage.tap.heard();
        let of_team = heard.iter().filter(|heard| heard.body["team_id"] == team.as_str());
        let told: Vec<_> =
            of_team.map(|heard| format!("{} {}", heard.key, heard.body["role"].as_str().unwrap())).collect();
        (told.len() >= expected.len()).then_some(told)
    })
    .await;
    assert_eq!(told, expected);
}

#[tokio::test]
async fn teams_are_listed_in_pages_newest_first_with_ones_role_in_each() {
    let World { app: _app, ada, eve, .. } = World::new().await;
    let mut made = Vec::new();
    for number in 0..3 {
        made.push(eve.team(&format!("Team {number}")).await);
    }
    let hers = ada.team("Hers").await;
    ada.put(&hers, &eve, "viewer").await.expect(200);
    made.push(hers);
    made.reverse();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = eve.caller.get(&format!("{TEAMS}?limit=3&cursor={cursor}")).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(id_of));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!(seen, made);
    let first = eve.caller.get(&format!("{TEAMS}?limit=1")).await.expect(200);
    assert_eq!(first["items"][0]["role"], "viewer");
}

#[tokio::test]
async fn whoever_is_not_in_a_team_is_told_that_there_is_none() {
    let World { app: _app, ada, eve, dan, team, .. } = World::new().await;
    let path = format!("{TEAMS}/{team}");
    assert_eq!(eve.caller.get(&path).await.problem(404), "team_not_found");
    assert_eq!(eve.caller.patch(&path, json!({"name": "x"})).await.problem(404), "team_not_found");
    assert_eq!(eve.caller.delete(&path).await.problem(404), "team_not_found");
    assert_eq!(eve.put(&team, &eve, "owner").await.problem(404), "team_not_found");
    assert_eq!(eve.remove(&team, &dan).await.problem(404), "team_not_found");
    assert_eq!(eve.remove(&team, &eve).await.problem(404), "team_not_found");
    assert_eq!(ada.caller.get(&format!("{TEAMS}/x")).await.problem(404), "team_not_found");
    let nobody = member_path(&team, &Uuid::now_v7().to_string());
    assert_eq!(ada.caller.put(&nobody, json!({"role": "viewer"})).await.problem(404), "user_not_found");
    assert_eq!(
        ada.caller.put(&member_path(&team, "x"), json!({"role": "viewer"})).await.problem(404),
        "user_not_found"
    );
    let faulty = ada.caller.put(&member_path(&team, &eve.id), json!({"role": "boss", "since": 1})).await;
    assert_eq!(faulty.problem(422), "validation_failed");
    assert_eq!(faulty.body["errors"].as_array().unwrap().len(), 2);
    assert_eq!(ada.caller.post(TEAMS, json!({"name": " "})).await.problem(422), "validation_failed");
}

#[tokio::test]
async fn a_wish_for_a_team_is_granted_once_under_its_key() {
    let app = TestApp::start().await;
    let ada = Person::sign_up(&app.stranger(), "ada").await;
    let wish = |name: &str| {
        let request = ada.caller.request(Method::POST, TEAMS).header("idempotency-key", "k");
        answer(request.json(&json!({"name": name})))
    };
    let twins = futures_util::future::join_all((0..6).map(|_| wish("Ours"))).await;
    let firsts = twins.iter().filter(|twin| !twin.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(firsts, 1);
    let bodies: Vec<_> = twins.into_iter().map(|twin| twin.expect(201)).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(wish("Another").await.problem(422), "idempotency_key_reused");
    assert_eq!(ada.listed(TEAMS).await.len(), 1);
}

#[tokio::test]
async fn teams_and_their_members_are_bounded_also_for_many_who_come_at_once() {
    let limits = [("teams.teams_per_user_max", 2.into()), ("teams.members_max", 3.into())];
    let app = TestApp::with(&limits).await;
    let ada = Person::sign_up(&app.stranger(), "ada").await;
    let made =
        futures_util::future::join_all((0..6).map(|_| ada.caller.post(TEAMS, json!({"name": "T"})))).await;
    assert_eq!(made.iter().filter(|made| made.status == 201).count(), 2);
    let refused = made.iter().find(|made| made.status != 201).unwrap();
    assert_eq!(refused.problem(403), "quota_exceeded");
    assert_eq!(refused.body["quota"], json!({"name": "teams", "limit": 2, "used": 2}));

    let team = ada.listed(TEAMS).await.remove(0);
    let mut others = Vec::new();
    for number in 0..5 {
        others.push(Person::sign_up(&app.stranger(), &format!("user{number}")).await);
    }
    let puts = others.iter().map(|other| ada.put(&team, other, "viewer"));
    let put = futures_util::future::join_all(puts).await;
    assert_eq!(put.iter().filter(|put| put.status == 200).count(), 2);
    let refused = put.iter().find(|put| put.status != 200).unwrap();
    assert_eq!(
        (refused.problem(403), &refused.body["quota"]["name"]),
        ("quota_exceeded", &json!("team_members"))
    );
    // Whoever is in as many as they may be in is taken in by nobody.
    let other = ada.listed(TEAMS).await.remove(1);
    let busy = Person::sign_up(&app.stranger(), "busy").await;
    for number in 0..2 {
        busy.team(&format!("{number}")).await;
    }
    let refused = ada.put(&other, &busy, "viewer").await;
    assert_eq!(refused.body["quota"]["name"], json!("teams"), "{}", refused.body);
}

#[tokio::test]
async fn whoever_closes_their_account_is_in_no_team_and_the_last_owner_cannot() {
    let World { app, ada, dan, vic, team, agent, .. } = World::new().await;
    let (his, theirs) = (id_of(&dan.caller.create(agent).await), dan.create_in(&team, agent).await);
    for instance in [&his, &theirs] {
        app.stage.tap.until_status(instance, "running").await;
    }
    assert_eq!(ada.caller.delete("/api/v1/users/me").await.problem(409), "last_owner");
    ada.caller.get("/api/v1/users/me").await.expect(200);
    dan.caller.delete("/api/v1/users/me").await.expect(204);
    app.stage.tap.until_key(&his, "instance.deleted").await;
    let body = ada.caller.get(&format!("{TEAMS}/{team}")).await.expect(200);
    assert_eq!(members(&body).len(), 2);
    // What belongs to the team stays with the team.
    assert_eq!(vic.caller.instance(&theirs).await["status"], "running");
    assert_eq!(ada.put(&team, &dan, "viewer").await.problem(404), "user_not_found");
    assert_eq!(vic.listed(INSTANCES).await, [theirs]);
}

#[tokio::test]
async fn changes_by_plain_sql_are_told_and_in_force_and_keep_the_rules() {
    let World { app, ada, vic, team, agent, .. } = World::new().await;
    let instance = ada.create_in(&team, agent).await;
    let sql = app.stage.databases.plain_user("botberi").await;
    let began = Instant::now();
    let gone = "DELETE FROM team_members WHERE user_id::text = $1";
    assert_eq!(sql.execute(gone, &[&vic.id]).await.unwrap(), 1);
    crate::support::wait::eventually("it is in force", async || {
        let path = format!("{INSTANCES}/{instance}");
        (vic.caller.get(&path).await.status == 404).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let refused = sql.execute(gone, &[&ada.id]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "BB012");
    let moved = sql.execute("UPDATE team_members SET user_id = $1", &[&Uuid::now_v7()]).await.unwrap_err();
    assert_eq!(moved.code().unwrap().code(), "BB003");
    app.stage.until_told().await;
    assert!(app.stage.tap.heard().iter().any(|heard| heard.key == "team.member.removed"));
}
