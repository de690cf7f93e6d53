//! The client's end of an event stream, read as the WHATWG describes it (HTML, 9.2.6).

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::wait::within;

/// An event as an `EventSource` would hand it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamEvent {
    pub(crate) last_event_id: String,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl StreamEvent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

/// Turns bytes into events.
#[derive(Debug, Default)]
pub(crate) struct StreamParser {
    line: Vec<u8>,
    after_return: bool,
    has_begun: bool,
    name: String,
    data: String,
    id: String,
    /// Moved by the end of a block, with or without an event in it.
    pub(crate) last_event_id: String,
    pub(crate) retry_ms: Option<u64>,
}

impl StreamParser {
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        for byte in bytes {
            let ends_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if ends_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                    let first = !std::mem::replace(&mut self.has_begun, true);
                    let line = if first { line.trim_start_matches('\u{feff}') } else { &line };
                    events.extend(self.take_line(line));
                }
                byte => self.line.push(*byte),
            }
        }
        events
    }

    fn take_line(&mut self, line: &str) -> Option<StreamEvent> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => self.retry_ms = value.parse().ok(),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<StreamEvent> {
        self.last_event_id.clone_from(&self.id);
        let (name, mut data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if data.is_empty() {
            return None;
        }
        data.pop();
        let name = if name.is_empty() { "message".to_owned() } else { name };
        Some(StreamEvent { last_event_id: self.last_event_id.clone(), name, data })
    }
}

/// An open stream that has been greeted.
pub(crate) struct EventStream {
    response: Response,
    parser: StreamParser,
    /// Came in one piece with what was handed out last.
    waiting: std::collections::VecDeque<StreamEvent>,
    /// The id of what was handed out last.
    handed_out: String,
    pub(crate) headers: HeaderMap,
    pub(crate) hello: Value,
    /// Where it stood when it was greeted.
    pub(crate) begin: i64,
}

impl EventStream {
    /// The error is the refusal: its status and its problem; 0 where nobody answers.
    pub(crate) async fn open(request: RequestBuilder) -> Result<Self, (u16, Value)> {
        let sent = within("an answer", request.send()).await;
        let Ok(response) = sent else { return Err((0, Value::Null)) };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if status != 200 {
            return Err((status, response.json().await.unwrap_or_default()));
        }
        let (parser, waiting) = (StreamParser::default(), std::collections::VecDeque::new());
        let mut stream = Self {
            response,
            parser,
            waiting,
            handed_out: String::new(),
            headers,
            hello: Value::Null,
            begin: 0,
        };
        // A replica that goes away between the answer and the greeting is as good as gone.
        let Some(hello) = stream.next().await else { return Err((0, Value::Null)) };
        assert_eq!(hello.name, "hello");
        stream.hello = hello.json();
        stream.begin = hello.last_event_id.parse().unwrap();
        Ok(stream)
    }

    /// The next event; none at the end of the stream, or where it just broke.
    pub(crate) async fn next(&mut self) -> Option<StreamEvent> {
        while self.waiting.is_empty() {
            self.read().await?;
        }
        let event = self.waiting.pop_front()?;
        self.handed_out.clone_from(&event.last_event_id);
        Some(event)
    }

    /// Whatever comes next: events, or none where it was a sign of life. None at the end.
    pub(crate) async fn some(&mut self) -> Option<Vec<StreamEvent>> {
        if self.waiting.is_empty() {
            self.read().await?;
        }
        Some(self.waiting.drain(..).collect())
    }

    async fn read(&mut self) -> Option<()> {
        let chunk = within("something on the stream", self.response.chunk()).await.ok().flatten()?;
        self.waiting.extend(self.parser.read(&chunk));
        Some(())
    }

    /// The next event, which has that name.
    pub(crate) async fn expect(&mut self, name: &str) -> Value {
        let event = self.next().await.unwrap_or_else(|| panic!("it ended instead of {name}"));
        assert_eq!(event.name, name, "{event:?}");
        event.json()
    }

    /// The next status of that instance; other events are passed over.
    pub(crate) async fn next_status(&mut self, instance: &str) -> String {
        loop {
            let event = self.next().await.expect("an event");
            let data = event.json();
            if let (true, Some(status)) = (data["instance_id"] == instance, data["status"].as_str()) {
                return status.to_owned();
            }
        }
    }

    /// Reads to the `error` that comes before the end, and gives its code. None if it just broke.
    pub(crate) async fn ended(&mut self) -> Option<String> {
        while let Some(event) = self.next().await {
            if event.name == "error" {
                assert_eq!(self.next().await, None, "nothing comes after it");
                return event.json()["code"].as_str().map(str::to_owned);
            }
        }
        None
    }

    /// Where an `EventSource` would come back to that has got what was handed out, and no more.
    pub(crate) fn last_event_id(&self) -> &str {
        if self.waiting.is_empty() { &self.parser.last_event_id } else { &self.handed_out }
    }

    pub(crate) fn position(&self) -> i64 {
        self.parser.last_event_id.parse().unwrap()
    }

    pub(crate) fn retry_ms(&self) -> Option<u64> {
        self.parser.retry_ms
    }

    /// Reads on until it stands at least there. Events on the way are passed over.
    pub(crate) async fn until_position(&mut self, position: i64) {
        while self.position() < position {
            self.read().await.expect("the stream goes on");
        }
    }
}
