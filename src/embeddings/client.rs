//! The provider, asked. It goes through the same one way out as whatever users name, which here is open for the provider's host and
//! port alone: bounds, times and TLS are the same.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::time::timeout;

use super::settings::{EmbeddingSettings, Protocol};
use crate::models::knowledge::Vector;
use crate::outbound::{Outbound, OutboundError, OutboundSettings, OutgoingRequest, OutgoingUrl};

/// What one request may hold: a batch of the largest chunks, and what JSON makes of them.
const REQUEST_BYTES_MAX: usize = 32 << 20;
/// What an answer may hold: a batch of vectors with thousands of dimensions, in digits.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// How long a provider may keep us waiting that says for how long.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);

/// What a text is for: some models want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is kept, and will be found.
    Document,
    /// It is looked for.
    Query,
}

impl Purpose {
    /// As measurements call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Query => "query",
        }
    }
}

/// Why there are no vectors.
#[derive(Debug, Error)]
pub enum EmbeddingError {
    /// The provider is away, slow, or has too much to do. It passes.
    #[error("{reason}")]
    Away {
        /// What happened.
        reason: String,
        /// How long it wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// It knows us not, or not the model: no request will do.
    #[error("the provider answered {status}: is `embeddings` configured as it wants it?")]
    Misconfigured {
        /// What it answered.
        status: u16,
    },
    /// It does not take these texts.
    #[error("the provider does not take it: it answered {status}")]
    NotTaken {
        /// What it answered.
        status: u16,
    },
    /// What it answered is not what was asked for.
    #[error("the provider's answer is not what was asked for: {0}")]
    NotVectors(&'static str),
}

/// Makes vectors of texts. Cheap to clone.
#[derive(Clone)]
pub struct Embedder {
    outbound: Outbound,
    url: OutgoingUrl,
    protocol: Protocol,
    settings: EmbeddingSettings,
}

impl Embedder {
    /// One by the settings, which were checked before; `None` when there is no provider.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub fn new(settings: &EmbeddingSettings, outbound: &OutboundSettings) -> Result<Option<Self>, String> {
        let (Some(protocol), Some(endpoint)) = (settings.protocol(), settings.endpoint()) else {
            return Ok(None);
        };
        let (Some(host), Some(port)) = (endpoint.host_str(), endpoint.port_or_known_default()) else {
            return Err("embeddings.base_url: has no host".to_owned());
        };
        let only_there = OutboundSettings {
            allow: vec![format!("{host}:{port}")],
            request_bytes_max: REQUEST_BYTES_MAX,
            answer_bytes_max: ANSWER_BYTES_MAX,
            first_byte_timeout_ms: settings.timeout_ms,
            total_timeout_ms: settings.timeout_ms,
            ..outbound.clone()
        };
        let outbound = Outbound::new(&only_there).map_err(|error| format!("outbound.ca_file: {error}"))?;
        let url =
            outbound.check("embeddings.base_url", endpoint.as_str()).map_err(|error| error.to_string())?;
        Ok(Some(Self { outbound, url, protocol, settings: settings.clone() }))
    }

    /// Whose vectors these are: those of another name have nothing in common with them.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// How it is used.
    #[must_use]
    pub const fn settings(&self) -> &EmbeddingSettings {
        &self.settings
    }

    /// A vector for each of the texts, in their order.
    ///
    /// # Errors
    /// When there is none for any of them.
    pub async fn embed(&self, purpose: Purpose, texts: &[String]) -> Result<Vec<Vector>, EmbeddingError> {
        let begun = Instant::now();
        let embedded = self.embed_uncounted(purpose, texts).await;
        metrics::histogram!("botberi_embedding_seconds", "purpose" => purpose.name())
            .record(begun.elapsed().as_secs_f64());
        let outcome = if embedded.is_ok() { "made" } else { "failed" };
        metrics::counter!("botberi_embeddings_total", "purpose" => purpose.name(), "outcome" => outcome)
            .increment(texts.len() as u64);
        embedded
    }

    async fn embed_uncounted(
        &self,
        purpose: Purpose,
        texts: &[String],
    ) -> Result<Vec<Vector>, EmbeddingError> {
        let (prefix, within) = match purpose {
            Purpose::Document => (&self.settings.document_prefix, self.settings.timeout()),
            Purpose::Query => (&self.settings.query_prefix, self.settings.query_timeout()),
        };
        let input: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let body = json!({"model": self.settings.model, "input": input});
        let request = OutgoingRequest::post_json(self.url.clone(), &body, &self.settings.api_key);
        let request = request.map_err(|error| away(&error.to_string()))?;
        let answered = timeout(within, self.exchange(request)).await;
        let body = answered.map_err(|_late| away("the provider did not answer in time"))??;
        let (protocol, wanted) = (self.protocol, texts.len());
        // Megabytes of digits: not on a thread that everything else shares.
        let read = tokio::task::spawn_blocking(move || read(protocol, &body, wanted)).await;
        read.unwrap_or(Err(EmbeddingError::NotVectors("it could not be read")))
    }

    async fn exchange(&self, request: OutgoingRequest) -> Result<Vec<u8>, EmbeddingError> {
        let not_sent = |error: OutboundError| away(&error.to_string());
        let answer = self.outbound.send(request).await.map_err(not_sent)?;
        let status = answer.status();
        if status.is_success() {
            return answer.whole().await.map_err(not_sent);
        }
        let status = status.as_u16();
        Err(match status {
            408 | 425 | 429 | 500..=599 => EmbeddingError::Away {
                reason: format!("the provider answered {status}"),
                retry_after: answer
                    .headers()
                    .get("retry-after")
                    .and_then(|value| retry_after(value.to_str().ok()?)),
            },
            400 | 413 | 422 => EmbeddingError::NotTaken { status },
            _ => EmbeddingError::Misconfigured { status },
        })
    }
}

fn away(reason: &str) -> EmbeddingError {
    EmbeddingError::Away { reason: reason.to_owned(), retry_after: None }
}

/// In seconds (RFC 9110, 10.2.3); a date is taken for nothing.
fn retry_after(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[derive(Deserialize)]
struct OpenAiAnswer {
    data: Vec<OpenAiVector>,
}

#[derive(Deserialize)]
struct OpenAiVector {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct OllamaAnswer {
    embeddings: Vec<Vec<f32>>,
}

fn read(protocol: Protocol, body: &[u8], wanted: usize) -> Result<Vec<Vector>, EmbeddingError> {
    let no_json = |_error| EmbeddingError::NotVectors("it is not of its protocol");
    let found: Vec<Vec<f32>> = match protocol {
        Protocol::OpenAi => {
            let OpenAiAnswer { mut data } = serde_json::from_slice(body).map_err(no_json)?;
            data.sort_by_key(|vector| vector.index);
            if data.iter().enumerate().any(|(place, vector)| vector.index != place) {
                return Err(EmbeddingError::NotVectors("it leaves texts out"));
            }
            data.into_iter().map(|vector| vector.embedding).collect()
        }
        Protocol::Ollama => serde_json::from_slice::<OllamaAnswer>(body).map_err(no_json)?.embeddings,
    };
    if found.len() != wanted {
        return Err(EmbeddingError::NotVectors("it has not one vector for each text"));
    }
    let vectors: Option<Vec<Vector>> = found.iter().map(|values| Vector::of(values)).collect();
    vectors.ok_or(EmbeddingError::NotVectors("a vector has no direction"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(protocol: Protocol, body: &str, wanted: usize) -> Result<Vec<Vector>, String> {
        read(protocol, body.as_bytes(), wanted).map_err(|error| error.to_string())
    }

    #[test]
    fn vectors_are_given_in_the_order_of_their_texts_whatever_the_order_of_the_answer() {
        let body = r#"{"object": "list", "data": [
            {"object": "embedding", "index": 1, "embedding": [0, 2.0]},
            {"object": "embedding", "index": 0, "embedding": [3.5, 0]}
        ], "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}}"#;
        let vectors = read_text(Protocol::OpenAi, body, 2).unwrap();
        assert_eq!((vectors[0].bytes(), vectors[1].bytes()), (vec![127, 0], vec![0, 127]));
        let body = r#"{"model": "m", "embeddings": [[-1, 0], [0, 1]], "total_duration": 1}"#;
        assert_eq!(read_text(Protocol::Ollama, body, 2).unwrap()[0].steps, [-127, 0]);
    }

    #[test]
    fn what_is_not_a_vector_for_each_text_is_refused() {
        for (body, wanted) in [
            (r#"{"data": []}"#, 1),
            (r#"{"data": [{"index": 1, "embedding": [1]}]}"#, 1),
            (r#"{"data": [{"index": 0, "embedding": [0]}]}"#, 1),
            (r#"{"data": [{"index": 0, "embedding": [1]}]}"#, 2),
            ("{}", 1),
            ("<html>", 1),
        ] {
            assert!(read_text(Protocol::OpenAi, body, wanted).is_err(), "{body}");
        }
        assert!(read_text(Protocol::Ollama, r#"{"embeddings": [[]]}"#, 1).is_err());
    }

    #[test]
    fn a_provider_says_how_long_it_wants_to_be_left_alone() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("99999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }
}
