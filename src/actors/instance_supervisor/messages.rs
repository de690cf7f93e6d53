//! What a supervisor hears.

use std::convert::Infallible;

use actix::Message;

use super::Doing;

/// There is word of this instance in the [`super::Roster`]. Told by the directory; only a wake-up, so that one that is
/// lost between two lives loses nothing.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Hinted;

/// Asks what it does just now. Sent by the directory for whoever explains an instance.
#[derive(Debug, Message)]
#[rtype(result = "Result<Doing, Infallible>")]
pub struct FindDoing;
