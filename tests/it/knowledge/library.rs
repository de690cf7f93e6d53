//! Somebody with an instance, whose knowledge base is filled and asked.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Answer, Caller, answer, id_of};
use crate::support::wait::eventually;

/// Reads quickly and forgives little.
pub(super) const QUICK: [(&str, i64); 2] = [("kb_ingestor.retry_ms", 50), ("kb_ingestor.attempts_max", 3)];

/// A platform that reads with those settings beside the usual.
pub(super) async fn platform(own: &[(&str, toml::Value)]) -> TestApp {
    let quick = QUICK.iter().map(|(key, value)| (*key, toml::Value::from(*value)));
    let settings: Vec<(&str, toml::Value)> = quick.chain(own.iter().cloned()).collect();
    TestApp::with(&settings).await
}

/// A knowledge base and who fills it.
#[derive(Clone)]
pub(super) struct Library {
    pub(super) owner: Caller,
    pub(super) instance: String,
}

impl Library {
    pub(super) async fn of(owner: &Caller) -> Self {
        let agent = owner.an_agent().await;
        let instance = id_of(&owner.create(agent).await);
        Self { owner: owner.clone(), instance }
    }

    /// As somebody else sees it.
    pub(super) fn seen_by(&self, other: &Caller) -> Self {
        Self { owner: other.clone(), instance: self.instance.clone() }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/api/v1/instances/{}/knowledge-base{rest}", self.instance)
    }

    pub(super) async fn state(&self) -> Value {
        self.owner.get(&self.path("")).await.expect(200)
    }

    /// Adds a text, and waits until it is found.
    pub(super) async fn text(&self, content: &str, language: &str) -> String {
        let wish = json!({"content": content, "data_type": "document", "lang_hint": language});
        let entry = self.add(wish).await.expect(201);
        self.until(&id_of(&entry), "ready").await;
        id_of(&entry)
    }

    pub(super) async fn add(&self, wish: Value) -> Answer {
        self.owner.post(&self.path("/entries"), wish).await
    }

    pub(super) async fn upload(&self, name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> Answer {
        self.upload_with(name, bytes, fields, None).await
    }

    pub(super) async fn upload_with(
        &self,
        name: &str,
        bytes: &[u8],
        fields: &[(&str, &str)],
        key: Option<&str>,
    ) -> Answer {
        let (kind, body) = form(name, bytes, fields);
        let request = self.owner.request(Method::POST, &self.path("/entries")).header(CONTENT_TYPE, kind);
        let request = match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        };
        answer(request.body(body)).await
    }

    pub(super) async fn entry(&self, id: &str) -> Value {
        self.owner.get(&self.path(&format!("/entries/{id}"))).await.expect(200)
    }

    /// Gives an order about the reading of an entry.
    pub(super) async fn order(&self, id: &str, order: &str) -> Answer {
        self.owner.post(&self.path(&format!("/entries/{id}/{order}")), Value::Null).await
    }

    /// Waits until an entry has come so far.
    pub(super) async fn until(&self, id: &str, status: &str) -> Value {
        let what = format!("entry {id} is {status}");
        eventually(&what, async || Some(self.entry(id).await).filter(|entry| entry["status"] == status)).await
    }

    pub(super) async fn search(&self, query: &str) -> Vec<Value> {
        let found = self.ask(query, "").await.expect(200);
        found["hits"].as_array().unwrap().clone()
    }

    pub(super) async fn ask(&self, query: &str, more: &str) -> Answer {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        self.owner.get(&self.path(&format!("/search?q={query}{more}"))).await
    }

    /// The entries that a query finds, the best first.
    pub(super) async fn finds(&self, query: &str) -> Vec<String> {
        let hits = self.search(query).await;
        hits.iter().map(|hit| hit["entry_id"].as_str().unwrap().to_owned()).collect()
    }
}

/// A form with a file in it: what calls it so, and its bytes.
fn form(name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> (String, Vec<u8>) {
    const BORDER: &str = "----a-border-that-nobody-writes";
    let mut body = Vec::new();
    for (field, value) in fields {
        let head = format!("--{BORDER}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n");
        body.extend_from_slice(format!("{head}{value}\r\n").as_bytes());
    }
    let head = format!(
        "--{BORDER}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{BORDER}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BORDER}"), body)
}
