//! What of the bus can be configured.

use std::time::Duration;

use serde::Deserialize;

use super::Addresses;
use crate::actors::system::Backoff;
use crate::faults::Faults;
use crate::secret::Secret;

/// `[rabbitmq]`: the event bus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitmqSettings {
    /// Where it is: `amqp://user:password@host:port/vhost`, with commas between the hosts of a cluster.
    pub url: Secret,
    /// How often both sides prove that they are alive, in seconds; 1 to 300.
    pub heartbeat_seconds: u16,
    /// How long opening a connection may take, whichever node it goes to, in milliseconds; 100 to 60,000.
    pub connect_timeout_ms: u64,
    /// How long a publish may wait for its confirm, in milliseconds; 100 to 60,000.
    pub confirm_timeout_ms: u64,
    /// The first pause before connecting again, in milliseconds; 10 to 60,000.
    pub backoff_ms_min: u64,
    /// The longest pause before connecting again, in milliseconds; `backoff_ms_min` to 300,000.
    pub backoff_ms_max: u64,
}

impl RabbitmqSettings {
    /// The pauses between two attempts to connect.
    pub fn backoff(&self) -> Backoff {
        Backoff {
            min: Duration::from_millis(self.backoff_ms_min),
            max: Duration::from_millis(self.backoff_ms_max),
        }
    }

    /// Notes what is out of range, and an address that is none.
    pub fn check(&self, faults: &mut Faults) {
        if !self.url.is_empty()
            && let Err(reason) = Addresses::read(self.url.expose())
        {
            faults.add("url", reason);
        }
        faults.range("heartbeat_seconds", self.heartbeat_seconds, 1..=300);
        faults.range("connect_timeout_ms", self.connect_timeout_ms, 100..=60_000);
        faults.range("confirm_timeout_ms", self.confirm_timeout_ms, 100..=60_000);
        faults.range("backoff_ms_min", self.backoff_ms_min, 10..=60_000);
        faults.range("backoff_ms_max", self.backoff_ms_max, 10..=300_000);
        if self.backoff_ms_max < self.backoff_ms_min {
            let (least, most) = (self.backoff_ms_min, self.backoff_ms_max);
            faults.add("backoff_ms_max", format!("must be at least backoff_ms_min ({least}), is {most}"));
        }
    }
}
