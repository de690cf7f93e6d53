//! A provider of embeddings that speaks both protocols. Its model knows a few words and what they mean, and is told how to behave.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(super) const KEY: &str = "sk-of-nobody";

/// What means the same stands in one line.
const MEANINGS: [&[&str]; 5] = [
    &["car", "automobile", "vehicle", "coche"],
    &["doctor", "physician", "médico"],
    &["invoice", "bill", "factura"],
    &["rain", "downpour", "lluvia"],
    &["dog", "hound", "perro"],
];

/// How it answers instead of with vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// This status, and after how many seconds to come again.
    Answers(u16, Option<u64>),
    /// Something that is not of the protocol.
    Rambles,
    /// Nothing, until the peer goes away.
    Keeps,
    /// As it should, once it is let.
    Waits,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) key: Option<String>,
    pub(super) model: String,
    pub(super) texts: Vec<String>,
}

#[derive(Default)]
struct Inside {
    asked: Vec<Asked>,
    /// The next ones, then how it is from then on.
    moods: VecDeque<Mood>,
    always: Option<Mood>,
    /// Texts with this are not taken.
    refuses: Option<&'static str>,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
    gate: Arc<Notify>,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider =
            Self { address: listener.local_addr().unwrap(), inside: Arc::default(), gate: Arc::default() };
        let serving = provider.clone();
        actix::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                actix::spawn(serving.clone().serve(connection));
            }
        });
        provider
    }

    /// The settings of a platform that asks it.
    pub(super) fn settings(&self, provider: &str) -> Vec<(&'static str, toml::Value)> {
        let path = if provider == "openai" { "/v1" } else { "" };
        vec![
            ("embeddings.provider", provider.into()),
            ("embeddings.base_url", format!("http://{}{path}", self.address).into()),
            ("embeddings.api_key", KEY.into()),
            ("embeddings.model", "of-a-few-words".into()),
            ("embeddings.batch_max", 4.into()),
        ]
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.inside.lock().unwrap().asked.clone()
    }

    /// How it answers the next requests.
    pub(super) fn next(&self, moods: impl IntoIterator<Item = Mood>) {
        self.inside.lock().unwrap().moods.extend(moods);
    }

    /// How it answers from now on; none for as it should.
    pub(super) fn always(&self, mood: Option<Mood>) {
        self.inside.lock().unwrap().always = mood;
    }

    /// Lets a request be answered that waits.
    pub(super) fn let_go(&self) {
        self.gate.notify_one();
    }

    /// Texts with this are not taken from now on.
    pub(super) fn refuse(&self, text: &'static str) {
        self.inside.lock().unwrap().refuses = Some(text);
    }

    async fn serve(self, mut connection: TcpStream) {
        let Some((head, body)) = read(&mut connection).await else { return };
        let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let is_key = |line: &&str| line.to_ascii_lowercase().starts_with("authorization:");
        let key = head
            .lines()
            .find(is_key)
            .and_then(|line| line.split_once("Bearer "))
            .map(|(_, key)| key.to_owned());
        let request: Value = serde_json::from_slice(&body).unwrap();
        let texts = request["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
        let model = request["model"].as_str().unwrap().to_owned();
        let asked = Asked { path, key, model, texts: texts.collect() };
        let mood = {
            let mut inside = self.inside.lock().unwrap();
            inside.asked.push(asked.clone());
            let is_refused = |text: &String| inside.refuses.is_some_and(|refused| text.contains(refused));
            if asked.texts.iter().any(is_refused) {
                Some(Mood::Answers(400, None))
            } else {
                inside.moods.pop_front().or(inside.always)
            }
        };
        let (status, more, body) = match mood {
            Some(Mood::Keeps) => {
                let _until_gone = connection.read(&mut [0]).await;
                return;
            }
            Some(Mood::Waits) => {
                self.gate.notified().await;
                (200, String::new(), vectors(&asked))
            }
            Some(Mood::Answers(status, after)) => {
                let after = after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
                (status, after, json!({"error": {"message": "not now"}}))
            }
            Some(Mood::Rambles) => (200, String::new(), json!(["what was the question?"])),
            None => (200, String::new(), vectors(&asked)),
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n",
            body.len()
        );
        let _gone = connection.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

async fn read(connection: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let is_length = |line: &&str| line.to_ascii_lowercase().starts_with("content-length:");
            let length: usize = head.lines().find(is_length)?.split_once(':')?.1.trim().parse().ok()?;
            if bytes.len() >= end + 4 + length {
                return Some((head, bytes[end + 4..end + 4 + length].to_vec()));
            }
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn vectors(asked: &Asked) -> Value {
    let vectors = asked.texts.iter().map(|text| meaning(text, &asked.model));
    if asked.path == "/v1/embeddings" {
        let data =
            vectors.enumerate().map(|(index, embedding)| json!({"index": index, "embedding": embedding}));
        // In no order: the index says which is which.
        let data: Vec<Value> = data.rev().collect();
        json!({"object": "list", "data": data, "model": asked.model, "usage": {"prompt_tokens": 1, "total_tokens": 1}})
    } else {
        json!({"model": asked.model, "embeddings": vectors.collect::<Vec<Vec<f32>>>()})
    }
}

/// One dimension for each meaning, and one for whatever else there is. Another model has others.
fn meaning(text: &str, model: &str) -> Vec<f32> {
    let words: Vec<String> =
        text.split(|letter: char| !letter.is_alphabetic()).map(str::to_lowercase).collect();
    let times = |known: &&[&str]| words.iter().filter(|word| known.contains(&word.as_str())).count();
    let mut vector: Vec<f32> = MEANINGS.iter().map(|known| times(known) as f32).collect();
    vector.push(0.1);
    if model == "of-another-kind" {
        vector.reverse();
        vector.push(0.0);
    }
    vector
}
