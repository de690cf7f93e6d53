//! What the ledger can be asked to write.

use actix::Message;

use super::LedgerError;
use crate::models::store::instance_work::Elsewhere;
use crate::models::{Instance, InstanceId, InstanceStatus};

/// Claims an instance for this replica, under a new epoch, and answers its row. What waits to be provisioned goes to
/// `provisioning` in the same write. Sent by supervisors that begin or have to look again; asking for what this replica owns
/// already makes all earlier epochs stale.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Taken, LedgerError>")]
pub struct Take {
    /// Which instance.
    pub id: InstanceId,
}

/// What became of a [`Take`].
#[derive(Clone, Debug)]
pub enum Taken {
    /// It is this replica's now, and so is its row.
    Ours(Box<Instance>),
    /// Another living replica has it.
    Elsewhere(Elsewhere),
    /// It needs nobody, or it is gone, or it is a dead replica's that nobody may claim yet.
    Nobodys,
}

/// [`Take`] for many at once, in one statement of its own; those that cannot be had are missing in the answer. Sent by
/// the directory.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<Instance>, LedgerError>")]
pub struct TakeMany {
    /// Which instances; a thousand or so.
    pub ids: Vec<InstanceId>,
}

/// Writes a status, if the instance still is this replica's under that epoch, and in the status it was seen in. A row in
/// a status that nobody has to keep up (`failed`, `stopped`) has no owner afterwards.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Moved, LedgerError>")]
pub struct Move {
    /// Which instance.
    pub id: InstanceId,
    /// The epoch under which it was taken.
    pub epoch: i64,
    /// The status that it was seen in.
    pub from: InstanceStatus,
    /// The status to write.
    pub to: InstanceStatus,
    /// What the user reads beside it; taken away where there is none.
    pub reason: Option<String>,
}

/// What became of a [`Move`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is written, and this is the row's revision now. It has grown by more than one where a user has changed the row
    /// meanwhile.
    Applied {
        /// See above.
        revision: i64,
    },
    /// Something has come between, another claim or somebody who holds the row; nothing was written. Take it again to see.
    Lost,
}

/// Removes the row of a tombstone, once nothing stands of it; tells nobody. Answers false where another claim has come
/// between, or somebody holds the row.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<bool, LedgerError>")]
pub struct Purge {
    /// Which instance.
    pub id: InstanceId,
    /// The epoch under which it was taken.
    pub epoch: i64,
}

/// A directory begins: claims are written, also if an earlier life of it had [`ReleaseAll`] done.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct Begin;

/// Everything that this replica has claimed, by id. Sent by a directory that begins, or has to see what is left to it.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<InstanceId>, LedgerError>")]
pub struct ListOwned;

/// Gives back everything that this replica owns, after what is under way; whatever is asked later is answered
/// [`LedgerError::Closing`], until the next [`Begin`]. Sent by the directory when it stops. Answers how many there were.
#[derive(Debug, Message)]
#[rtype(result = "Result<usize, LedgerError>")]
pub struct ReleaseAll;
