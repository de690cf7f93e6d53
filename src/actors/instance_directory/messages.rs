//! What the directory is told beside the events of its queue.

use actix::Message;

use crate::actors::instance_ledger::LedgerError;
use crate::models::InstanceId;

/// These instances need an owner: claim those that there is room for, and begin their supervisors with the rows. Sent by
/// the reaper.
#[derive(Debug, Message)]
#[rtype(result = "Result<Adopted, LedgerError>")]
pub struct Adopt {
    /// A thousand or so; those that are supervised here already are passed over.
    pub ids: Vec<InstanceId>,
}

/// What became of an [`Adopt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// How many were claimed.
    pub count: usize,
    /// How many more there would be room for.
    pub room: usize,
}

/// Rows of this replica have these revisions: whoever does not know them has to look. Sent by the reaper.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct LookAfter {
    /// Instances with their revisions.
    pub revisions: Vec<(InstanceId, i64)>,
}

/// The lease had run out, so others may have taken what was owned here: compare with the rows. Sent by the reaper; answers
/// how many supervisors have to look again.
#[derive(Debug, Message)]
#[rtype(result = "Result<usize, LedgerError>")]
pub struct Muster;

/// The process ends: stop every supervisor, hand everything back, tell the others. Sent when the stop begins, so that it is
/// done beside all else that ends; nothing is claimed afterwards.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct HandBack;

/// Makes one supervisor's life panic at its next step, as if its own code had; answers whether there is one. Sent by tests
/// and chaos runs only.
#[derive(Debug, Message)]
#[rtype(result = "Result<bool, LedgerError>")]
pub struct BreakOne {
    /// Whose supervisor.
    pub id: InstanceId,
}
