//! How a worker works: the section `[worker]` of the configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::faults::Faults;

use crate::actors::replica::ReplicaSettings;

/// The settings of the whole worker role; each actor is given its part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// Deliveries that a consumer of a worker's queue holds unacknowledged. Above 32 a few lost connections would push
    /// healthy messages past the queues' delivery limit.
    pub prefetch: u16,
    /// How long after its last beat a replica counts as dead, in milliseconds. The same on every replica.
    pub lease_ms: u64,
    /// How often a replica beats, in milliseconds; at most a quarter of the lease.
    pub beat_ms: u64,
    /// How long an instance may be on its way, in milliseconds, before it is failed with a reason.
    pub provisioning_deadline_ms: u64,
    /// How often what was missed is looked for, in milliseconds.
    pub sweep_ms: u64,
    /// Instances that one replica supervises at most. Past it, rows are left for other replicas, or wait for room.
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
        // A replica stops starting effects at two thirds of its lease, and waits a third for each answer: one beat may be lost.
        if self.beat_ms > self.lease_ms / 4 {
            let (beat, lease) = (self.beat_ms, self.lease_ms);
            faults
                .add("beat_ms", format!("must be at most a quarter of worker.lease_ms ({lease}), is {beat}"));
        }
    }

    /// The part of [`crate::actors::replica::Replica`].
    #[must_use]
    pub fn replica(&self) -> ReplicaSettings {
        ReplicaSettings { beat_ms: self.beat_ms, lease_ms: self.lease_ms }
    }

    /// How long one instance may take to be prepared.
    pub(super) fn provisioning_within(&self) -> Duration {
        Duration::from_millis(self.provisioning_deadline_ms)
    }
}
