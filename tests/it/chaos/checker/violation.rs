//! What can be wrong with a history.

use std::fmt;

/// One promise that was not kept, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    pub(crate) evidence: String,
}

impl Violation {
    pub(crate) fn new(kind: Kind, evidence: impl Into<String>) -> Self {
        Self { kind, evidence: evidence.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.kind, self.evidence)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// Each promise by what breaks it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Kind { $($(#[$doc])+ $name,)+ }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

kinds! {
    /// A good answer, and no trace of it in Postgres, or in the log.
    AcknowledgedAndLost,
    /// At the end an instance is wanted otherwise than its user was last told.
    WishNotInForce,
    /// Two instances under one key, or of one request.
    DoneTwice,
    /// An answer that promised that nothing was changed, and a change.
    RefusedAndDone,
    /// A change under an `If-Match` that no longer held.
    ConditionIgnored,
    /// A read that shows less than an earlier answer.
    StaleRead,
    /// Somebody else's instance, or event.
    ForeignData,
    /// Something of the team that a member is told is not there.
    KeptFromMember,
    /// A sign-in or a key that was acknowledged and goes on, and is refused.
    GoodCredentialRefused,
    /// A sign-in or a key that was ended, and is taken.
    EndedCredentialTaken,
    /// A ticket or a refresh token that was good twice.
    SpentTwice,
    /// A 500.
    InternalError,
    /// An error that is no problem document.
    NoProblem,
    /// In the log, and never on the bus.
    MissingOnTheBus,
    /// The log's positions have a hole, or an event never got one.
    Hole,
    /// On the bus, and not in the log.
    RolledBackAndPublished,
    /// One position, two events; or an event that says something else than the log.
    Altered,
    /// Positions on the bus, or an instance's revisions anywhere, out of their order.
    Reordered,
    /// A session saw a position at or below one that it had seen.
    DeliveredTwice,
    /// A session was not sent an event that was its user's, and was not told of a gap.
    UnsignalledGap,
    /// A session was told of a gap where nothing was missing, or of another than it has.
    WrongGap,
    /// A write by somebody who was not the owner, or under an epoch that was over.
    StaleWrite,
    /// A claim of what a living owner had in time.
    ClaimedFromTheLiving,
    /// One start, brought to its end under an epoch that is not the one it was claimed under.
    TwoEpochs,
    /// A change that followed from a request, without its row in the audit log.
    Unaudited,
    /// Two rows in the audit log for one change.
    AuditedTwice,
    /// A row in the audit log for what was never done, or of a request whose answer promised so.
    AuditedAndNotDone,
    /// A row in the audit log that names somebody else, or something else, than was done.
    AuditedFalsely,
    /// A row of the audit log that nobody seals.
    Unsealed,
    /// An audit log that is not as it was sealed.
    ChainBroken,
    /// A row past its deadline, or without an owner, for too long.
    PastDeadline,
    /// At the end an instance is on its way, or nobody's.
    NotSettled,
    /// After a fault something did not work again within its time.
    NotRecovered,
    /// An unreadable message that is not among the dead letters.
    PoisonLost,
    /// A message that could be read, and is among the dead letters.
    BuriedAlive,
    /// A process that ended by itself, or not in order.
    Died,
    /// A process with more memory than it may have.
    TooMuchMemory,
}
