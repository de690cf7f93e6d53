//! Composition: builds what the configured roles need, runs it, and stops it in reverse.

mod error;
mod graph;
mod parts;
mod run;

pub use error::AppError;
pub use run::{App, migrate, run};
