use serde::Deserialize;

use crate::faults::Faults;

/// `[websocket]`: sockets and how they resume.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebsocketSettings {
    /// The time between two heartbeats, in seconds; 1 to 300.
    pub heartbeat_seconds: u64,
    /// Frames that may wait for one reader; 8 to 65,536.
    pub session_queue_max: usize,
    /// Events in one page of a resume; 1 to 10,000.
    pub replay_page_rows: usize,
    /// Life of a ticket, in seconds; 1 to 600.
    pub ticket_seconds: u64,
    /// Sockets of one replica; 1 to 1,000,000.
    pub sessions_max: usize,
}

impl WebsocketSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("heartbeat_seconds", self.heartbeat_seconds, 1..=300);
        faults.range("session_queue_max", self.session_queue_max, 8..=65_536);
        faults.range("replay_page_rows", self.replay_page_rows, 1..=10_000);
        faults.range("ticket_seconds", self.ticket_seconds, 1..=600);
        faults.range("sessions_max", self.sessions_max, 1..=1_000_000);
    }
}
