//! The provider of vectors: the section `[embeddings]` of the configuration.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::faults::Faults;
use crate::secret::Secret;

/// Who makes vectors, and how it is asked. The operator's: no user names any of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// `off`, `openai` or `ollama`.
    pub provider: String,
    /// Where it is; the path of its protocol is put behind it.
    pub base_url: String,
    /// What it knows us by; empty for none.
    pub api_key: Secret,
    /// Which of its models.
    pub model: String,
    /// What the model wants before a text that is kept.
    pub document_prefix: String,
    /// What the model wants before a text that is looked for.
    pub query_prefix: String,
    /// Texts of one request; 1 to 2,048.
    pub batch_max: usize,
    /// How long a request for what is kept may take, in milliseconds; 100 to 600,000.
    pub timeout_ms: u64,
    /// How long a search waits for its vector, in milliseconds; 10 to 60,000. Then it does without.
    pub query_timeout_ms: u64,
    /// How like a piece must be to be found by what it means; -1 to 1.
    pub similarity_min: f32,
    /// Memory for vectors of knowledge bases that are searched, in bytes; 1 MiB to 64 GiB.
    pub cache_bytes_max: usize,
}

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `POST /embeddings`, as OpenAI has it.
    OpenAi,
    /// `POST /api/embed` of Ollama.
    Ollama,
}

impl EmbeddingSettings {
    /// Notes what is out of range, and what is missing for a provider.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("batch_max", self.batch_max, 1..=2_048);
        faults.range("timeout_ms", self.timeout_ms, 100..=600_000);
        faults.range("query_timeout_ms", self.query_timeout_ms, 10..=60_000);
        faults.range("cache_bytes_max", self.cache_bytes_max, 1 << 20..=64 << 30);
        if !(-1.0..=1.0).contains(&self.similarity_min) {
            faults.add("similarity_min", "must be from -1 to 1");
        }
        if !["off", "openai", "ollama"].contains(&self.provider.as_str()) {
            faults.add("provider", "must be off, openai or ollama");
        }
        if self.protocol().is_none() {
            return;
        }
        if self.model.is_empty() {
            faults.add("model", "must be set for a provider");
        }
        if self.endpoint().is_none() {
            faults.add("base_url", "must be like https://api.openai.com/v1 or http://127.0.0.1:11434");
        }
        if self.api_key.expose().chars().any(|letter| !letter.is_ascii_graphic()) {
            faults.add("api_key", "must be of visible ASCII characters");
        }
    }

    /// What is spoken; `None` when there is no provider.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        match self.provider.as_str() {
            "openai" => Some(Protocol::OpenAi),
            "ollama" => Some(Protocol::Ollama),
            _ => None,
        }
    }

    /// Where requests go.
    pub(super) fn endpoint(&self) -> Option<Url> {
        let base = Url::parse(&self.base_url).ok()?;
        let is_plain = base.host_str().is_some() && base.query().is_none() && base.fragment().is_none();
        let is_web = matches!(base.scheme(), "http" | "https") && base.username().is_empty();
        let path = match self.protocol()? {
            Protocol::OpenAi => "embeddings",
            Protocol::Ollama => "api/embed",
        };
        let whole = format!("{}/{path}", self.base_url.trim_end_matches('/'));
        (is_plain && is_web).then(|| Url::parse(&whole).ok()).flatten()
    }

    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(super) const fn query_timeout(&self) -> Duration {
        Duration::from_millis(self.query_timeout_ms)
    }
}
