//! What stands in a text as a vector, by a provider of the operator's: texts that mean the same point the same way.
//!
//! 1. `settings`: which provider, and how it is asked.
//! 2. `client`: OpenAI's protocol, which most servers speak, and Ollama's.
//!
//! A vector is [`crate::models::knowledge::Vector`].
//! Who asks: `actors::embedder` for what is kept in knowledge bases, `actors::knowledge` for what is looked for in them.

mod client;
mod settings;

pub use client::{Embedder, EmbeddingError, Purpose};
pub use settings::EmbeddingSettings;
