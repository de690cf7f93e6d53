//! Events: what is told to the bus, to sockets and to whoever asks for history.
//!
//! Triggers write the bodies. What is in them is said once, by the types in [`body`]; [`CATALOGUE`] lists them by key, and
//! the AsyncAPI document, the JSON Schemas and the test that listens to the bus are all made from it.

pub mod body;
mod catalogue;
mod envelope;
mod key;
mod past;
mod stored;

pub use catalogue::{CATALOGUE, Fact, Standing};
pub use envelope::{Envelope, EventHead, Headers, SCHEMA_VERSION};
pub use key::{InvalidRoutingKey, RoutingKey};
pub use past::{EventActor, EventActorKind, InvalidEventActor, PastEvent};
pub use stored::{RowChange, StoredEvent};
