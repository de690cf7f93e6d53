//! How much a user may have: the section `[quotas]` of the configuration.

use serde::Deserialize;

use crate::faults::Faults;

/// What everybody may have. A user's own row in the table `usage` may say otherwise.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaSettings {
    /// Instances of one user that are not deleted, stopped ones among them; 0 to 1,000,000,000.
    pub instances_max: i64,
    /// Entries in all knowledge bases of one user's instances; 0 to 1,000,000,000.
    pub knowledge_entries_max: i64,
    /// What those entries may take, in bytes; 0 to 1,125,899,906,842,624.
    pub knowledge_bytes_max: i64,
}

impl QuotaSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("instances_max", self.instances_max, 0..=1_000_000_000);
        faults.range("knowledge_entries_max", self.knowledge_entries_max, 0..=1_000_000_000);
        faults.range("knowledge_bytes_max", self.knowledge_bytes_max, 0..=1 << 50);
    }
}
