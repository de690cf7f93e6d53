//! Requests that were refused for want of a proof or a right, counted together.

use jiff::Timestamp;

use super::actor::Actor;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DenialKey {
    /// Who was denied.
    pub actor: Actor,
    /// Why: the code of the answer.
    pub code: &'static str,
    /// What: the route, as its pattern.
    pub route: String,
}

/// A count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Of what.
    pub key: DenialKey,
    /// How many.
    pub count: i64,
    /// When the first of them was.
    pub first_at: Timestamp,
    /// When the last of them was.
    pub last_at: Timestamp,
    /// The request that was the first.
    pub request_id: String,
}

impl Denied {
    /// Counts more of the same.
    pub fn add(&mut self, count: i64, first_at: Timestamp, last_at: Timestamp) {
        self.count = self.count.saturating_add(count);
        self.first_at = self.first_at.min(first_at);
        self.last_at = self.last_at.max(last_at);
    }
}
