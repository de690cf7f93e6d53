//! How often things may be asked for.

use std::time::Duration;

use serde::Deserialize;

use crate::faults::Faults;

/// `[rate_limits]`: requests per 60 s; 0 means without limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitsSettings {
    /// All requests of one user; 0 to 1,000,000,000.
    pub user_max: u32,
    /// One user's requests that only read; 0 to 1,000,000,000.
    pub read_max: u32,
    /// One user's requests that change something; 0 to 1,000,000,000.
    pub write_max: u32,
    /// One user's sockets and tickets for them; 0 to 1,000,000,000.
    pub socket_max: u32,
    /// One address's requests to sign up, sign in, refresh or set a password, and one user's to set theirs; 0 to 1,000,000,000.
    pub auth_max: u32,
    /// Attempts to sign in with one user name from one address; 0 to 1,000,000,000.
    pub account_max: u32,
    /// Attempts to sign in with one user name, from all addresses together; 0 to 1,000,000,000.
    pub account_everywhere_max: u32,
    /// All requests of one address; 0 to 1,000,000,000.
    pub address_max: u32,
    /// Counters that one replica keeps; 1,000 to 10,000,000.
    pub counters_max: usize,
    /// Between two exchanges with Redis, in milliseconds; 10 to 10,000.
    pub exchange_ms: u64,
}

impl RateLimitsSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        for (key, limit) in [
            ("user_max", self.user_max),
            ("read_max", self.read_max),
            ("write_max", self.write_max),
            ("socket_max", self.socket_max),
            ("auth_max", self.auth_max),
            ("account_max", self.account_max),
            ("account_everywhere_max", self.account_everywhere_max),
            ("address_max", self.address_max),
        ] {
            faults.range(key, limit, 0..=1_000_000_000);
        }
        faults.range("counters_max", self.counters_max, 1_000..=10_000_000);
        faults.range("exchange_ms", self.exchange_ms, 10..=10_000);
    }

    pub(super) fn exchange(&self) -> Duration {
        Duration::from_millis(self.exchange_ms)
    }
}
