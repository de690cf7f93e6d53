//! What the APIs change leaves one row, in the transaction of the change; what they do not change leaves none.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;
use toml::Value as Toml;

use super::{Row, rows};
use crate::support::app::TestApp;
use crate::support::client::{Caller, PASSWORD, answer, id_of};

/// Both logs.
struct Logs {
    user: Client,
    shared: Client,
}

impl Logs {
    async fn of(app: &TestApp) -> Self {
        let databases = &app.stage.databases;
        Self { user: databases.plain_user("postgres").await, shared: databases.plain("postgres").await }
    }

    async fn all(&self) -> Vec<Row> {
        let mut all = rows(&self.user).await;
        all.extend(rows(&self.shared).await);
        all
    }
}

/// What a request came to.
struct Done {
    body: Value,
    rows: Vec<Row>,
}

impl Done {
    /// Its one row, after a look at what it did to what.
    fn one(&self, action: &str, target_kind: &str, target_id: &str) -> &Row {
        let [row] = self.rows.as_slice() else { panic!("{action}: {:?}", self.rows) };
        let found = (row.action.as_str(), row.target_kind.as_str(), row.target_id.as_deref());
        assert_eq!(found, (action, target_kind, Some(target_id)));
        row
    }

    fn none(&self) {
        assert_eq!(self.rows, [], "{}", self.body);
    }
}

/// Sends a request under a name of its own, and finds the rows of that name.
async fn send(logs: &Logs, who: &Caller, wish: (Method, &str), body: Option<Value>, status: u16) -> Done {
    let request_id = uuid::Uuid::now_v7().to_string();
    let (method, path) = wish;
    let mut request = who.request(method, &format!("/api/v1{path}")).header("x-request-id", &request_id);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let body = answer(request).await.expect(status);
    let rows = logs.all().await.into_iter().filter(|row| row.request_id.as_ref() == Some(&request_id));
    Done { body, rows: rows.collect() }
}

fn by(row: &Row, user: &str) {
    assert_eq!((row.actor_kind.as_str(), row.actor_id.as_deref()), ("user", Some(user)), "{row:?}");
    assert!(row.credential_id.is_some() && row.address.as_deref() == Some("127.0.0.1"), "{row:?}");
}

const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

#[actix::test]
async fn every_change_of_an_instance_leaves_one_row_and_a_workers_moves_leave_none() {
    let app = TestApp::with(&[("quotas.instances_max", Toml::Integer(2))]).await;
    let (logs, ada, admin) = (Logs::of(&app).await, app.sign_up("ada").await, app.admin().await);
    let (me, agent) = (ada.user_id().await, ada.an_agent().await);
    let wish = || Some(json!({"agent_id": agent, "title": "Echo"}));

    let made = send(&logs, &ada, (POST, "/instances"), wish(), 201).await;
    let id = id_of(&made.body);
    by(made.one("instance.create", "instance", &id), &me);
    app.stage.until_all(std::slice::from_ref(&id), "running").await;
    let path = format!("/instances/{id}");
    let changed = send(&logs, &ada, (PATCH, &path), Some(json!({"title": "Other"})), 200).await;
    let row = changed.one("instance.change", "instance", &id);
    by(row, &me);
    assert_eq!(row.detail.as_deref(), Some(r#"{"fields" : ["title"]}"#));
    send(&logs, &ada, (PATCH, &path), Some(json!({"title": "Other"})), 200).await.none();

    let (stop, start) = (format!("{path}/stop"), format!("{path}/start"));
    by(send(&logs, &ada, (POST, &stop), None, 202).await.one("instance.stop", "instance", &id), &me);
    send(&logs, &ada, (POST, &stop), None, 202).await.none();
    app.stage.until_all(std::slice::from_ref(&id), "stopped").await;
    by(send(&logs, &ada, (POST, &start), None, 202).await.one("instance.start", "instance", &id), &me);
    send(&logs, &ada, (POST, &start), None, 202).await.none();

    let root = admin_id(&logs).await;
    by(send(&logs, &admin, (POST, &stop), None, 202).await.one("instance.stop", "instance", &id), &root);
    by(send(&logs, &admin, (POST, &start), None, 202).await.one("instance.start", "instance", &id), &root);
    let requeue = format!("{path}/requeue");
    by(
        send(&logs, &admin, (POST, &requeue), None, 202).await.one("instance.requeue", "instance", &id),
        &root,
    );

    // Refused: by the quota, by a stale condition, by whose it is.
    let second = send(&logs, &ada, (POST, "/instances"), wish(), 201).await;
    send(&logs, &ada, (POST, "/instances"), wish(), 403).await.none();
    let stale = ada.request(DELETE, &format!("/api/v1{path}")).header("if-match", "\"0\"");
    assert_eq!(answer(stale.header("x-request-id", "stale")).await.status, 412);
    let eve = app.sign_up("eve").await;
    send(&logs, &eve, (DELETE, &path), None, 404).await.none();

    by(send(&logs, &ada, (DELETE, &path), None, 204).await.one("instance.delete", "instance", &id), &me);
    send(&logs, &ada, (DELETE, &path), None, 404).await.none();
    app.stage.until_purged(&id).await;
    let all = logs.all().await;
    let of_it = all.iter().filter(|row| row.target_id.as_deref() == Some(&id));
    assert_eq!(of_it.count(), 8, "its user's four, its administrator's three and its end: {all:?}");
    assert!(!all.iter().any(|row| row.request_id.as_deref() == Some("stale")), "{all:?}");
    drop(second);
}

#[actix::test]
async fn every_change_of_a_knowledge_base_leaves_one_row_and_its_readers_leave_none() {
    let app = TestApp::start().await;
    let (logs, ada) = (Logs::of(&app).await, app.sign_up("ada").await);
    let me = ada.user_id().await;
    let instance = id_of(&ada.create(ada.an_agent().await).await);
    let base = format!("/instances/{instance}/knowledge-base");
    let entries = format!("{base}/entries");
    let until_ready = async |path: &str| {
        crate::support::wait::eventually("it is read", async || {
            (ada.get(&format!("/api/v1{path}")).await.expect(200)["status"] == "ready").then_some(())
        })
        .await;
    };

    let wish = Some(json!({"content": "Something to know."}));
    let made = send(&logs, &ada, (POST, &entries), wish.clone(), 201).await;
    let id = id_of(&made.body);
    by(made.one("knowledge.entry.create", "knowledge_base_entry", &id), &me);
    send(&logs, &ada, (POST, &entries), wish, 409).await.none();
    let path = format!("{entries}/{id}");
    until_ready(&path).await;

    let change = Some(json!({"title": "Known", "lang_hint": "en"}));
    let changed = send(&logs, &ada, (PATCH, &path), change.clone(), 200).await;
    let row = changed.one("knowledge.entry.change", "knowledge_base_entry", &id);
    assert_eq!(row.detail.as_deref(), Some(r#"{"fields" : ["lang_hint","title"]}"#));
    send(&logs, &ada, (PATCH, &path), change, 200).await.none();
    until_ready(&path).await;
    send(&logs, &ada, (POST, &format!("{path}/retry")), None, 409).await.none();
    let anew = send(&logs, &ada, (POST, &format!("{path}/reindex")), None, 202).await;
    by(anew.one("knowledge.entry.reindex", "knowledge_base_entry", &id), &me);
    until_ready(&path).await;
    let all = send(&logs, &ada, (POST, &format!("{base}/reindex")), Some(json!({})), 202).await;
    by(all.one("knowledge.reindex", "knowledge_base", made.body["knowledge_base_id"].as_str().unwrap()), &me);
    until_ready(&path).await;
    let gone = send(&logs, &ada, (DELETE, &path), None, 204).await;
    by(gone.one("knowledge.entry.delete", "knowledge_base_entry", &id), &me);
    send(&logs, &ada, (DELETE, &path), None, 404).await.none();
}

#[actix::test]
async fn of_wishes_that_share_a_commit_each_row_names_its_own_user_and_a_repeated_wish_leaves_none() {
    let app = TestApp::start().await;
    let logs = Logs::of(&app).await;
    let mut users = Vec::new();
    for number in 0..6 {
        users.push(app.sign_up(&format!("user-{number}")).await);
    }
    let agent = users[0].an_agent().await;
    let wishes = users.iter().map(async |user| {
        let (key, mut ids) = (uuid::Uuid::now_v7().to_string(), Vec::new());
        for _ in 0..3 {
            // Without a key, and twice with the same one.
            let made = user.create(agent);
            let keyed = || {
                let wish = json!({"agent_id": agent, "title": "Once"});
                answer(user.request(POST, "/api/v1/instances").header("idempotency-key", &key).json(&wish))
            };
            let (made, one, other) = tokio::join!(made, keyed(), keyed());
            ids.extend([id_of(&made), id_of(&one.expect(201)), id_of(&other.expect(201))]);
        }
        ids
    });
    let mut ids: Vec<String> = futures_util::future::join_all(wishes).await.concat();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6 * 4, "each user's three, and the one of the key");
    let query = "SELECT count(*), count(DISTINCT a.target_id), bool_and(a.actor_id = i.user_id AND a.request_id = i.request_id)
                 FROM audit_log a JOIN instances i ON i.id::text = a.target_id
                 WHERE a.action = 'instance.create'";
    let row = logs.shared.query_one(query, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, bool>(2)), (24, 24, true));
}

async fn admin_id(logs: &Logs) -> String {
    let query = "SELECT id::text FROM users WHERE username = 'admin'";
    logs.user.query_one(query, &[]).await.unwrap().get(0)
}

#[actix::test]
async fn every_change_of_an_account_leaves_one_row_with_whoever_made_it() {
    let app = TestApp::start().await;
    let (logs, admin) = (Logs::of(&app).await, app.admin().await);
    let (root, stranger) = (admin_id(&logs).await, app.stranger());
    let credentials = |password: &str| Some(json!({"username": "ada", "password": password}));

    let made = send(&logs, &stranger, (POST, "/auth/register"), credentials(PASSWORD), 201).await;
    let me = id_of(&made.body);
    let row = made.one("user.create", "user", &me);
    assert_eq!((row.actor_kind.as_str(), row.address.as_deref()), ("nobody", Some("127.0.0.1")));
    send(&logs, &stranger, (POST, "/auth/register"), credentials(PASSWORD), 409).await.none();

    let begun = send(&logs, &stranger, (POST, "/auth/login"), credentials(PASSWORD), 200).await;
    let [row] = begun.rows.as_slice() else { panic!("{:?}", begun.rows) };
    by(row, &me);
    assert_eq!((row.action.as_str(), &row.target_id), ("session.begin", &row.credential_id));
    let ada = stranger.with_token(begun.body["access_token"].as_str().unwrap());
    let refresh = Some(json!({"refresh_token": begun.body["refresh_token"]}));
    send(&logs, &stranger, (POST, "/auth/refresh"), refresh.clone(), 200).await.none();

    let changed = send(&logs, &ada, (PATCH, "/users/me"), Some(json!({"email": "ada@x.org"})), 200).await;
    let row = changed.one("user.change", "user", &me);
    by(row, &me);
    assert_eq!(row.detail.as_deref(), Some(r#"{"fields" : ["email"]}"#), "never what is in it");
    let passwords =
        |current: &str, new: &str| Some(json!({"current_password": current, "new_password": new}));
    let path = "/users/me/password";
    send(&logs, &ada, (POST, path), passwords("not the one", "another one"), 422).await.none();
    let changed = send(&logs, &ada, (POST, path), passwords(PASSWORD, "another one"), 204).await;
    by(changed.one("user.password.change", "user", &me), &me);

    let user = format!("/users/{me}");
    let limited =
        send(&logs, &admin, (PATCH, &user), Some(json!({"quotas": {"instances_max": 3}})), 200).await;
    by(limited.one("user.quota.change", "user", &me), &root);
    send(&logs, &admin, (PATCH, &user), Some(json!({"role": "developer"})), 200).await.none();
    let governed = send(&logs, &admin, (PATCH, &user), Some(json!({"role": "viewer"})), 200).await;
    by(governed.one("user.role.change", "user", &me), &root);
    let disabled = send(&logs, &admin, (PATCH, &user), Some(json!({"disabled": true})), 200).await;
    by(disabled.one("user.disable", "user", &me), &root);
    let enabled = send(&logs, &admin, (PATCH, &user), Some(json!({"disabled": false})), 200).await;
    by(enabled.one("user.enable", "user", &me), &root);

    let issued = send(&logs, &admin, (POST, &format!("{user}/password-reset")), None, 201).await;
    by(issued.one("user.password_reset.issue", "user", &me), &root);
    let reset = Some(json!({"token": issued.body["token"], "new_password": "a third one"}));
    let reset = send(&logs, &stranger, (POST, "/auth/password-reset"), reset, 204).await;
    let row = reset.one("user.password.reset", "user", &me);
    assert_eq!((row.actor_kind.as_str(), row.actor_id.as_deref()), ("user", Some(me.as_str())));

    // A token that comes twice ends its session; a log-out does so once.
    let begun = send(&logs, &stranger, (POST, "/auth/login"), credentials("a third one"), 200).await;
    let session = begun.rows[0].target_id.clone().unwrap();
    let refresh = Some(json!({"refresh_token": begun.body["refresh_token"]}));
    send(&logs, &stranger, (POST, "/auth/refresh"), refresh.clone(), 200).await.none();
    let reused = send(&logs, &stranger, (POST, "/auth/refresh"), refresh, 401).await;
    let row = reused.one("session.end", "session", &session);
    assert_eq!(row.detail.as_deref(), Some(r#"{"reason" : "refresh_token_reused"}"#));
    let begun = send(&logs, &stranger, (POST, "/auth/login"), credentials("a third one"), 200).await;
    let ada = stranger.with_token(begun.body["access_token"].as_str().unwrap());
    let session = begun.rows[0].target_id.clone().unwrap();
    by(
        send(&logs, &ada, (POST, "/auth/logout"), None, 204).await.one("session.end", "session", &session),
        &me,
    );
    send(&logs, &ada, (POST, "/auth/logout"), None, 204).await.none();

    let begun = send(&logs, &stranger, (POST, "/auth/login"), credentials("a third one"), 200).await;
    let ada = stranger.with_token(begun.body["access_token"].as_str().unwrap());
    by(send(&logs, &ada, (DELETE, "/users/me"), None, 204).await.one("user.close", "user", &me), &me);
    let all = format!("{:?}", logs.all().await);
    for secret in
        [PASSWORD, "another one", "a third one", "ada@x.org", issued.body["token"].as_str().unwrap()]
    {
        assert!(!all.contains(secret), "{secret} is in the log");
    }
}

#[actix::test]
async fn what_administrators_do_to_the_catalog_to_letters_and_to_the_log_leaves_one_row_each() {
    let app = TestApp::start().await;
    let (logs, admin) = (Logs::of(&app).await, app.admin().await);
    let root = admin_id(&logs).await;
    let draft = json!({"title": "Audited", "content": {}, "activation_code": "audited.it", "rate": 1});
    let made = send(&logs, &admin, (POST, "/agents"), Some(draft.clone()), 201).await;
    let id = made.body["id"].to_string();
    by(made.one("agent.create", "agent", &id), &root);
    send(&logs, &admin, (POST, "/agents"), Some(draft), 409).await.none();
    let path = format!("/agents/{id}");
    let changed = send(&logs, &admin, (PATCH, &path), Some(json!({"rate": 7})), 200).await;
    by(changed.one("agent.change", "agent", &id), &root);
    send(&logs, &admin, (PATCH, &path), Some(json!({"rate": 7})), 200).await.none();
    let publish = format!("{path}/publish");
    by(send(&logs, &admin, (POST, &publish), None, 200).await.one("agent.publish", "agent", &id), &root);
    send(&logs, &admin, (POST, &publish), None, 200).await.none();
    let retire = format!("{path}/retire");
    by(send(&logs, &admin, (POST, &retire), None, 200).await.one("agent.retire", "agent", &id), &root);
    by(send(&logs, &admin, (DELETE, &path), None, 204).await.one("agent.delete", "agent", &id), &root);
    send(&logs, &admin, (DELETE, &path), None, 404).await.none();

    let letter =
        "INSERT INTO dead_letters (queue, event_id, routing_key, reason, headers, envelope, body, body_bytes)
                  VALUES ('nowhere', gen_random_uuid(), 'k', 'it had to', '{}', '{\"headers\": {}}', '', 0)
                  RETURNING id::text";
    let id: String = logs.shared.query_one(letter, &[]).await.unwrap().get(0);
    let discarded = send(&logs, &admin, (DELETE, &format!("/dead-letters/{id}")), None, 204).await;
    by(discarded.one("dead_letter.discard", "dead_letter", &id), &root);
    send(&logs, &admin, (DELETE, &format!("/dead-letters/{id}")), None, 204).await.none();
    let redrive = Some(json!({"queue": "empty"}));
    send(&logs, &admin, (POST, "/dead-letters/replay"), redrive, 202).await.none();

    app.stage.until_told().await;
    let broker = admin.at(&app.replica.broker_api);
    let window = Some(json!({"from_position": 1, "to_position": 1}));
    let replay = send(&logs, &broker, (POST, "/events/replay"), window, 202).await;
    by(replay.one("replay.start", "replay", replay.body["replay_id"].as_str().unwrap()), &root);
}

#[tokio::test]
async fn every_change_of_a_team_leaves_one_row_with_whoever_wished_it() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let (me, hers) = (ada.user_id().await, eve.user_id().await);
    let logs = Logs::of(&app).await;
    let done = send(&logs, &ada, (POST, "/teams"), Some(json!({"name": "Ours"})), 201).await;
    let team = id_of(&done.body);
    by(done.one("team.create", "team", &team), &me);
    let path = format!("/teams/{team}");
    let member = format!("{path}/members/{hers}");
    for (name, is_change) in [("Ours", false), ("Theirs", true)] {
        let done = send(&logs, &ada, (PATCH, &path), Some(json!({"name": name})), 200).await;
        if is_change { by(done.one("team.change", "team", &team), &me) } else { done.none() }
    }
    for (role, action) in [("viewer", "add"), ("developer", "change")] {
        let wish = Some(json!({"role": role}));
        let done = send(&logs, &ada, (Method::PUT, &member), wish.clone(), 200).await;
        by(done.one(&format!("team.member.{action}"), "team_member", &hers), &me);
        send(&logs, &ada, (Method::PUT, &member), wish, 200).await.none();
    }
    let done = send(&logs, &eve, (DELETE, &member), None, 204).await;
    by(done.one("team.member.remove", "team_member", &hers), &hers);
    let done = send(&logs, &ada, (DELETE, &path), None, 204).await;
    by(done.one("team.delete", "team", &team), &me);
}
