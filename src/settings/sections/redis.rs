use ::redis::IntoConnectionInfo;
use serde::Deserialize;

use crate::faults::Faults;
use crate::secret::Secret;

/// `[redis]`: tickets, rate limits, the revocation list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// Where it is: `redis://[user][:password@]host:port/database`.
    pub url: Secret,
    /// How long one command may take, in milliseconds; 10 to 30,000.
    pub timeout_ms: u64,
}

impl RedisSettings {
    /// Notes what is out of range, and an address that is none.
    pub fn check(&self, faults: &mut Faults) {
        if !self.url.is_empty() && self.url.expose().into_connection_info().is_err() {
            faults.add("url", "must be an address like redis://user:password@host:port/database");
        }
        faults.range("timeout_ms", self.timeout_ms, 10..=30_000);
    }
}
