//! What one session has been sent, and how the log and the live events are joined into one story. Pure.
//!
//! A session registers at the position W up to which everything has been told. What comes after W waits in its letterbox
//! while it is sent the log in (since, W]; then the letterbox, then live. So nothing is missed, and because every
//! position that is sent must be above all that were sent before, nothing comes twice or out of order.

/// The part of the log that a session was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Where the client stood.
    pub from: i64,
    /// Where it stands now.
    pub to: i64,
    /// How many events it was sent for that.
    pub replayed: u64,
}

/// The cursor of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    sent_to: i64,
    /// Set while the log is being sent.
    resume: Option<Resumed>,
}

impl Flow {
    /// A session that begins now, at the position `registered_at`.
    pub(super) fn from_now(registered_at: i64) -> Self {
        Self { sent_to: registered_at, resume: None }
    }

    /// A session whose client has seen everything up to `since`.
    pub(super) fn since(since: i64, registered_at: i64) -> Self {
        Self {
            sent_to: since,
            resume: Some(Resumed { from: since, to: registered_at.max(since), replayed: 0 }),
        }
    }

    /// The position up to which everything that concerns the session has been sent.
    pub(super) fn sent_to(&self) -> i64 {
        self.sent_to
    }

    /// What is to be read of the log next: after the first, up to and including the second. None once it is live. A
    /// client that stands ahead of its replica gets an empty span: whether its history is this one is for the log to say.
    pub(super) fn wants_log(&self) -> Option<(i64, i64)> {
        self.resume.map(|resume| (self.sent_to, resume.to))
    }

    /// True if this event of the log is to be sent. `wanted` tells whether the client has subscribed to it.
    pub(super) fn replay(&mut self, position: i64, wanted: bool) -> bool {
        let Some(resume) = &mut self.resume else { return false };
        if position <= self.sent_to || position > resume.to {
            return false;
        }
        self.sent_to = position;
        resume.replayed += u64::from(wanted);
        wanted
    }

    /// The log has been read up to `reached`, and everything of it was sent. With the last of it the session is live.
    pub(super) fn replayed_to(&mut self, reached: i64) -> Option<Resumed> {
        let resume = self.resume?;
        self.sent_to = self.sent_to.max(reached.min(resume.to));
        if self.sent_to < resume.to {
            return None;
        }
        self.resume = None;
        Some(resume)
    }

    /// Whether that is the end of what it wants of the log.
    pub(super) fn ends_at(&self, reached: i64) -> bool {
        self.resume.is_some_and(|resume| reached >= resume.to)
    }

    /// The log has to be read further, up to this position.
    pub(super) fn extend(&mut self, to: i64) {
        if let Some(resume) = &mut self.resume {
            resume.to = resume.to.max(to);
        }
    }

    /// The log does not reach back to where the client stands, or does not know that place at all: the session is live
    /// after `live_after`. Answers with what the client has to be told is missing.
    pub(super) fn give_up(&mut self, live_after: i64) -> Resumed {
        let from = self.sent_to;
        *self = Self::from_now(live_after);
        Resumed { from, to: live_after, replayed: 0 }
    }

    /// True if this live event is to be sent, as far as its place decides. Only for a session that is live.
    pub(super) fn live(&mut self, position: i64) -> bool {
        if self.resume.is_some() || position <= self.sent_to {
            return false;
        }
        self.sent_to = position;
        true
    }

    /// Everything up to `position` has been told; answers with what a heartbeat says.
    pub(super) fn beat(&mut self, position: i64) -> i64 {
        if self.resume.is_none() {
            self.sent_to = self.sent_to.max(position);
        }
        self.sent_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_ahead_of_its_replica_is_not_sent_again_what_it_has() {
        let mut flow = Flow::since(105, 103);
        assert_eq!(flow.wants_log(), Some((105, 105)));
        assert_eq!(flow.replayed_to(105), Some(Resumed { from: 105, to: 105, replayed: 0 }));
        assert!(!flow.live(104) && !flow.live(105) && flow.live(106));
        assert_eq!(flow.beat(104), 106);
    }

    #[test]
    fn after_a_gap_the_session_is_live_from_where_it_was_registered() {
        let mut flow = Flow::since(10, 50);
        assert_eq!(flow.give_up(50), Resumed { from: 10, to: 50, replayed: 0 });
        assert!(flow.wants_log().is_none() && flow.live(51));
    }

    #[test]
    fn what_is_filtered_out_of_a_replay_is_passed_and_not_counted() {
        let mut flow = Flow::since(10, 50);
        assert!(!flow.replay(20, false) && flow.replay(30, true));
        assert_eq!(flow.replayed_to(50), Some(Resumed { from: 10, to: 50, replayed: 1 }));
    }
}
