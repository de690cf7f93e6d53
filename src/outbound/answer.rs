//! What comes back, piece by piece and never more than is allowed.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::Connection;
use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::connect::Line;
use super::error::{OutboundError, Phase};

/// What moves the bytes of a connection. Dropped, it takes the connection with it, so that nothing goes on that nobody reads.
pub(super) struct Driver(JoinHandle<()>);

impl Driver {
    pub(super) fn of(connection: Connection<Line, Full<Bytes>>) -> Self {
        Self(tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an outgoing connection broke");
            }
        }))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How much may come, and until when.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) bytes_max: usize,
    pub(super) end: Instant,
}

/// An answer whose head is there. The body comes as it is asked for.
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
    taken_bytes: usize,
    limits: Limits,
    _driver: Driver,
    _place: OwnedSemaphorePermit,
}

impl Answer {
    pub(super) fn new(
        answer: Response<Incoming>,
        driver: Driver,
        place: OwnedSemaphorePermit,
        limits: Limits,
    ) -> Result<Self, OutboundError> {
        let (head, body) = answer.into_parts();
        // Whoever says at once how much it is need not send it.
        if body.size_hint().lower() > limits.bytes_max as u64 {
            return Err(OutboundError::AnswerTooLarge { bytes_max: limits.bytes_max });
        }
        let (status, headers) = (head.status, head.headers);
        Ok(Self { status, headers, body, taken_bytes: 0, limits, _driver: driver, _place: place })
    }

    /// What became of the request, in the other side's view.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What else the other side says.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next piece of the body; `None` after the last one.
    ///
    /// # Errors
    /// When it is more than may come, comes too late, or not to its end.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let Limits { bytes_max, end } = self.limits;
        loop {
            let frame =
                timeout_at(end, poll_fn(|context| Pin::new(&mut self.body).poll_frame(context))).await;
            let Some(frame) = frame.map_err(|_late| OutboundError::TimedOut(Phase::Answer))? else {
                return Ok(None);
            };
            // What is no data is a trailer, which nobody asked for.
            let frame = frame.map_err(|_cut| OutboundError::Broken)?;
            let Ok(piece) = frame.into_data() else { continue };
            self.taken_bytes = self.taken_bytes.saturating_add(piece.len());
            if self.taken_bytes > bytes_max {
                return Err(OutboundError::AnswerTooLarge { bytes_max });
            }
            return Ok(Some(piece));
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// Those of its pieces.
    pub async fn whole(mut self) -> Result<Vec<u8>, OutboundError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next_piece().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

/// Headers and bodies are the other side's, and may hold anything.
impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {} bytes so far", self.status, self.taken_bytes)
    }
}
