//! One socket: writes what is posted for it, and hears what its client wants.
//!
//! - **Owns:** the peer's connection, and the [`Story`] of what the peer has been sent.
//! - **Receives:** letters out of its letterbox, pages of history on its shelf, and the client's frames.
//! - **Sends:** has pages of its history fetched from `WsSessions`, one after the other.
//! - **Invariant:** positions rise; nothing that is the user's and subscribed to is left out between two of them.
//! - **On failure:** the connection ends and gives its seat back; the client resumes.
//!
//! `hello` comes first, then (after `since`) the history and `resumed`, or `gap`; then what waited, then live. Every
//! `error` is followed by a close: what the client should have said is in it, and to resume is cheap.
//!
//! It runs in a context of the web server's own, which polls it only while there is room to write. So nothing here may
//! rely on being polled: what a peer that does not read has coming is bounded in its letterbox, and a farewell waits
//! there until it can be said. Ending the connection of such a peer is TCP's matter (`TCP_USER_TIMEOUT`).
//!
//! This is the only file that names actix_web_actors, which is deprecated upstream, so that it can be replaced.

mod allowance;
mod frames;
mod inflow;
mod protocol;

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix::fut::ActorFuture;
use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws::{
    self, CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder,
};

pub use frames::{FrameKind, Speaker, frames};
pub(super) use protocol::ServerFrame;

use allowance::Allowance;
use inflow::Inflow;
use protocol::ClientFrame;

use super::problem::Problem;
use crate::actors::system::{Handle, SharedWaker};
use crate::actors::ws_sessions::{Channel, Farewell, Joined, Next, Story, WsSessions, fetch_page};
use crate::models::ErrorCode;

/// The largest frame, and the largest message, that a client may send: room for a subscription to a hundred instances.
const CLIENT_BYTES_MAX: usize = 8 * 1024;

/// What is written in one go. More would only wait in the web server's memory, with the peer no faster for it.
const WRITE_BYTES: usize = 16 * 1024;

/// Whether a request can become a WebSocket: to be asked before anything is spent on it.
///
/// # Errors
/// A 400 that says what is missing.
pub fn check_upgrade(request: &HttpRequest) -> Result<(), Problem> {
    let shake = ws::handshake(request).map(|_response| ());
    shake.map_err(|error| {
        Problem::new(ErrorCode::BadRequest).detail(format!("not a WebSocket handshake: {error}"))
    })
}

/// Makes a WebSocket of a request whose sender has a seat.
///
/// # Errors
/// As [`check_upgrade`].
pub fn open(
    request: &HttpRequest,
    payload: Payload,
    sessions: Handle<WsSessions>,
    joined: Joined,
    since: Option<i64>,
    heartbeat_seconds: u64,
) -> Result<HttpResponse, Problem> {
    let too_large = Rc::new(Cell::new(false));
    let inflow = Inflow::new(payload, CLIENT_BYTES_MAX as u64, too_large.clone());
    let session = WsSession {
        story: Story::new(joined, since),
        waker: SharedWaker::default(),
        sessions,
        heartbeat_seconds,
        allowance: Allowance::new(Instant::now()),
        too_large,
        is_over: false,
    };
    let response = WsResponseBuilder::new(session, request, inflow).frame_size(CLIENT_BYTES_MAX).start();
    response.map_err(|error| Problem::new(ErrorCode::BadRequest).detail(error.to_string()))
}

/// One socket. See the module.
struct WsSession {
    story: Story,
    waker: SharedWaker,
    sessions: Handle<WsSessions>,
    heartbeat_seconds: u64,
    allowance: Allowance,
    too_large: Rc<Cell<bool>>,
    is_over: bool,
}

impl Actor for WsSession {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let (session_id, position) = (self.story.seated().id, self.story.registered_at());
        say(context, &ServerFrame::Hello { session_id, position, heartbeat_seconds: self.heartbeat_seconds });
        context.spawn(Outflow);
    }
}

/// Has the session write whenever it is polled, and woken when there is a letter.
struct Outflow;

impl ActorFuture<WsSession> for Outflow {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut WsSession,
        context: &mut WebsocketContext<WsSession>,
        task: &mut Context<'_>,
    ) -> Poll<()> {
        session.story.seated().letterbox.watch(session.waker.of(task.waker()));
        session.write(context);
        Poll::Pending
    }
}

impl WsSession {
    /// Writes what there is, up to [`WRITE_BYTES`]. When it stops there it has written something, and is therefore
    /// polled again as soon as the web server has room for more.
    fn write(&mut self, context: &mut WebsocketContext<Self>) {
        if self.is_over {
            return;
        }
        if self.story.seated().letterbox.takes_ping() {
            context.ping(b"");
        }
        let mut room = WRITE_BYTES;
        while room > 0 {
            match self.story.next() {
                Next::Event(frame) => {
                    room = room.saturating_sub(frame.text.len());
                    context.text(frame.text.clone());
                }
                Next::Beat(position) => say(context, &ServerFrame::Heartbeat { position }),
                Next::Resumed(resumed) => say(context, &resumed.into()),
                Next::Gap(missing) => say(context, &ServerFrame::Gap { from: missing.from, to: missing.to }),
                Next::Fetch { after, to } => {
                    fetch_page(self.sessions.clone(), self.story.seated().seat().clone(), after, to);
                }
                Next::Leave(farewell) => return self.leave(farewell, context),
                Next::Nothing => return,
            }
        }
    }

    /// The client has said something.
    fn hear(&mut self, text: &[u8], context: &mut WebsocketContext<Self>) {
        let frame = match protocol::read(text) {
            Ok(frame) => frame,
            Err(reason) => return self.reject("malformed_frame", &reason, context),
        };
        match frame {
            ClientFrame::Ping => {
                // What waits goes first, so that the position is as new as it can be.
                self.write(context);
                if !self.is_over {
                    say(context, &ServerFrame::Pong { position: self.story.sent_to() });
                }
            }
            ClientFrame::Subscribe { channels } => self.subscribe(&channels, true, context),
            ClientFrame::Unsubscribe { channels } => self.subscribe(&channels, false, context),
        }
    }

    fn subscribe(&mut self, names: &[String], adds: bool, context: &mut WebsocketContext<Self>) {
        let channels: Result<Vec<Channel>, _> = names.iter().map(|name| name.parse()).collect();
        let channels = match channels {
            Ok(channels) => channels,
            Err(error) => return self.reject("unknown_channel", &error.to_string(), context),
        };
        if !adds {
            self.story.subscription().remove(&channels);
        } else if let Err(error) = self.story.subscription().add(&channels) {
            return self.reject("too_many_channels", &error.to_string(), context);
        }
        let channels = self.story.subscription().channels().iter().map(ToString::to_string).collect();
        say(context, &ServerFrame::Subscribed { channels });
    }

    fn leave(&mut self, farewell: Farewell, context: &mut WebsocketContext<Self>) {
        self.end(farewell.code(), farewell.slug(), farewell.detail(), context);
    }

    fn reject(&mut self, code: &str, detail: &str, context: &mut WebsocketContext<Self>) {
        self.end(1008, code, detail, context);
    }

    /// Says why, closes, and ends the connection once that is written.
    fn end(&mut self, close: u16, code: &str, detail: &str, context: &mut WebsocketContext<Self>) {
        if self.is_over {
            return;
        }
        say(context, &ServerFrame::Error { code, detail });
        context.close(Some(CloseReason { code: CloseCode::from(close), description: Some(code.to_owned()) }));
        self.is_over = true;
        context.stop();
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for WsSession {
    fn handle(&mut self, message: Result<Message, ProtocolError>, context: &mut Self::Context) {
        if self.is_over {
            return;
        }
        self.story.seated().heard();
        if !self.allowance.spend(Instant::now()) {
            return self.reject("too_many_frames", "ten frames a second", context);
        }
        match message {
            Ok(Message::Text(text)) => self.hear(text.as_bytes(), context),
            Ok(Message::Ping(payload)) => context.pong(&payload),
            Ok(Message::Pong(_) | Message::Nop) => {}
            // What a client has to say fits one frame, and no browser cuts it up.
            Ok(Message::Continuation(_)) => {
                self.end(1003, "fragmented_message", "send each message in one frame", context)
            }
            Ok(Message::Binary(_)) => self.refuse_binary(context),
            Ok(Message::Close(_)) => {
                context.close(Some(CloseCode::Normal.into()));
                self.is_over = true;
                context.stop();
            }
            Err(error) => self.refuse_protocol(&error, context),
        }
    }
}

impl WsSession {
    fn refuse_binary(&mut self, context: &mut WebsocketContext<Self>) {
        self.end(1003, "binary_frame", "frames are JSON text", context);
    }

    fn refuse_protocol(&mut self, error: &ProtocolError, context: &mut WebsocketContext<Self>) {
        if self.too_large.get() {
            return self.end(1009, "frame_too_large", "a frame may have 8 KiB", context);
        }
        let is_text_fault =
            matches!(error, ProtocolError::Io(inner) if inner.kind() == std::io::ErrorKind::Other);
        let close = if is_text_fault { 1007 } else { 1002 };
        self.end(close, "protocol_error", &error.to_string(), context);
    }
}

/// Writes one of the server's own frames.
fn say(context: &mut WebsocketContext<WsSession>, frame: &ServerFrame<'_>) {
    // Nothing in these frames can fail to be written as JSON.
    if let Ok(text) = serde_json::to_string(frame) {
        context.text(text);
    }
}
