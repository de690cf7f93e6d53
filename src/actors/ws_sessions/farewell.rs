//! Why the platform ends a session, in the numbers of RFC 6455 and of the contract.

/// What a session is told when it has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Its peer reads more slowly than events come. It may resume.
    Slow,
    /// Its credential has expired or was revoked.
    Expired,
    /// This replica, or its register of sessions, stops. It resumes elsewhere.
    Drained,
    /// Its user is in other teams by now. It resumes, and hears of what they may see.
    Regrouped,
    /// Its peer has not given a sign of life for two heartbeats.
    Silent,
    /// Its history cannot be read now. It may resume later.
    NoHistory,
}

impl Farewell {
    /// The close code.
    pub fn code(self) -> u16 {
        match self {
            Self::Slow | Self::NoHistory => 1013,
            Self::Expired => 4401,
            Self::Drained | Self::Regrouped => 1012,
            Self::Silent => 1001,
        }
    }

    /// The name that clients know it by.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Slow => "slow_reader",
            Self::Expired => "credential_expired",
            Self::Drained => "service_restart",
            Self::Regrouped => "teams_changed",
            Self::Silent => "no_sign_of_life",
            Self::NoHistory => "history_unavailable",
        }
    }

    /// One sentence for people.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Slow => "events came faster than they were read; resume with since",
            Self::Expired => "the credential has expired or was revoked; connect with a new one",
            Self::Drained => "this replica is going away; resume with since",
            Self::Regrouped => "your teams have changed; resume with since",
            Self::Silent => "no sign of life for two heartbeats; resume with since",
            Self::NoHistory => "your history cannot be read now; resume later",
        }
    }
}
