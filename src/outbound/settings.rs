use serde::Deserialize;

use super::allow::AllowList;
use crate::faults::Faults;

/// `[outbound]`: requests to addresses that users name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundSettings {
    /// What may be reached besides the internet: hosts, `host:port`, addresses and networks.
    pub allow: Vec<String>,
    /// Ports that may be reached, from 1 to 65535; at least one.
    pub ports: Vec<String>,
    /// A file of certificates (PEM) that are trusted beside those of the system; empty for none.
    pub ca_file: String,
    /// The longest URL in bytes; 64 to 8,192.
    pub url_bytes_max: usize,
    /// The headers and the body of one request together, in bytes; 1 KiB to 64 MiB.
    pub request_bytes_max: usize,
    /// The body of one answer in bytes; 1 KiB to 256 MiB.
    pub answer_bytes_max: usize,
    /// How long finding and reaching a host may take, with its TLS handshake, in milliseconds; 10 to 60,000.
    pub connect_timeout_ms: u64,
    /// How long sending a request may take until its answer begins, in milliseconds; 10 to 600,000.
    pub first_byte_timeout_ms: u64,
    /// How long all of it may take, in milliseconds; 10 to 3,600,000.
    pub total_timeout_ms: u64,
    /// Requests that are under way at once; 1 to 10,000.
    pub requests_max: usize,
    /// Names of hosts that are looked up at once, each on a thread; 1 to 256.
    pub lookups_max: usize,
}

impl OutboundSettings {
    /// Notes what is out of range, and what is no host, port or network.
    pub fn check(&self, faults: &mut Faults) {
        if let Err(entry) = AllowList::read(&self.allow) {
            let place = self.allow.iter().position(|known| known == entry).unwrap_or_default() + 1;
            faults.add("allow", format!("number {place} is no host, host:port, address or network"));
        }
        if self.ports.is_empty() || self.read_ports().is_none() {
            faults.add("ports", "must be at least one, each from 1 to 65535");
        }
        faults.range("url_bytes_max", self.url_bytes_max, 64..=8_192);
        faults.range("request_bytes_max", self.request_bytes_max, 1_024..=67_108_864);
        faults.range("answer_bytes_max", self.answer_bytes_max, 1_024..=268_435_456);
        faults.range("connect_timeout_ms", self.connect_timeout_ms, 10..=60_000);
        faults.range("first_byte_timeout_ms", self.first_byte_timeout_ms, 10..=600_000);
        faults.range("total_timeout_ms", self.total_timeout_ms, 10..=3_600_000);
        faults.range("requests_max", self.requests_max, 1..=10_000);
        faults.range("lookups_max", self.lookups_max, 1..=256);
    }

    /// The ports as numbers; `None` if one of them is no port.
    pub(super) fn read_ports(&self) -> Option<Vec<u16>> {
        self.ports.iter().map(|port| port.parse().ok().filter(|port| *port != 0)).collect()
    }
}
