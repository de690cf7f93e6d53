//! Secrets where they belong: every operation that takes one or gives one out, with one that is right, and once more with one
//! that is used up or wrong.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{CANARY, ways};
use crate::support::client::{Answer, Caller, answer, id_of};
use crate::support::program::Program;
use crate::support::replica::ADMIN_PASSWORD;
use crate::support::wait::eventually;

/// What was sent or given out, and must not be seen anywhere.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) texts: Vec<String>,
    /// The operations that were asked, by their names.
    pub(super) cases: BTreeSet<String>,
}

impl Secrets {
    fn case(&mut self, name: &str) {
        self.cases.insert(name.to_owned());
    }

    fn keep(&mut self, body: &Value, field: &str) -> String {
        let text = body[field].as_str().unwrap().to_owned();
        self.texts.push(text.clone());
        text
    }

    fn keep_tokens(&mut self, body: &Value) -> (String, String) {
        (self.keep(body, "access_token"), self.keep(body, "refresh_token"))
    }
}

/// Goes once through the life of an account.
pub(super) async fn go(program: &Program) -> Secrets {
    let mut secrets = Secrets::default();
    let [first, second, third, wrong] =
        ["first", "second", "third", "wrong"].map(|name| format!("{CANARY}-{name}-password"));
    // RabbitMQ's password and the key that signs tokens are among what the program is started with.
    let dev: toml::Table = include_str!("../../../config/dev.toml").parse().unwrap();
    let signing_key = dev["auth"]["signing_key"].as_str().unwrap();
    secrets.texts.extend([ADMIN_PASSWORD, "guest", signing_key].map(str::to_owned));
    let nobody = Caller::stranger(&program.user_api);

    secrets.case("user POST /api/v1/auth/register");
    nobody.post("/api/v1/auth/register", json!({"username": "eve", "password": first})).await.expect(201);
    secrets.case("user POST /api/v1/auth/login");
    let login = async |password: &str| {
        nobody.post("/api/v1/auth/login", json!({"username": "eve", "password": password})).await
    };
    refused(&login(&wrong).await, 401);
    let (_, refresh) = secrets.keep_tokens(&login(&first).await.expect(200));
    secrets.case("user POST /api/v1/auth/refresh");
    let body = json!({"refresh_token": refresh});
    secrets.keep_tokens(&nobody.post("/api/v1/auth/refresh", body.clone()).await.expect(200));
    refused(&nobody.post("/api/v1/auth/refresh", body).await, 401);

    let (access, _) = secrets.keep_tokens(&login(&first).await.expect(200));
    let eve = nobody.with_token(&access);
    secrets.case("user POST /api/v1/ws/tickets");
    for (name, path) in [("user GET /api/v1/ws", "/api/v1/ws"), ("user GET /api/v1/events", "/api/v1/events")]
    {
        secrets.case(name);
        let ticket = secrets.keep(&eve.post("/api/v1/ws/tickets", json!({})).await.expect(201), "ticket");
        let query = format!("?ticket={ticket}");
        if path.ends_with("ws") {
            let mut socket = nobody.socket_by_ticket(&ticket).await.unwrap();
            socket.say(&json!({"type": CANARY, "channels": [CANARY]})).await;
            let why = socket.expect("error").await;
            assert!(!why.to_string().contains(CANARY), "{why}");
        } else {
            drop(nobody.stream(&query).await);
        }
        let again = nobody.request(Method::GET, &format!("{path}{query}"));
        refused(&answer(ways::upgrading(again)).await, 401);
    }

    secrets.case("user POST /api/v1/users/me/password");
    let change = json!({"current_password": wrong, "new_password": second});
    refused(&eve.post("/api/v1/users/me/password", change).await, 422);
    let change = json!({"current_password": first, "new_password": second});
    let changed = eve.post("/api/v1/users/me/password", change).await;
    assert!((200..300).contains(&changed.status), "{}", changed.body);
    let id = nobody.with_token(&secrets.keep_tokens(&login(&second).await.expect(200)).0).user_id().await;

    with_keys(&nobody.sign_in("eve", &second).await, &mut secrets).await;
    at_the_administrators_door(program, &mut secrets, &id, &wrong, &third).await;
    secrets.keep_tokens(&login(&third).await.expect(200));
    secrets
}

/// Keys for programs: made, used, replaced, revoked, and used once more.
async fn with_keys(eve: &Caller, secrets: &mut Secrets) {
    secrets.texts.push(eve.token().to_owned());
    let path = "/api/v1/api-keys";
    secrets.case("user POST /api/v1/api-keys");
    let made = eve.post(path, json!({"name": "mine", "permissions": ["agent:list"]})).await.expect(201);
    let first = secrets.keep(&made, "key");
    eve.with_token(&first).get("/api/v1/agents").await.expect(200);
    secrets.case("user POST /api/v1/api-keys/{id}/rotate");
    let rotate = format!("{path}/{}/rotate", id_of(&made));
    let made = eve.post(&rotate, json!({"overlap_seconds": 0})).await.expect(201);
    let second = secrets.keep(&made, "key");
    eve.delete(&format!("{path}/{}", id_of(&made))).await.expect(204);
    for over in [first, second] {
        let refused_key = eventually("the key is refused", async || {
            let answer = eve.with_token(&over).get("/api/v1/agents").await;
            (answer.status == 401).then_some(answer)
        })
        .await;
        assert!(!refused_key.body.to_string().contains(&over), "{}", refused_key.body);
    }
}

async fn at_the_administrators_door(
    program: &Program,
    secrets: &mut Secrets,
    eve: &str,
    wrong: &str,
    third: &str,
) {
    let door = Caller::stranger(&program.admin_api);
    secrets.case("admin POST /api/v1/auth/login");
    let login = async |password: &str| {
        door.post("/api/v1/auth/login", json!({"username": "admin", "password": password})).await
    };
    refused(&login(wrong).await, 401);
    let (_, refresh) = secrets.keep_tokens(&login(ADMIN_PASSWORD).await.expect(200));
    secrets.case("admin POST /api/v1/auth/refresh");
    let body = json!({"refresh_token": refresh});
    let (access, _) = secrets.keep_tokens(&door.post("/api/v1/auth/refresh", body.clone()).await.expect(200));

    secrets.case("admin POST /api/v1/users/{id}/password-reset");
    let path = format!("/api/v1/users/{eve}/password-reset");
    let reset = door.with_token(&access).post(&path, json!({})).await;
    assert!((200..300).contains(&reset.status), "{}", reset.body);
    let token = secrets.keep(&reset.body, "token");
    secrets.case("user POST /api/v1/auth/password-reset");
    let nobody = Caller::stranger(&program.user_api);
    let body = json!({"token": token, "new_password": third});
    let set = answer(nobody.request(Method::POST, "/api/v1/auth/password-reset").json(&body)).await;
    assert!((200..300).contains(&set.status), "{}", set.body);
    refused(&nobody.post("/api/v1/auth/password-reset", body).await, 401);
    // A token that comes twice ends its session.
    refused(&door.post("/api/v1/auth/refresh", json!({"refresh_token": refresh})).await, 401);
}

fn refused(answer: &Answer, status: u16) {
    answer.problem(status);
    assert!(!answer.body.to_string().contains(CANARY), "{}", answer.body);
}
