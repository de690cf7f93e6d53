//! What of the sockets can be configured.

use std::time::Duration;

use serde::Deserialize;

use super::letterbox::LetterboxLimits;
use super::recent::RecentLimits;
use crate::faults::Faults;
use crate::models::WebOrigins;

/// `[websocket]`: sockets and event streams, and how they resume.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebsocketSettings {
    /// The time between two heartbeats, in seconds; 1 to 300.
    pub heartbeat_seconds: u64,
    /// Frames that may wait for one reader; 8 to 65,536.
    pub session_queue_max: usize,
    /// Bytes of frames that may wait for one reader; 16 KiB to 64 MiB.
    pub session_queue_bytes_max: usize,
    /// Events in one page of a resume; 1 to 10,000.
    pub replay_page_rows: usize,
    /// Pages that are read or being written at the same time, which bounds the memory that resumes may take; 1 to 1,024.
    pub replay_pages_max: usize,
    /// Events that were told last and are kept in memory for resumes; 0 to 1,000,000.
    pub recent_events_max: usize,
    /// Bytes of their frames; 0 to 1 GiB.
    pub recent_bytes_max: usize,
    /// Life of a ticket, in seconds; 1 to 600.
    pub ticket_seconds: u64,
    /// Sockets and event streams of one replica; 1 to 1,000,000.
    pub sessions_max: usize,
    /// Those of one user on one replica; 1 to 1,000,000.
    pub sessions_per_user_max: usize,
    /// Pages that may open sockets, by their `Origin`; empty for any.
    pub allowed_origins: Vec<String>,
}

impl WebsocketSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("heartbeat_seconds", self.heartbeat_seconds, 1..=300);
        faults.range("session_queue_max", self.session_queue_max, 8..=65_536);
        faults.range("session_queue_bytes_max", self.session_queue_bytes_max, 16_384..=67_108_864);
        faults.range("replay_page_rows", self.replay_page_rows, 1..=10_000);
        faults.range("replay_pages_max", self.replay_pages_max, 1..=1_024);
        faults.range("recent_events_max", self.recent_events_max, 0..=1_000_000);
        faults.range("recent_bytes_max", self.recent_bytes_max, 0..=1_073_741_824);
        faults.range("ticket_seconds", self.ticket_seconds, 1..=600);
        faults.range("sessions_max", self.sessions_max, 1..=1_000_000);
        faults.range("sessions_per_user_max", self.sessions_per_user_max, 1..=1_000_000);
        if WebOrigins::read(&self.allowed_origins).is_none() {
            let form = "each must be like https://app.example.com or, for any port, http://localhost:*";
            faults.add("allowed_origins", form);
        }
    }

    /// The time between two heartbeats.
    pub fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds)
    }

    pub(super) fn letterbox(&self) -> LetterboxLimits {
        LetterboxLimits { frames_max: self.session_queue_max, bytes_max: self.session_queue_bytes_max }
    }

    pub(super) fn recent(&self) -> RecentLimits {
        RecentLimits { events_max: self.recent_events_max, bytes_max: self.recent_bytes_max }
    }
}
