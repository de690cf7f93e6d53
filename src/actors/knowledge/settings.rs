//! What knowledge bases take in: the section `[knowledge]` of the configuration.

use serde::Deserialize;

use crate::faults::Faults;

/// Limits of what is sent and searched. How much one user may have of it all is in `[quotas]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeSettings {
    /// The largest file that is taken, in bytes; 1 to 1,073,741,824.
    pub file_bytes_max: u64,
    /// How long an upload may take, in milliseconds; 1,000 to 3,600,000.
    pub upload_timeout_ms: u64,
    /// Uploads that one process takes in at once; 1 to 10,000.
    pub uploads_max: usize,
    /// Searches that one process has under way at once; 1 to 1,000. More wait, as long as requests do.
    pub searches_max: usize,
}

impl KnowledgeSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("file_bytes_max", self.file_bytes_max, 1..=1 << 30);
        faults.range("upload_timeout_ms", self.upload_timeout_ms, 1_000..=3_600_000);
        faults.range("uploads_max", self.uploads_max, 1..=10_000);
        faults.range("searches_max", self.searches_max, 1..=1_000);
    }
}
