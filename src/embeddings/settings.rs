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
    /// How long a search waits for its vector, in milliseconds; 10 to 5,000. Then it does without.
    pub query_timeout_ms: u64,
    /// How like a piece must be to be found by what it means; -1 to 1.
    pub similarity_min: f32,
    /// How much a place among what is nearest counts beside the same place among what has the words; 0 to 10.
    pub weight: f64,
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
        faults.range("query_timeout_ms", self.query_timeout_ms, 10..=5_000);
        faults.range("cache_bytes_max", self.cache_bytes_max, 1 << 20..=64 << 30);
        if !(0.0..=10.0).contains(&self.weight) {
            faults.add("weight", "must be from 0 to 10");
        }
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

    /// How long a request for what is kept may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(super) const fn query_timeout(&self) -> Duration {
        Duration::from_millis(self.query_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(provider: &str, base_url: &str, model: &str) -> EmbeddingSettings {
        EmbeddingSettings {
            provider: provider.to_owned(),
            base_url: base_url.to_owned(),
            api_key: Secret::default(),
            model: model.to_owned(),
            document_prefix: String::new(),
            query_prefix: String::new(),
            batch_max: 32,
            timeout_ms: 30_000,
            query_timeout_ms: 2_000,
            similarity_min: 0.25,
            weight: 0.5,
            cache_bytes_max: 1 << 28,
        }
    }

    fn faults(settings: &EmbeddingSettings) -> Vec<String> {
        let mut faults = Faults::default();
        settings.check(&mut faults);
        faults.into_vec().into_iter().map(|fault| fault.key).collect()
    }

    #[test]
    fn a_provider_needs_a_place_and_a_model_and_none_needs_nothing() {
        assert!(faults(&settings("off", "", "")).is_empty());
        assert!(faults(&settings("openai", "https://api.openai.com/v1", "m")).is_empty());
        assert_eq!(faults(&settings("openai", "", "")), ["model", "base_url"]);
        assert_eq!(faults(&settings("bedrock", "", "")), ["provider"]);
        for not_one in ["localhost:11434", "ftp://a", "http://a?b=c", "http://user:password@a", "http://"] {
            assert_eq!(faults(&settings("ollama", not_one, "m")), ["base_url"], "{not_one}");
        }
        let mut strange = settings("off", "", "");
        (strange.weight, strange.similarity_min, strange.batch_max) = (f64::NAN, 2.0, 0);
        assert_eq!(faults(&strange), ["batch_max", "weight", "similarity_min"]);
    }

    #[test]
    fn what_is_asked_stands_behind_the_base() {
        let endpoint = |provider, base| settings(provider, base, "m").endpoint().map(String::from);
        assert_eq!(endpoint("openai", "https://a/v1/").unwrap(), "https://a/v1/embeddings");
        assert_eq!(endpoint("ollama", "http://a:11434").unwrap(), "http://a:11434/api/embed");
        assert_eq!(endpoint("off", "http://a"), None);
    }
}
