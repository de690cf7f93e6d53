//! Composition: builds what the configured roles need, runs it, and stops it in reverse.

mod chores;
mod error;
mod graph;
mod listeners;
mod operator;
mod parts;
mod prepare;
mod run;

pub use chores::{create_administrator, find_user, import_agents, promote_user, verify_audit};
pub use error::AppError;
pub use prepare::{Prepared, prepare};
pub use run::{App, migrate, run};
