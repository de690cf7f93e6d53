//! What a user names: read once, by the rules of browsers, and judged as far as that goes without asking anybody.

use std::fmt;

use url::{Host, Url};

use super::error::Refusal;
use super::rules::Rules;

/// A web address that a request may be sent to, as far as can be seen from the address.
///
/// It is judged again when something is sent: only then is it known where its host is.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingUrl {
    url: Url,
    host: Host<String>,
    port: u16,
}

impl OutgoingUrl {
    pub(super) fn read(text: &str, rules: &Rules) -> Result<Self, Refusal> {
        let bytes_max = rules.url_bytes_max;
        if text.len() > bytes_max {
            return Err(Refusal::TooLong { bytes_max });
        }
        // Browsers leave out what is not seen, so the same text would be another address to whoever does not.
        if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(Refusal::NotAUrl);
        }
        let Ok(mut url) = Url::parse(text) else { return Err(Refusal::NotAUrl) };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Account);
        }
        let (Some(host), Some(port)) = (url.host().map(|host| host.to_owned()), url.port_or_known_default())
        else {
            return Err(Refusal::NotAUrl);
        };
        rules.judge_host(&host, port)?;
        url.set_fragment(None);
        // What is not ASCII takes three times as many bytes when it is written out.
        if url.as_str().len() > bytes_max {
            return Err(Refusal::TooLong { bytes_max });
        }
        Ok(Self { url, host, port })
    }

    /// The address as it is sent: every spelling of a host is one, and nothing is left of a fragment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub(super) const fn host(&self) -> &Host<String> {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The path and the query.
    pub(super) fn target(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// The host as `Host` has to name it: with a port unless it goes without saying.
    pub(super) fn authority(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }
}

/// Paths and queries hold what lets in whoever knows it.
impl fmt::Debug for OutgoingUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}/…", self.url.scheme(), self.authority())
    }
}
