//! The supervision kernel: OTP's meaning, on actix.
//!
//! actix gives actors, mailboxes and typed messages; its own `Supervisor` does not survive a panic and restarts the same
//! struct. What is here gives the rest. Read it in this order:
//!
//! 1. [`Exit`]: every life ends with a reason, panics included (`incarnation.rs` catches them).
//! 2. [`Restart`], [`Intensity`], [`Backoff`]: whether, how often and when a dead child is built again. Pure.
//! 3. [`Child`], [`ChildSpec`], [`Strategy`]: a child is a factory of lives. [`actor()`] makes one of an actix actor,
//!    [`Supervisor::child`] one of a subtree.
//! 4. [`Supervisor`]: starts in order, each when the one before is ready; rebuilds; stops in reverse; past the intensity it
//!    fails itself and its parent decides (`running.rs`). The failure of the [`Root`] ends the process.
//! 5. [`Lifeline`]: what a child holds: ready, impaired, fail; and the two ways to answer later, [`Lifeline::answer`]
//!    (beside others) and [`Lifeline::exclusive`] (nothing meanwhile), both bound to the life and timed only while they run.
//! 6. [`Handle`]: the only way to speak to an actor: survives restarts, bounds what is under way in number and time.
//!    What comes back from another thread is not kept by whatever is busy on this one (`wakeups.rs`).
//! 7. [`Brood`]: many children of one kind, by key, begun on demand.
//! 8. [`Node`]: the tree as `/readyz` shows it. [`BlockedThreads`]: the one thing nothing can cancel ends the process.
//!
//! What holds throughout: a life is over only when nothing is left of it (its answers, its children, its thread), and the
//! next one begins after that; so whatever a child owns exclusively it never has to share with its own past.
//!
//! Why not more: a handler that blocks its thread cannot be stopped from outside, so it is only noticed; and memory that
//! a panicking handler had half changed is never used again, because the actor is dropped whole. actix empties a mailbox
//! before it gives its thread back, so an actor that has failed in a handler first sees what was already sent.

mod actor;
mod answer;
mod blocked;
mod brood;
mod coded;
mod exit;
mod fault;
mod handle;
mod incarnation;
mod lifeline;
mod node;
mod policy;
mod root;
mod running;
mod spec;
mod supervisor;
#[cfg(test)]
mod tests;
mod wakeups;

pub use actor::actor;
pub use answer::{Answer, Exclusive};
pub use blocked::BlockedThreads;
pub use brood::{Brood, Past};
pub use exit::Exit;
pub use fault::{inject_hang, inject_panic};
pub use handle::{AskError, AskLimits, Handle, TellError};
pub use lifeline::Lifeline;
pub use node::{Node, NodeReport, Phase};
pub use policy::{Backoff, Intensity, Restart, Restarts};
pub use root::Root;
pub use spec::{Child, ChildSpec, Strategy};
pub use supervisor::Supervisor;
pub use wakeups::{SharedWaker, gather_here, woken_together};
