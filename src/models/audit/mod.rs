//! Who did what: the rows of the audit log, the chain that seals them, and what a look at both comes to.

mod action;
mod actor;
mod entry;

pub use action::AuditAction;
pub use actor::{Actor, ActorKind};
pub use entry::{AuditEntry, AuditOutcome};
