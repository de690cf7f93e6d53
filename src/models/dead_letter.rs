//! Messages that were given up, and what became of them.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::ids::{DeadLetterId, UserId};
use super::text_enum::text_enum;

text_enum! {
    /// Whether somebody has to look at a dead letter.
    pub enum DeadLetterState {
        /// Nobody has decided about it, or it could not be sent again.
        Open = "open",
        /// It is to be sent again, and will be as soon as RabbitMQ takes it.
        Replaying = "replaying",
        /// It was sent again, or put away.
        Handled = "handled",
    }
}

text_enum! {
    /// What became of a dead letter.
    pub enum DeadLetterOutcome {
        /// Its queue has it again.
        Redriven = "redriven",
        /// An administrator has put it away.
        Discarded = "discarded",
    }
}

text_enum! {
    /// What happened to a dead letter.
    pub enum DeadLetterStep {
        /// A consumer or RabbitMQ gave it up.
        Died = "died",
        /// An administrator wished that it be sent again.
        ReplayWished = "replay_wished",
        /// Its queue has it again.
        Redriven = "redriven",
        /// It was sent, and not taken.
        Refused = "refused",
        /// An administrator has put it away.
        Discarded = "discarded",
    }
}

/// A dead letter without what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id; later letters have larger ones.
    pub id: DeadLetterId,
    /// The queue that it died in.
    pub queue: String,
    /// The message's id; for a message without one, a digest of its body.
    pub message_id: String,
    /// What it was published as.
    pub routing_key: String,
    /// Why it was given up, the last time.
    pub reason: String,
    /// How long its body is.
    pub body_bytes: i64,
    /// Why it cannot be sent again; `None`: it can.
    pub obstacle: Option<String>,
    /// How often it has died.
    pub deaths: i32,
    /// How often it was sent again.
    pub redrives: i32,
    /// When it was wished that it be sent again, as long as it was not.
    pub wished_at: Option<Timestamp>,
    /// Who wished it.
    pub wished_by: Option<UserId>,
    /// What became of it.
    pub outcome: Option<DeadLetterOutcome>,
    /// Why it was not sent, the last time.
    pub last_error: Option<String>,
    /// When it was first kept.
    pub created_at: Timestamp,
    /// When it last died.
    pub died_at: Timestamp,
    /// When it was handled.
    pub handled_at: Option<Timestamp>,
}

impl DeadLetter {
    /// Whether somebody has to look at it.
    #[must_use]
    pub const fn state(&self) -> DeadLetterState {
        match (self.handled_at, self.wished_at) {
            (Some(_), _) => DeadLetterState::Handled,
            (None, Some(_)) => DeadLetterState::Replaying,
            (None, None) => DeadLetterState::Open,
        }
    }
}

/// A dead letter with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedLetter {
    /// The outside of it.
    pub letter: DeadLetter,
    /// The message's headers, for people to read.
    pub headers: Value,
    /// As much of the body as was kept.
    pub body: Vec<u8>,
    /// What happened to it, the oldest first.
    pub history: Vec<HistoryStep>,
}

/// One thing that happened to a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HistoryStep {
    /// When.
    pub at: Timestamp,
    /// What.
    pub step: DeadLetterStep,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// The administrator whose doing it was.
    pub by: Option<UserId>,
    /// The request that it followed from.
    pub request_id: Option<String>,
}

/// Which dead letters are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only those of this queue.
    pub queue: Option<String>,
    /// Only those that were published as this.
    pub routing_key: Option<String>,
}
