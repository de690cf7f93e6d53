//! The AsyncAPI 3.0 document of the bus and the sockets, and a JSON Schema for each message.
//!
//! Nothing in it is written twice: messages come from the catalogue of events and from the types of the frames, channels
//! from the topology that is declared. `shape` says how a type becomes a schema, `messages` how a schema becomes a
//! message, `channels` where it can be met; `document` puts them together.

mod channels;
mod document;
mod messages;
mod model;
mod schemas;
mod shape;

pub use document::document;
pub use messages::{DescribedMessage, messages};
pub use model::AsyncApi;
pub use schemas::schemas;

use serde::Serialize;

/// A document as it is committed and served: the same text for the same types.
///
/// # Errors
/// None that can happen: everything in a document can be written.
pub fn text(document: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}
