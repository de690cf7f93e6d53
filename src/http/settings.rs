//! How the listeners are configured.

use serde::Deserialize;

use super::client_address::Networks;
use crate::faults::Faults;
use crate::models::WebOrigins;

/// What is wrong with a page that is none.
const NO_ORIGIN: &str = "each must be like https://app.example.com or, for any port, http://localhost:*";

/// `[http]`: the listeners and what they accept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Threads for each listener, 0 to 512; 0 means one for each processor core.
    pub workers: usize,
    /// The largest JSON body in bytes; 1 KiB to 64 MiB.
    pub json_bytes_max: usize,
    /// Bodies and large answers of all requests of the process together, in bytes; 4 MiB to 64 GiB, at least
    /// `json_bytes_max`.
    pub bytes_in_flight_max: usize,
    /// The longest path and query in bytes; 256 to 65,536.
    pub uri_bytes_max: usize,
    /// All header fields of a request together in bytes; 1 KiB to 128 KiB.
    pub header_bytes_max: usize,
    /// How long a client may take over the head of a request, in milliseconds; 100 to 60,000.
    pub header_timeout_ms: u64,
    /// How long a client may take over the body of a request, in milliseconds; 100 to 600,000.
    pub body_timeout_ms: u64,
    /// How long an idle connection is kept, in seconds; 1 to 3,600.
    pub keep_alive_seconds: u64,
    /// How long a client may take to see that its connection is closed, in milliseconds; 10 to 60,000.
    pub disconnect_timeout_ms: u64,
    /// Open connections of one listener, in all of its threads; 16 to 1,000,000.
    pub connections_max: usize,
    /// Connections that the kernel holds until they are accepted; 16 to 65,535.
    pub backlog_max: u32,
    /// Pages that may call the APIs from a browser, by their `Origin`; empty for none but those of the same origin.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed: addresses and networks; empty for none.
    pub trusted_proxies: Vec<String>,
    /// The user API.
    pub user: ListenerSettings,
    /// The administrators' API.
    pub admin: ListenerSettings,
    /// The broker's API.
    pub broker: ListenerSettings,
    /// The operators' live page.
    pub console: ListenerSettings,
}

/// One listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerSettings {
    /// Its TCP port; 0 takes any free one.
    pub port: u16,
}

impl HttpSettings {
    /// Notes what is out of range, and listeners that would fight over a port.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("workers", self.workers, 0..=512);
        faults.range("json_bytes_max", self.json_bytes_max, 1_024..=67_108_864);
        faults.range("bytes_in_flight_max", self.bytes_in_flight_max, 4_194_304..=68_719_476_736);
        if self.bytes_in_flight_max < self.json_bytes_max {
            let bytes = self.json_bytes_max;
            faults.add("bytes_in_flight_max", format!("must be at least json_bytes_max ({bytes})"));
        }
        faults.range("uri_bytes_max", self.uri_bytes_max, 256..=65_536);
        faults.range("header_bytes_max", self.header_bytes_max, 1_024..=131_072);
        faults.range("header_timeout_ms", self.header_timeout_ms, 100..=60_000);
        faults.range("body_timeout_ms", self.body_timeout_ms, 100..=600_000);
        faults.range("keep_alive_seconds", self.keep_alive_seconds, 1..=3_600);
        faults.range("disconnect_timeout_ms", self.disconnect_timeout_ms, 10..=60_000);
        faults.range("connections_max", self.connections_max, 16..=1_000_000);
        faults.range("backlog_max", self.backlog_max, 16..=65_535);
        if WebOrigins::read(&self.allowed_origins).is_none() {
            faults.add("allowed_origins", NO_ORIGIN);
        }
        if Networks::read(&self.trusted_proxies).is_none() {
            faults.add("trusted_proxies", "each must be an address or a network like 10.0.0.0/8");
        }

        let listeners = [
            ("user", &self.user),
            ("admin", &self.admin),
            ("broker", &self.broker),
            ("console", &self.console),
        ];
        for (index, (name, listener)) in listeners.iter().enumerate() {
            let mut earlier = listeners.iter().take(index);
            let twin = earlier.find(|(_, other)| listener.port != 0 && other.port == listener.port);
            if let Some((twin, _)) = twin {
                faults.add(
                    &format!("{name}.port"),
                    format!("is the port of http.{twin}, too: {}", listener.port),
                );
            }
        }
    }
}
