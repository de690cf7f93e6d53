//! Canaries: secrets that are sent by every way to every operation of every listener, with every line logged, and are found
//! nowhere afterwards: not in the log, in no error, no measurement and no event.
//!
//! The operations are those of the documents that the program serves. One that takes or gives out a secret needs a case in
//! `rightly.rs`; the test fails without it.
#![expect(clippy::print_stderr, reason = "what was measured is for reading")]

mod operations;
mod rightly;
mod ways;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::header::CONTENT_TYPE;
use toml::Value;

use self::operations::{Operation, operations};
use self::ways::Way;
use crate::support::client::{Caller, id_of};
use crate::support::folder::Folder;
use crate::support::program::Program;
use crate::support::replica::ADMIN_PASSWORD;
use crate::support::stage::Stage;
use crate::support::wait::eventually;

/// What is in every secret of these tests, and in nothing else.
const CANARY: &str = "c4n4ry";

/// No row has it.
const NO_ID: &str = "0199a3ef-5c1a-7c30-8f4e-3b1d2f6c9a01";

/// Every key of the limits: nobody is refused here for asking too often.
const LIMITS: [&str; 8] = [
    "user_max",
    "read_max",
    "write_max",
    "socket_max",
    "auth_max",
    "account_max",
    "account_everywhere_max",
    "address_max",
];

#[tokio::test]
async fn secrets_are_in_no_log_no_error_no_measurement_and_no_event_whichever_way_they_come() {
    let stage = Stage::set().await;
    let folder = Folder::new("canaries");
    let log = folder.path.join("log");
    let mut settings: Vec<(&str, Value)> = vec![("telemetry.filter", "trace".into())];
    let keys = LIMITS.map(|key| format!("rate_limits.{key}"));
    settings.extend(keys.iter().map(|key| (key.as_str(), 0.into())));
    let program = Program::serve_with_log(&stage, &log, &settings).await;

    let mut secrets = rightly::go(&program).await;
    let mut walk = Walk::begin(&program).await;
    let listeners =
        [("user", &program.user_api), ("admin", &program.admin_api), ("broker", &program.broker_api)];
    let (mut about_secrets, mut requests) = (BTreeSet::new(), 0);
    for (listener, url) in listeners {
        for operation in operations(listener, url).await {
            if operation.is_about_secrets() {
                about_secrets.insert(operation.name());
            }
            requests += walk.send_all_to(&operation, url).await;
        }
    }
    secrets.texts.append(&mut walk.tokens);
    let without: Vec<_> = about_secrets.difference(&secrets.cases).collect();
    assert!(without.is_empty(), "{without:?} take or give out secrets: add a case to rightly.rs");
    let gone: Vec<_> = secrets.cases.difference(&about_secrets).collect();
    assert!(gone.is_empty(), "{gone:?} are not about secrets any more");

    let mut places: Vec<(String, String)> = Vec::new();
    for (listener, url) in listeners {
        let metrics = Caller::stranger(url).request(reqwest::Method::GET, "/metrics").send().await.unwrap();
        places.push((format!("the measurements of {listener}"), metrics.text().await.unwrap()));
    }
    stage.until_told().await;
    let heard = stage.tap.until("events", |all| Some(all.to_vec())).await;
    places.extend(heard.iter().map(|heard| ("an event".to_owned(), format!("{} {}", heard.body, heard.key))));
    let written = whole_log(&log, &program).await;
    for level in ["TRACE", "DEBUG"] {
        assert!(written.contains(&format!(r#""level":"{level}""#)), "nothing is logged at {level}");
    }
    places.push(("the log".to_owned(), written));
    let bytes: usize = places.iter().map(|(_, text)| text.len()).sum();
    eprintln!("{requests} requests, {} events, {} KiB looked through", heard.len(), bytes / 1_024);

    let mut found = BTreeSet::new();
    let hidden =
        |text: &str| secrets.texts.iter().any(|secret| text.contains(secret)) || text.contains(CANARY);
    for (place, text) in &places {
        found.extend(
            text.lines()
                .filter(|line| hidden(line) || line.contains("$argon2"))
                .map(|line| format!("{place}: {line}")),
        );
    }
    let some: Vec<String> = found.iter().map(|line| line.chars().take(600).collect()).take(20).collect();
    assert!(found.is_empty(), "{} places, such as {some:#?}", found.len());
}

/// Waits until the last request is written, and so everything before it.
async fn whole_log(log: &Path, program: &Program) -> String {
    let last = "the-last-request";
    let request = Caller::stranger(&program.user_api).request(reqwest::Method::GET, "/healthz");
    request.header("x-request-id", last).send().await.unwrap();
    eventually("the last request is in the log", async || {
        let text = fs::read_to_string(log).unwrap();
        text.contains(last).then_some(text)
    })
    .await
}

/// Whoever sends canaries, with the ids of what they have.
struct Walk {
    user: Caller,
    admin: Caller,
    instance: String,
    /// Their tokens, which are secrets, too.
    tokens: Vec<String>,
    accounts: usize,
}

impl Walk {
    async fn begin(program: &Program) -> Self {
        let (user, admin) = (Caller::stranger(&program.user_api), Caller::stranger(&program.admin_api));
        let mut walk = Self { user, admin, instance: String::new(), tokens: Vec::new(), accounts: 0 };
        walk.come_again().await;
        let agent = walk.user.an_agent().await;
        walk.instance = id_of(&walk.user.create(agent).await);
        walk
    }

    /// Signs in anew where the last operation has ended a session or an account.
    async fn come_again(&mut self) {
        if self.user.get("/api/v1/users/me").await.status == 401 {
            self.accounts += 1;
            self.user = self.user.sign_up(&format!("walker-{}", self.accounts)).await;
            self.tokens.push(self.user.token().to_owned());
        }
        if self.admin.get("/api/v1/users").await.status == 401 {
            self.admin = self.admin.sign_in("admin", ADMIN_PASSWORD).await;
            self.tokens.push(self.admin.token().to_owned());
        }
    }

    /// Answers with how many requests that were.
    async fn send_all_to(&mut self, operation: &Operation, url: &str) -> usize {
        let mut sent = 0;
        for way in Way::ALL.into_iter().filter(|way| way.suits(operation)) {
            self.come_again().await;
            let callers = [Caller::stranger(url), self.user.at(url), self.admin.at(url)];
            for caller in callers {
                for id in self.ids(&operation.path) {
                    let request = way.request(&caller, operation, id);
                    assert_told_nothing(operation, way, request).await;
                    sent += 1;
                }
            }
        }
        assert!(sent > 0, "{} was sent nothing", operation.name());
        sent
    }

    /// One of what is there, and one of what is not.
    fn ids(&self, path: &str) -> Vec<&str> {
        match path {
            path if path.contains("/instances/{id}") => vec![&self.instance, NO_ID],
            path if path.contains("/agents/{id}") => vec!["1", "2000000000"],
            path if path.contains("{id}") => vec![NO_ID],
            _ => vec![""],
        }
    }
}

async fn assert_told_nothing(operation: &Operation, way: Way, request: reqwest::RequestBuilder) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let name = operation.name();
    assert!(!status.is_server_error(), "{name} by {way:?}: {status}");
    let is_problem =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    let headers = format!("{:?}", response.headers());
    assert!(!headers.contains(CANARY), "{name} by {way:?}: {headers}");
    if status.is_client_error() {
        assert!(is_problem, "{name} by {way:?}: {status} without a problem");
        let text = response.text().await.unwrap();
        assert!(!way.without_its_name(&text).contains(CANARY), "{name} by {way:?}: {text}");
    }
}
