//! One event stream (`text/event-stream`, as the WHATWG describes it): what a WebSocket says, said to who can only read.
//!
//! The same seat, letterbox, history and story as a socket's; only the writing differs. The web server polls the body
//! only while there is room to write, so what a peer that does not read has coming is bounded in its letterbox, and
//! ending its connection is TCP's matter (`TCP_USER_TIMEOUT`). However the answer ends, its seat goes with it.
//!
//! A peer says nothing, so that it is there is known from its reading: the stream is polled when there is room again.
//! One that has gone is noticed by the second write after that, which a heartbeat makes if no event does.

mod block;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::BodyStream;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use actix_web::http::{StatusCode, Version};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::Stream;

use super::ws_session::ServerFrame;
use crate::actors::system::{Handle, SharedWaker};
use crate::actors::ws_sessions::{Farewell, Next, Story, WsSessions, fetch_page};

/// The media type.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// Keeps nginx from collecting what it should pass on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What is written in one go. More would only wait in the web server's memory, with the peer no faster for it.
const WRITE_BYTES: usize = 16 * 1024;

/// How long a client waits before it comes back, in milliseconds: it is told one of these, so that those who lost their
/// replica together do not come to the next one together.
const RETRY_MS: std::ops::Range<u64> = 500..3_000;

/// Makes the answer to a request whose sender has a seat.
pub fn open(
    request: &HttpRequest,
    sessions: Handle<WsSessions>,
    story: Story,
    heartbeat_seconds: u64,
) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::OK);
    response
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_ACCEL_BUFFERING, "no"));
    let knows_no_chunks = request.version() < Version::HTTP_11;
    if knows_no_chunks {
        response.no_chunking(0).force_close();
    }
    let stream = EventStream {
        story,
        waker: SharedWaker::default(),
        sessions,
        heartbeat_seconds,
        has_begun: false,
        is_over: false,
    };
    // Not `streaming`: it takes the length that goes with `no_chunking` for that of the body.
    let mut response = response.body(BodyStream::new(stream));
    if knows_no_chunks {
        // It ends with the connection, wherever that may be.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

/// One stream. See the module.
struct EventStream {
    story: Story,
    waker: SharedWaker,
    sessions: Handle<WsSessions>,
    heartbeat_seconds: u64,
    has_begun: bool,
    is_over: bool,
}

impl EventStream {
    fn begin(&mut self, out: &mut BytesMut) {
        self.has_begun = true;
        let (session_id, position) = (self.story.seated().id, self.story.registered_at());
        block::retry(out, rand::random_range(RETRY_MS));
        let hello = ServerFrame::Hello { session_id, position, heartbeat_seconds: self.heartbeat_seconds };
        // Not where the replica stands but where the client does: what comes first may still be history.
        block::control(out, "hello", Some(self.story.sent_to()), &hello);
    }

    /// Writes what there is, up to [`WRITE_BYTES`].
    fn write(&mut self, out: &mut BytesMut) {
        // A heartbeat waits behind the history; the connection must not look dead meanwhile.
        if self.story.seated().letterbox.takes_ping() && self.story.is_resuming() {
            block::comment(out, "resuming");
        }
        while out.len() < WRITE_BYTES {
            match self.story.next() {
                Next::Event(frame) => block::event(out, &frame),
                Next::Beat(position) => block::position(out, position),
                Next::Resumed(resumed) => {
                    block::control(out, "resumed", Some(resumed.to), &resumed.into());
                }
                Next::Gap(missing) => {
                    let gap = ServerFrame::Gap { from: missing.from, to: missing.to };
                    block::control(out, "gap", Some(missing.to), &gap);
                }
                Next::Fetch { after, to } => {
                    fetch_page(self.sessions.clone(), self.story.seated().seat().clone(), after, to);
                }
                Next::Leave(farewell) => return self.leave(farewell, out),
                Next::Nothing => return,
            }
        }
    }

    fn leave(&mut self, farewell: Farewell, out: &mut BytesMut) {
        let error = ServerFrame::Error { code: farewell.slug(), detail: farewell.detail() };
        block::control(out, "error", None, &error);
        self.is_over = true;
    }
}

impl Stream for EventStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let Self { story, waker, .. } = &mut *self;
        let seated = story.seated();
        seated.letterbox.watch(waker.of(task.waker()));
        // There is room to write: what was written before has been taken.
        seated.heard();
        let mut out = BytesMut::new();
        if !self.has_begun {
            self.begin(&mut out);
        }
        self.write(&mut out);
        if out.is_empty() { Poll::Pending } else { Poll::Ready(Some(Ok(out.freeze()))) }
    }
}
