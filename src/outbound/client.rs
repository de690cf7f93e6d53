use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::answer::{Answer, Driver, Limits};
use super::connect::{self, Line, Wire};
use super::error::{OutboundError, Phase, UrlNotAllowed};
use super::request::OutgoingRequest;
use super::resolve::{self, Resolve, SystemResolver};
use super::rules::Rules;
use super::settings::OutboundSettings;
use super::trust::{self, TrustError};
use super::url::OutgoingUrl;

/// How large the head of an answer may be: whoever has more to say says it in the body.
const HEAD_BYTES_MAX: usize = 65_536;
/// How many lines it may have.
const HEAD_LINES_MAX: usize = 100;

/// The client of everything that a user can name. Cheap to clone: clones share the bounds.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    rules: Rules,
    resolver: Box<dyn Resolve>,
    tls: TlsConnector,
    places: Arc<Semaphore>,
    request_bytes_max: usize,
    answer_bytes_max: usize,
    connect_timeout: Duration,
    first_byte_timeout: Duration,
    total_timeout: Duration,
}

impl Outbound {
    /// A client by the settings, which were checked before. Reads certificates from files.
    ///
    /// # Errors
    /// When the operator's certificates cannot be used.
    pub fn new(settings: &OutboundSettings) -> Result<Self, TrustError> {
        Self::with_resolver(settings, Box::new(SystemResolver::new(settings.lookups_max)))
    }

    pub(super) fn with_resolver(
        settings: &OutboundSettings,
        resolver: Box<dyn Resolve>,
    ) -> Result<Self, TrustError> {
        let inner = Inner {
            rules: Rules::of(settings),
            resolver,
            tls: trust::connector(&settings.ca_file)?,
            places: Arc::new(Semaphore::new(settings.requests_max)),
            request_bytes_max: settings.request_bytes_max,
            answer_bytes_max: settings.answer_bytes_max,
            connect_timeout: Duration::from_millis(settings.connect_timeout_ms),
            first_byte_timeout: Duration::from_millis(settings.first_byte_timeout_ms),
            total_timeout: Duration::from_millis(settings.total_timeout_ms),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Reads an address that stands in a field of a request, and says what is wrong with it as far as can be seen.
    ///
    /// # Errors
    /// When nothing would be sent there.
    pub fn check(&self, field: &str, text: &str) -> Result<OutgoingUrl, UrlNotAllowed> {
        OutgoingUrl::read(text, &self.inner.rules)
            .map_err(|refusal| UrlNotAllowed { field: field.to_owned(), refusal })
    }

    /// Sends the request, once, and answers as soon as the head of the answer is there. An answer that points elsewhere is
    /// an answer: nobody goes there.
    ///
    /// # Errors
    /// When it was not sent, or came to nothing; each error says which.
    pub async fn send(&self, request: OutgoingRequest) -> Result<Answer, OutboundError> {
        let inner = &*self.inner;
        request.measure(inner.request_bytes_max)?;
        let begun = Instant::now();
        let end = begun + inner.total_timeout;

        let connected_by = end.min(begun + inner.connect_timeout);
        let place = timeout_at(connected_by, Arc::clone(&inner.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(OutboundError::Busy) };
        let wire = timeout_at(connected_by, inner.connect(&request.url, connected_by)).await;
        let wire = wire.map_err(|_late| OutboundError::TimedOut(Phase::Connecting))??;

        let begins_by = end.min(Instant::now() + inner.first_byte_timeout);
        let limits = Limits { bytes_max: inner.answer_bytes_max, end };
        let answer = timeout_at(begins_by, exchange(wire, request)).await;
        let (answer, driver) = answer.map_err(|_late| OutboundError::TimedOut(Phase::FirstByte))??;
        Answer::new(answer, driver, place, limits)
    }
}

impl Inner {
    async fn connect(&self, url: &OutgoingUrl, until: Instant) -> Result<Line, OutboundError> {
        let (host, port) = (url.host(), url.port());
        self.rules.judge_host(host, port)?;
        let places = resolve::places(&*self.resolver, &self.rules, host, port).await?;
        let stream = connect::reach(&places, host, &self.rules, until).await?;
        let wire: Box<dyn Wire> = if url.is_encrypted() {
            connect::encrypt(stream, host, &self.tls).await?
        } else {
            Box::new(stream)
        };
        Ok(TokioIo::new(wire))
    }
}

async fn exchange(
    line: Line,
    request: OutgoingRequest,
) -> Result<(hyper::Response<hyper::body::Incoming>, Driver), OutboundError> {
    let request = request.written()?;
    let mut connections = http1::Builder::new();
    connections.max_buf_size(HEAD_BYTES_MAX).max_headers(HEAD_LINES_MAX);
    let (mut sender, connection) = connections.handshake(line).await.map_err(|_cut| OutboundError::Broken)?;
    let driver = Driver::of(connection);
    let answer = sender.send_request(request).await.map_err(|_cut_or_no_http| OutboundError::Broken)?;
    Ok((answer, driver))
}
