//! What a supervisor hears.

use actix::Message;

/// There is word of this instance in the [`super::Roster`]. Told by the directory; only a wake-up, so that one that is
/// lost between two lives loses nothing.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Hinted;
