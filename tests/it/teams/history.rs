//! Who did what to an instance, as its history says.

use serde_json::{Value, json};

use super::world::{INSTANCES, Person, World};
use crate::support::client::{Caller, id_of};
use crate::support::wait::eventually;

struct Scene {
    world: World,
    instance: String,
    seen: usize,
}

impl Scene {
    fn path(&self, what: &str) -> String {
        format!("{INSTANCES}/{}{what}", self.instance)
    }

    /// What has happened since the last look, when it has come to its end: the status after each event, and who it was.
    async fn since(&mut self, reader: &Person, status: &str) -> Vec<(String, Value)> {
        self.world.app.stage.until_all(std::slice::from_ref(&self.instance), status).await;
        self.world.app.stage.until_told().await;
        let page = reader.caller.get(&self.path("/events?limit=100")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        let news = items[self.seen..].iter();
        let told = news.map(|item| {
            assert!(item["actor"].get("address").is_none() && item.get("request_id").is_some(), "{item}");
            (item["status"].as_str().unwrap().to_owned(), item["actor"].clone())
        });
        let told = told.collect();
        self.seen = items.len();
        told
    }

    async fn last_request_id(&self) -> Value {
        let page = self.world.ada.caller.get(&self.path("/events?limit=100")).await.expect(200);
        page["items"].as_array().unwrap().last().unwrap()["request_id"].clone()
    }
}

fn told(status: &str, actor: &Value) -> (String, Value) {
    (status.to_owned(), actor.clone())
}

#[tokio::test]
async fn a_history_says_who_did_what_and_by_which_request() {
    let world = World::new().await;
    let instance = world.ada.create_in(&world.team, world.agent).await;
    let mut scene = Scene { world, instance, seen: 0 };
    let (ada, dan, vic) = (scene.world.ada.clone(), scene.world.dan.clone(), scene.world.vic.clone());
    let (user, worker) =
        (|person: &Person| json!({"kind": "user", "id": person.id}), json!({"kind": "worker"}));
    let administrator = json!({"kind": "administrator"});
    let (up, down) = ("running", "stopped");

    // Its maker, and the worker that follows; the request stays named.
    let begun = scene.since(&vic, up).await;
    assert_eq!(begun[0], told("pending", &user(&ada)));
    assert!(begun.len() > 1 && begun[1..].iter().all(|(_, actor)| *actor == worker), "{begun:?}");

    // A teammate.
    let stop = dan.caller.request(reqwest::Method::POST, &scene.path("/stop"));
    let answer = stop.header("x-request-id", "dans-stop").send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert_eq!(scene.since(&vic, down).await, [told(up, &user(&dan)), told(down, &worker)]);
    assert_eq!(scene.last_request_id().await, "dans-stop");

    // A program of theirs.
    let wish = json!({"name": "nightly", "team_id": scene.world.team, "permissions": ["instance:control"]});
    let key = dan.caller.post("/api/v1/api-keys", wish).await.expect(201);
    let program = dan.caller.with_token(key["key"].as_str().unwrap());
    program.post(&scene.path("/start"), json!({})).await.expect(202);
    let by_key = json!({"kind": "api_key", "id": dan.id});
    let started = scene.since(&vic, up).await;
    assert_eq!(started[0], told("pending", &by_key));
    assert!(started[1..].iter().all(|(_, actor)| *actor == worker), "{started:?}");

    // An administrator, of whom nothing else is told.
    let admin: Caller = scene.world.app.admin().await;
    admin.post(&scene.path("/stop"), json!({})).await.expect(202);
    assert_eq!(scene.since(&vic, down).await, [told(up, &administrator), told(down, &worker)]);

    // By plain SQL; and by the service as it was before it said who acts.
    let title = async |sql: &tokio_postgres::Client, title: &str| {
        let change = "UPDATE instances SET title = $2 WHERE id::text = $1";
        assert_eq!(sql.execute(change, &[&scene.instance, &title]).await.unwrap(), 1);
    };
    title(&scene.world.app.stage.sql().await, "Anew").await;
    let service = scene.world.app.stage.databases.plain("botberi").await;
    service.batch_execute("SET botberi.bell = 'quiet'").await.unwrap();
    title(&service, "Once more").await;
    let changed = scene.since(&vic, down).await;
    assert_eq!(changed, [told(down, &json!({"kind": "database"})), told(down, &Value::Null)]);
    assert_eq!(scene.last_request_id().await, Value::Null);

    ada.caller.patch(&scene.path(""), json!({"title": "Ours"})).await.expect(200);
    assert_eq!(scene.since(&vic, down).await, [told(down, &user(&ada))]);
    ada.caller.delete(&scene.path("")).await.expect(204);
    let sql = scene.world.app.stage.sql().await;
    let deletion =
        "SELECT acted_by FROM event_outbox WHERE aggregate_id = $1 AND routing_key = 'instance.deleted'";
    let acted_by = eventually("the deletion is told", async || {
        Some(sql.query_opt(deletion, &[&scene.instance]).await.unwrap()?.get::<_, Option<String>>(0))
    })
    .await;
    assert_eq!(acted_by, Some(format!("user:{}", ada.id)));
    let left: i64 =
        sql.query_one("SELECT count(*) FROM instances WHERE acting IS NOT NULL", &[]).await.unwrap().get(0);
    assert_eq!(left, 0, "it is said for one change only");
}

#[tokio::test]
async fn nobody_but_who_reaches_an_instance_sees_who_did_what() {
    let World { app: _app, ada, eve, team, agent, .. } = World::new().await;
    let instance = ada.create_in(&team, agent).await;
    let path = format!("{INSTANCES}/{instance}/events");
    assert_eq!(eve.caller.get(&path).await.problem(404), "instance_not_found");
    let hers = id_of(&eve.caller.create(agent).await);
    let page = eve.caller.get(&format!("{INSTANCES}/{hers}/events")).await.expect(200);
    assert!(!page.to_string().contains(&ada.id), "{page}");
}
