//! Botberi: the backend of an AI-agents platform.
//!
//! - [`models`]: what the platform is about, and (in `models::store`) how it is kept in Postgres.
//! - [`actors`]: who does the work: supervised actors, one per concern, and the kernel they stand on.
//! - [`http`]: the listeners that mount routes onto the actor graph.
//! - [`extraction`]: from the bytes of a document to text, in a child that can do nothing else; actors may use it.
//! - [`outbound`]: the one way to addresses that users name, closed to what is inside; actors may use it.
//! - [`settings`], [`telemetry`], [`app`], [`cli`]: composition; they see everything and nothing sees them.
//! - [`faults`], [`secret`], `sync`: leaves that everybody may see.

pub mod actors;
pub mod app;
pub mod cli;
pub mod embeddings;
pub mod extraction;
pub mod faults;
pub mod http;
pub mod models;
pub mod outbound;
pub mod secret;
pub mod settings;
mod sync;
pub mod telemetry;
