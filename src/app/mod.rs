//! Composition: builds what the configured roles need, runs it, and stops it in reverse.

mod error;
mod graph;
mod listeners;
mod parts;
mod prepare;
mod run;

pub use error::AppError;
pub use prepare::{Prepared, prepare};
pub use run::{App, migrate, run};
