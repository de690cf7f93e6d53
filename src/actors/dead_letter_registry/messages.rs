//! What `DeadLetterRegistry` understands. All of it is sent by `http::admin`, for administrators.

use actix::Message;

use super::DeadLetterError;
use crate::models::{
    DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterState, OpenedLetter, Origin, Page, PageLimit,
    UserId,
};

/// Asks for a page of them, the newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<DeadLetter>, DeadLetterError>")]
pub struct ListDeadLetters {
    /// Which of them.
    pub filter: DeadLetterFilter,
    /// Only those in this state.
    pub state: Option<DeadLetterState>,
    /// Where the page before it ended.
    pub before: Option<DeadLetterId>,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Asks for one of them, with all that is in it.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Result<OpenedLetter, DeadLetterError>")]
pub struct FindDeadLetter {
    /// Which.
    pub id: DeadLetterId,
}

/// Wishes that one be sent again to its queue. Answered as soon as the wish is written.
#[derive(Debug, Message)]
#[rtype(result = "Result<DeadLetter, DeadLetterError>")]
pub struct RedriveDeadLetter {
    /// Which.
    pub id: DeadLetterId,
    /// Who wishes it.
    pub by: UserId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Wishes the same for up to [`super::REDRIVES_MAX`] of those that are open and can be sent, the oldest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Wished, DeadLetterError>")]
pub struct RedriveDeadLetters {
    /// Which of them.
    pub filter: DeadLetterFilter,
    /// Who wishes it.
    pub by: UserId,
    /// The request that wishes it.
    pub origin: Origin,
}

/// How many letters are to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wished {
    /// So many.
    pub letters: u64,
    /// It was as many as one request can have sent, so there may be others.
    pub may_be_more: bool,
}

/// Puts one away; one that is handled stays as it is.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), DeadLetterError>")]
pub struct DiscardDeadLetter {
    /// Which.
    pub id: DeadLetterId,
    /// Who wishes it.
    pub by: UserId,
    /// The request that wishes it.
    pub origin: Origin,
}
