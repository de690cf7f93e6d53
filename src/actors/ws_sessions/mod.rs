//! Who is connected, and who gets what: brings the events of the bus to the sockets and event streams of their owners.
//!
//! - **Owns:** the register of sessions with their letterboxes, the position up to which everything has been told, and
//!   the events that were told last.
//! - **Receives:** [`Bound`] and [`Deliver`] from the consumer of `ws_updates.<replica>`; [`Join`] and [`Drain`] from
//!   `http` and `app`; [`ReplayPage`] from sessions that resume.
//! - **Sends:** letters into the letterboxes that were handed out at registration; nothing to other actors.
//! - **Invariant:** every session is posted its owner's events in the order of their positions, each once, none left out:
//!   what the queue lost is read from the log before anything that came after it is posted.
//! - **On failure:** the register goes, which closes every session with 1012; the clients come back with `since`.
//!   With Postgres away, holes wait to be filled and resumes wait for their history; live events go on.
//!
//! An event goes to the sessions of its owner (`user_id`, `team_id`, stamped in the event's own transaction; deletes too)
//! and to nobody else. What has a team is its members', and no longer its maker's (see `regrouping.rs`). One without an owner goes to nobody: the catalog's (`agent.*`) is the same for everybody and cheap
//! to read, `report.*` is what somebody claims and not what is so, `auth.*` and `user.*` concern the platform itself;
//! the last two close sessions (see `revocation.rs`).

mod catch_up;
mod channels;
mod error;
mod farewell;
mod fetch;
mod frame;
mod letterbox;
mod log;
mod messages;
mod positions;
mod recent;
mod register;
mod regrouping;
mod replay;
mod resume;
mod revocation;
mod seat;
mod seat_list;
mod sessions;
mod settings;
mod shelf;
mod story;
mod turns;

pub use channels::{Channel, Subscription, TooManyChannels, Topic, UnknownChannel};
pub use error::{JoinError, ReplayError};
pub use farewell::Farewell;
pub use fetch::fetch_page;
pub use frame::EventFrame;
pub use letterbox::{Found, Letter, Letterbox};
pub use messages::{Drain, Join, Joined, ReplayPage, Replayed};
pub use resume::Resumed;
pub use seat::{Seat, Seated};
pub use sessions::WsSessions;
pub use settings::WebsocketSettings;
pub use shelf::Page;
pub use story::{Next, Story};
pub use turns::Turn;

#[cfg(doc)]
use crate::actors::event_consumers::{Bound, Deliver};
