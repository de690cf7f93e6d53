//! Somebody who uses the APIs.

use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::event_stream::EventStream;
use super::socket::Socket;
use super::wait::within;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody at one listener. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Client,
    url: Arc<str>,
    token: Option<Arc<str>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// `Null` where there was none.
    pub(crate) body: Value,
}

impl Answer {
    /// The body, if the status is the expected one.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The code of a problem with that status, after a look at whether it is a whole problem.
    pub(crate) fn problem(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        let code = self.body["code"].as_str().unwrap();
        assert_eq!(self.body["type"], format!("urn:botberi:problem:{code}"));
        assert!(self.body["title"].as_str().is_some_and(|title| !title.is_empty()), "{}", self.body);
        assert_eq!(self.body["request_id"], self.headers["x-request-id"].to_str().unwrap());
        code
    }
}

impl Caller {
    /// Nobody in particular.
    pub(crate) fn stranger(url: &str) -> Self {
        Self { http: Client::new(), url: url.into(), token: None }
    }

    /// The same with a token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same person at another replica of the same listener.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    /// Signs up and in.
    pub(crate) async fn sign_up(&self, username: &str) -> Self {
        let registration = json!({"username": username, "password": PASSWORD});
        self.post("/api/v1/auth/register", registration).await.expect(201);
        self.sign_in(username, PASSWORD).await
    }

    /// Signs in.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Self {
        let credentials = json!({"username": username, "password": password});
        let tokens = self.post("/api/v1/auth/login", credentials).await.expect(200);
        self.with_token(tokens["access_token"].as_str().unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    /// A request of any kind, not sent yet.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The agent of the sample catalog that most tests use.
    pub(crate) async fn an_agent(&self) -> i64 {
        self.get("/api/v1/agents").await.expect(200)["items"][0]["id"].as_i64().unwrap()
    }

    /// An instance of that agent, as it was answered.
    pub(crate) async fn create(&self, agent: i64) -> Value {
        self.try_create(agent).await.expect(201)
    }

    /// The answer, whatever it is.
    pub(crate) async fn try_create(&self, agent: i64) -> Answer {
        self.post("/api/v1/instances", json!({"agent_id": agent, "title": "Mine"})).await
    }

    /// An instance as it is now.
    pub(crate) async fn instance(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/instances/{id}")).await.expect(200)
    }

    /// A socket that has been greeted; `since` resumes.
    pub(crate) async fn socket(&self, since: Option<i64>) -> Socket {
        match self.try_socket(since).await {
            Ok(socket) => socket,
            Err(status) => panic!("no socket: {status}"),
        }
    }

    /// A socket that has been greeted, or the status of the refusal.
    pub(crate) async fn try_socket(&self, since: Option<i64>) -> Result<Socket, u16> {
        self.try_socket_with(None, since).await
    }

    /// The same with a ticket, if there is one.
    pub(crate) async fn try_socket_with(
        &self,
        ticket: Option<&str>,
        since: Option<i64>,
    ) -> Result<Socket, u16> {
        let since_query = since.map(|since| format!("since={since}"));
        let ticket = ticket.map(|ticket| format!("ticket={ticket}"));
        let query: Vec<String> = since_query.into_iter().chain(ticket).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let mut socket = Socket::open(&self.url, &query, self.token.as_deref()).await?;
        // What counts is what the client has seen itself, not where the replica stands.
        socket.position = since.unwrap_or(socket.position);
        Ok(socket)
    }

    /// An event stream that has been greeted.
    pub(crate) async fn stream(&self, query: &str) -> EventStream {
        match self.try_stream(query, None).await {
            Ok(stream) => stream,
            Err((status, problem)) => panic!("no stream: {status}: {problem}"),
        }
    }

    /// An event stream that has been greeted, or the refusal. Comes back after `last_event_id`.
    pub(crate) async fn try_stream(
        &self,
        query: &str,
        last_event_id: Option<&str>,
    ) -> Result<EventStream, (u16, Value)> {
        let request = self.request(Method::GET, &format!("/api/v1/events{query}"));
        EventStream::open(match last_event_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        })
        .await
    }

    /// Where it calls.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its token.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("it has signed in")
    }

    /// Whose it is.
    pub(crate) async fn user_id(&self) -> String {
        id_of(&self.get("/api/v1/users/me").await.expect(200))
    }

    /// A fresh ticket.
    pub(crate) async fn ticket(&self) -> String {
        let ticket = self.post("/api/v1/ws/tickets", json!({})).await.expect(201);
        ticket["ticket"].as_str().unwrap().to_owned()
    }

    /// A socket by ticket, or the status of the refusal.
    pub(crate) async fn socket_by_ticket(&self, ticket: &str) -> Result<Socket, u16> {
        Socket::open(&self.url, &format!("?ticket={ticket}"), None).await
    }
}

/// Sends it.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    try_answer(request).await.unwrap()
}

/// Sends it; an error is a connection that broke.
pub(crate) async fn try_answer(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = within("an answer", request.send()).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = within("a body", response.text()).await?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Ok(Answer { status, headers, body })
}

/// The id in a document.
pub(crate) fn id_of(document: &Value) -> String {
    document["id"].as_str().unwrap().to_owned()
}
