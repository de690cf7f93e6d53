//! What the register of sessions understands. Events come as `event_consumers::{Bound, Deliver}`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Message;

use super::error::{JoinError, ReplayError};
use super::seat::{Seat, Seated};
use super::shelf::Page;
use super::turns::Turn;
use crate::models::{Membership, Principal};

/// A socket or an event stream wants events. Sent by the route before anything is written, and answered with a seat: from
/// then on what comes after [`Joined::position`] waits in its letterbox. What it missed is on its shelf already, if it was
/// told so lately that it is still in memory.
#[derive(Debug, Message)]
#[rtype(result = "Result<Joined, JoinError>")]
pub struct Join {
    /// The holder of the credential.
    pub holder: Principal,
    /// Before the credential was looked at.
    pub looked_at: Instant,
    /// The teams whose things they may see.
    pub teams: Vec<Membership>,
    /// How much had been heard of changed credentials and memberships before the teams were looked up.
    pub teams_as_of: u64,
    /// It has everything up to here, and wants what came after that first.
    pub since: Option<i64>,
}

/// A seat in the register.
#[derive(Debug)]
pub struct Joined {
    /// The session's side of it.
    pub seated: Seated,
    /// Everything up to here was told before the session had its seat.
    pub position: i64,
}

/// A resuming session wants the next page of its history. Sent for the session when it has written the page before.
#[derive(Debug, Message)]
#[rtype(result = "Result<Replayed, ReplayError>")]
pub struct ReplayPage {
    /// In whose name: nobody can ask for another's events.
    pub seat: Arc<Seat>,
    /// The session has everything up to here.
    pub after: i64,
    /// And has no use for what comes after this.
    pub to: i64,
    /// Its turn to be read something.
    pub turn: Turn,
}

/// What there is for a session.
#[derive(Debug)]
pub enum Replayed {
    /// The next events of the session's user.
    Page(Page),
    /// The log does not reach back to where the session stands, or has never been as far.
    Gap,
}

/// The replica is going away: gives nobody a seat any more and closes every session with 1012, evenly over this time, so
/// that the clients do not all come to the other replicas at once. Sent at the beginning of an orderly stop, and
/// answered when all are gone or the time is long past.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), std::convert::Infallible>")]
pub struct Drain {
    /// Must be well under the actor's handler deadline.
    pub over: Duration,
}
