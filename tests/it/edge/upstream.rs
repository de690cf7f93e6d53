//! A stand-in for a replica that misbehaves on purpose, and notes what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";

/// What it does once a request is there.
#[derive(Clone, Copy)]
pub(super) enum Conduct {
    /// Answers 200.
    Answers,
    /// Ends the connection without a word: it died in the middle of its work.
    Breaks,
    /// Says nothing.
    IsSilent,
    /// Sends the beginning of a stream and stays.
    Streams,
}

/// Dropped, it goes.
pub(super) struct Upstream {
    pub(super) address: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(super) async fn that(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let notes = requests.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, conduct, notes.clone()));
            }
        });
        Self { address, requests, task }
    }

    /// The head of every request so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// How often it was asked for each path.
    pub(super) fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for request in self.requests() {
            *counts.entry(request.split(' ').nth(1).unwrap().to_owned()).or_default() += 1;
        }
        counts
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address where nobody listens.
pub(super) async fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

async fn serve(mut stream: TcpStream, conduct: Conduct, notes: Arc<Mutex<Vec<String>>>) {
    while let Some(head) = read(&mut stream).await {
        notes.lock().unwrap().push(head);
        let said = match conduct {
            Conduct::Answers => ANSWER,
            Conduct::Streams => STREAM,
            Conduct::Breaks => return,
            Conduct::IsSilent => "",
        };
        if stream.write_all(said.as_bytes()).await.is_err() {
            return;
        }
        if !matches!(conduct, Conduct::Answers) {
            // Until the other side has had enough.
            let _its_end = stream.read(&mut [0]).await;
            return;
        }
    }
}

/// The head of the next request; its body is read, too.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(head)
}
