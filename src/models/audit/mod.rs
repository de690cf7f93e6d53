//! Who did what: the rows of the audit log, the chain that seals them, and what a look at both comes to.

mod action;
mod actor;
mod chain;
mod denial;
mod entry;
mod export;
mod report;

pub use action::AuditAction;
pub use actor::{Actor, ActorKind};
pub use chain::{AuditAnchor, AuditChain, ChainHash, ChainHead, InvalidAnchor};
pub use denial::{DenialKey, Denied};
pub use entry::{AuditEntry, AuditFilter, AuditOutcome};
pub use export::{ExportCheck, ExportFault, ExportedEnd, ExportedRow};
pub use report::{ChainFault, ChainFaultKind, ChainReport};
