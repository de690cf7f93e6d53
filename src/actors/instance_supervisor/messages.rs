//! What a supervisor hears.

use std::convert::Infallible;

use actix::Message;

use super::Doing;

/// There is word of this instance in the [`super::Roster`]. Told by the directory; only a wake-up, so that one that is
/// lost between two lives loses nothing.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Hinted;

/// The claim under any earlier epoch than this is void: whoever acts under one ends at once, and drops what it keeps. Told by
/// the directory.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Void {
    /// The epoch that made it so.
    pub owner_epoch: i64,
}

/// Asks what it does just now. Sent by the directory for whoever explains an instance.
#[derive(Debug, Message)]
#[rtype(result = "Result<Doing, Infallible>")]
pub struct FindDoing;
