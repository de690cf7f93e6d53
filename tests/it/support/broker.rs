//! A RabbitMQ virtual host for each test, and what its management API says and does.

use std::sync::atomic::{AtomicU32, Ordering};

use botberi::cli::dev::Endpoints;
use futures_util::future::join_all;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::wait::{PATIENCE, elsewhere, eventually};

/// Names the virtual hosts of this process apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// One virtual host; it is deleted, and everything in it, with its test.
pub(crate) struct VirtualHost {
    pub(crate) name: String,
    /// Each node's root.
    nodes: Vec<String>,
    management: Management,
}

impl VirtualHost {
    /// An empty one on these servers, which `guest` may use.
    pub(crate) async fn create(servers: &Endpoints) -> Self {
        let urls = servers.rabbitmq_nodes.iter().map(|node| node.management.clone());
        let management = Management { urls: urls.collect() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}_{}", std::process::id(), Uuid::now_v7().simple());
        management.call(Method::PUT, &format!("vhosts/{name}"), None).await;
        let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
        management.call(Method::PUT, &format!("permissions/{name}/guest"), Some(everything)).await;
        let nodes = servers.rabbitmq_nodes.iter().map(|node| node.amqp.clone());
        Self { name, nodes: nodes.collect(), management }
    }

    /// Its address, which names every node.
    pub(crate) fn url(&self) -> String {
        let (first, _root) = self.nodes[0].rsplit_once('/').unwrap();
        let mut server = first.to_owned();
        for node in &self.nodes[1..] {
            let (_account, host) = node.rsplit_once('@').unwrap();
            server.push(',');
            server.push_str(host.split('/').next().unwrap());
        }
        format!("{server}/{}", self.name)
    }

    /// The address on each node.
    pub(crate) fn urls(&self) -> Vec<String> {
        let roots = self.nodes.iter().map(|node| node.rsplit_once('/').unwrap().0);
        roots.map(|server| format!("{server}/{}", self.name)).collect()
    }

    /// Asks the management API for what is kept of this kind (`queues`, `bindings`) in here.
    pub(crate) async fn list(&self, kind: &str) -> Vec<Value> {
        let answer = self.management.call(Method::GET, &format!("{kind}/{}", self.name), None).await;
        answer.as_array().unwrap().clone()
    }

    /// Deletes a queue with all that is in it.
    pub(crate) async fn delete_queue(&self, queue: &str) {
        self.management.call(Method::DELETE, &format!("queues/{}/{queue}", self.name), None).await;
    }

    /// Publishes as somebody who is not the platform. True when a queue has taken it; one that has just been declared may have
    /// no leader yet, and takes nothing.
    pub(crate) async fn publish(&self, exchange: &str, key: &str, body: &str) -> bool {
        let path = format!("exchanges/{}/{exchange}/publish", self.name);
        let message = json!({
            "properties": {"delivery_mode": 2}, "routing_key": key, "payload": body, "payload_encoding": "string",
        });
        let (status, text) = self.management.send(Method::POST, &path, Some(message)).await;
        if status == StatusCode::BAD_REQUEST && text.contains("rejected") {
            return false;
        }
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str::<Value>(&text).unwrap()["routed"] == true
    }

    /// Has RabbitMQ close every connection of this virtual host that it knows of, all at the same time. Some may be gone by
    /// then; to those it says all kinds of things.
    pub(crate) async fn close_all_connections(&self) {
        let connections =
            self.management.call(Method::GET, &format!("vhosts/{}/connections", self.name), None).await;
        let names = connections.as_array().unwrap().iter().filter_map(|one| one["name"].as_str());
        let closes = names.map(|name| {
            let url = format!("{}/api/{}", self.management.urls[0], path_of(name));
            Client::new().delete(url).timeout(PATIENCE).send()
        });
        join_all(closes).await;
    }

    /// What is known of one queue.
    pub(crate) async fn queue(&self, queue: &str) -> Value {
        self.management.call(Method::GET, &format!("queues/{}/{queue}", self.name), None).await
    }

    /// The node that holds a connection of that name; waits until RabbitMQ knows of one.
    pub(crate) async fn node_of_connection(&self, named: &str) -> String {
        let path = format!("vhosts/{}/connections", self.name);
        eventually("RabbitMQ knows the connection", async || {
            let connections = self.management.call(Method::GET, &path, None).await;
            let mut connections = connections.as_array()?.iter();
            let found = connections.find(|one| one["client_properties"]["connection_name"] == named)?;
            Some(found["node"].as_str()?.to_owned())
        })
        .await
    }

    /// Has RabbitMQ close every connection of that name; waits until it knows of one to close.
    pub(crate) async fn close_connections(&self, named: &str) {
        let path = format!("vhosts/{}/connections", self.name);
        let found = eventually("RabbitMQ knows the connection", async || {
            let connections = self.management.call(Method::GET, &path, None).await;
            let connections = connections.as_array().unwrap().iter();
            let found = connections.filter(|one| one["client_properties"]["connection_name"] == named);
            let names: Vec<String> = found.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
            (!names.is_empty()).then_some(names)
        });
        for name in found.await {
            self.management.call(Method::DELETE, &path_of(&name), None).await;
        }
    }
}

impl Drop for VirtualHost {
    fn drop(&mut self) {
        let path = format!("vhosts/{}", self.name);
        let management = self.management.clone();
        let deleted = elsewhere(async move || {
            management.call(Method::DELETE, &path, None).await;
        });
        if deleted.is_none() && !std::thread::panicking() {
            panic!("the virtual host {} was not deleted", self.name);
        }
    }
}

/// RabbitMQ's management API.
#[derive(Clone)]
struct Management {
    /// Of each node.
    urls: Vec<String>,
}

impl Management {
    /// One call; what is not there any more when it is to go, is gone.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, text) = self.send(method.clone(), path, body).await;
        let is_gone = method == Method::DELETE && status == StatusCode::NOT_FOUND;
        assert!(status.is_success() || is_gone, "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// To the first node that can be reached.
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, String) {
        let mut answer = None;
        for node in &self.urls {
            let url = format!("{node}/api/{path}");
            let mut request = Client::new().request(method.clone(), &url).timeout(PATIENCE);
            if let Some(body) = &body {
                request = request.json(body);
            }
            match request.send().await {
                Err(error) if error.is_connect() => {}
                sent => {
                    answer = Some(sent.unwrap());
                    break;
                }
            }
        }
        let response = answer.expect("no node of RabbitMQ can be reached");
        (response.status(), response.text().await.unwrap())
    }
}

/// Of a connection in the management API.
fn path_of(connection: &str) -> String {
    format!("connections/{}", connection.replace(' ', "%20").replace('>', "%3E"))
}
