use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use clap::ValueEnum;
use serde::Deserialize;

use crate::faults::Faults;

/// A part that a process can play; any set of them may share one process.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The user API, the WebSockets.
    User,
    /// The administrators' API and the audit log.
    Admin,
    /// The outbox's publisher and the broker API.
    Broker,
    /// The instance supervisors and all long work.
    Worker,
    /// The operators' live page.
    Console,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Role {
    /// As it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Broker => "broker",
            Self::Worker => "worker",
            Self::Console => "console",
        }
    }

    /// Whether the role knows who is calling, and so needs the accounts, the signing key and the revocation list.
    pub fn knows_callers(self) -> bool {
        match self {
            Self::User | Self::Admin | Self::Broker | Self::Console => true,
            Self::Worker => false,
        }
    }
}

/// `[service]`: what this process is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// The roles it plays; at least one.
    pub roles: BTreeSet<Role>,
    /// The address that every HTTP listener binds.
    pub bind_address: IpAddr,
    /// How long an orderly stop may take, in milliseconds; 100 to 300,000.
    pub shutdown_deadline_ms: u64,
    /// How long listeners go on accepting while `/readyz` says already that this process ends, in milliseconds; at most a third
    /// of `shutdown_deadline_ms`.
    pub drain_ms: u64,
}

impl ServiceSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        if self.roles.is_empty() {
            faults.add("roles", "must name at least one role");
        }
        faults.range("shutdown_deadline_ms", self.shutdown_deadline_ms, 100..=300_000);
        let drain_ms_max = self.shutdown_deadline_ms / 3;
        if self.drain_ms > drain_ms_max {
            let (given, deadline) = (self.drain_ms, self.shutdown_deadline_ms);
            faults.add(
                "drain_ms",
                format!("must be at most a third of service.shutdown_deadline_ms ({deadline}), is {given}"),
            );
        }
    }
}
