//! The listeners: routes that turn requests into messages, and answers into documents.
//!
//! - [`user`] (8010), [`admin`] (8020), [`broker`] (8030): what each is for; [`listen`] makes a server of it.
//! - [`problem`]: the only place where an error becomes an answer.
//! - [`identity`]: who is asking, as a type that a handler cannot be called without.
//! - [`conditional`]: entity tags, and requests that depend on them.
//! - [`extract`], [`fields`], [`paging`]: how a request is read; whatever is wrong with it is told at once.
//! - [`document`]: the OpenAPI description of each listener, made from its handlers.
//! - [`asyncapi`]: the AsyncAPI description of the bus and the sockets, made from the types of their messages.
//! - `event_stream`, [`ws_session`]: the two forms in which a session is told what happens.
//! - `ops`: health, readiness and measurements, on every listener.
//!
//! A handler has three paragraphs: decode, ask, encode. It names messages, handles and views; no SQL, no AMQP.

mod acting;
pub mod admin;
pub mod asyncapi;
pub mod broker;
mod client_address;
pub mod conditional;
pub mod document;
pub mod event_stream;
pub mod extract;
pub mod fields;
pub mod idempotency;
pub mod identity;
mod login;
mod measurements;
mod memory;
mod middleware;
mod ops;
pub mod paging;
pub mod problem;
mod server;
mod settings;
mod standing;
mod unread;
pub mod user;
pub mod ws_session;

pub use measurements::{MeasurementsError, measurements};
pub use middleware::RequestId;
pub use server::{Common, RequestMemory, listen};
pub use settings::{HttpSettings, ListenerSettings};

use actix_web::web::ServiceConfig;

/// The prefix of every route that is not for operators.
const PREFIX: &str = "/api/v1";

/// Mounts routes under the prefix.
fn under_prefix(config: &mut ServiceConfig, routes: impl FnOnce(&mut ServiceConfig)) {
    config.service(actix_web::web::scope(PREFIX).configure(routes));
}
