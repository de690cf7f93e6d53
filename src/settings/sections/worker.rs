use serde::Deserialize;

use crate::faults::Faults;

/// `[worker]`: the instances of one replica and its lease on them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// Unacknowledged deliveries; 1 to 32, for more would reach the queues' delivery limit after a few lost connections.
    pub prefetch: u16,
    /// How long after its last beat a replica counts as dead, in milliseconds; 500 to 300,000.
    pub lease_ms: u64,
    /// How often a replica beats, in milliseconds; 50 up to a third of `lease_ms`.
    pub beat_ms: u64,
    /// How long an instance may be `provisioning`, in milliseconds; 100 to 3,600,000.
    pub provisioning_deadline_ms: u64,
    /// How often overdue rows and orphans are looked for, in milliseconds; 50 to 600,000.
    pub sweep_ms: u64,
    /// Instances of one replica; 1 to 1,000,000.
    pub instances_max: usize,
}

impl WorkerSettings {
    /// Notes what is out of range, and a lease that one lost beat would end.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("prefetch", self.prefetch, 1..=32);
        faults.range("lease_ms", self.lease_ms, 500..=300_000);
        faults.range("beat_ms", self.beat_ms, 50..=100_000);
        faults.range("provisioning_deadline_ms", self.provisioning_deadline_ms, 100..=3_600_000);
        faults.range("sweep_ms", self.sweep_ms, 50..=600_000);
        faults.range("instances_max", self.instances_max, 1..=1_000_000);
        // A replica stops starting effects at two thirds of its lease, so it must beat well before that.
        if self.beat_ms > self.lease_ms / 3 {
            let (beat, lease) = (self.beat_ms, self.lease_ms);
            faults.add("beat_ms", format!("must be at most a third of worker.lease_ms ({lease}), is {beat}"));
        }
    }
}
