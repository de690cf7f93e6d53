//! Requests of the users, each of which is written down with what came of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::Value;
use uuid::Uuid;

use crate::support::client::{Answer, try_answer};

use super::checker::{Call, Moment, Outcome, Used, What};
use super::recorder::Recorder;

/// Whoever has had no answer for so long does not wait for it any more. Shorter than a replica is halted for: while some
/// wait for it, others must be served.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

/// Tells credentials apart.
static NAMED: AtomicUsize = AtomicUsize::new(0);

/// Somebody who sends.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) recorder: Recorder,
    /// As the audit log writes who acts.
    pub(super) by: String,
    /// Goes to one replica, and not by way of the edge.
    pub(super) is_direct: bool,
}

impl Sender {
    /// A name that nothing else has.
    pub(super) fn fresh_name(&self, kind: &str) -> String {
        format!("{kind} {}", NAMED.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends it and writes down what came of it. The body is null where there was none.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        what: What,
        used: Option<Used>,
    ) -> (Outcome, Value) {
        let (outcome, answer) = self.send_whole(request, what, used).await;
        (outcome, answer.map(|answer| answer.body).unwrap_or_default())
    }

    /// The same with the whole answer, if there is one.
    pub(super) async fn send_whole(
        &self,
        request: RequestBuilder,
        what: What,
        used: Option<Used>,
    ) -> (Outcome, Option<Answer>) {
        let id = Uuid::now_v7().to_string();
        let sent = self.recorder.now();
        let answer = try_answer(request.header("X-Request-Id", &id)).await;
        let outcome = outcome_of(&what, &answer);
        self.note_all(id, what, used, sent, outcome.clone());
        (outcome, answer.ok())
    }

    /// Writes down what came of a request that was sent elsewhere.
    pub(super) fn note(&self, what: What, sent: Moment, outcome: Outcome) {
        self.note_all(self.fresh_name("request"), what, None, sent, outcome);
    }

    fn note_all(&self, request: String, what: What, used: Option<Used>, sent: Moment, outcome: Outcome) {
        let (done, by, is_direct) = (self.recorder.now(), self.by.clone(), self.is_direct);
        self.recorder.call(Call { request, by, used, what, sent, done, outcome, is_direct });
    }
}

fn outcome_of(what: &What, answer: &Result<Answer, reqwest::Error>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Outcome::Unknown { why: error.to_string() },
    };
    let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
    match answer.status {
        200..300 => {
            let made = answer.body["id"].as_str().unwrap_or_default();
            let named = if matches!(what, What::Create { .. }) { made } else { what.instance() };
            Outcome::Done { instance: named.to_owned(), revision: answer.body["revision"].as_i64() }
        }
        // Of what could not be read in time nothing was begun, and nobody can say more (docs/api.md). It is told by its status
        // alone: also of what waited in the queue of a process that stood still for longer than that.
        408 if code.is_empty() => Outcome::Refused { status: 408, code },
        status if code.is_empty() => Outcome::Bare { status },
        // By docs/errors.md.
        status if code == "outcome_unknown" => Outcome::Unknown { why: format!("{status} {code}") },
        status => Outcome::Refused { status, code },
    }
}
