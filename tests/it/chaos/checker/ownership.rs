//! Who wrote what, against who owned it. Postgres itself has noted both, in the transaction of each write.

use std::collections::HashMap;

use super::{Claim, History, Kind, Violation, Write, writes_by_instance};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let processes = processes(history);
    for writes in writes_by_instance(history).values() {
        let mut epoch_max = 0;
        let mut start = Start::default();
        for write in writes {
            if let Some(after) = &write.after
                && after.epoch < epoch_max
            {
                let evidence = format!("epoch {epoch_max} had been reached before {write:?}");
                found.push(Violation::new(Kind::StaleWrite, evidence));
            }
            judge(write, &processes, found);
            start.follow(write, found);
            epoch_max = epoch_max.max(write.after.as_ref().map_or(0, |after| after.epoch));
        }
    }
    epochs_of_events(history, found);
}

/// Which life of which process each owner is. It says so with its first claim.
fn processes(history: &History) -> HashMap<&str, &str> {
    let mut processes = HashMap::new();
    for write in &history.writes {
        let before = write.before.as_ref().and_then(|before| before.owner.as_deref());
        let after = write.after.as_ref().and_then(|after| after.owner.as_deref());
        if let Some(owner) = after.filter(|_| before != after) {
            processes.entry(owner).or_insert(write.process.as_str());
        }
    }
    processes
}

fn judge(write: &Write, processes: &HashMap<&str, &str>, found: &mut Vec<Violation>) {
    let Some(before) = &write.before else { return };
    let owner = before.owner.as_deref();
    let is_by_the_owner = owner.is_some_and(|owner| processes.get(owner) == Some(&write.process.as_str()));
    let violated = match &write.after {
        // A purge.
        None => (!is_by_the_owner).then_some(Kind::StaleWrite),
        Some(after) if after.epoch > before.epoch && after.owner.is_some() => {
            let is_free = owner.is_none() || owner == after.owner.as_deref() || !write.owner_lived;
            (!is_free).then_some(Kind::ClaimedFromTheLiving)
        }
        // Handed back, or taken away.
        Some(after) if after.epoch > before.epoch => {
            let is_free = is_by_the_owner || write.was_overdue || !write.owner_lived;
            (!is_free).then_some(Kind::ClaimedFromTheLiving)
        }
        Some(after) => {
            let is_a_workers = write.changes_work || is_a_workers(before, after);
            let is_by_a_user = write.request.is_some() || !is_a_workers;
            (!is_by_a_user && !is_by_the_owner).then_some(Kind::StaleWrite)
        }
    };
    if let Some(kind) = violated {
        found.push(Violation::new(kind, format!("{write:?}")));
    }
}

/// Whether only an owner may do that without a new epoch.
fn is_a_workers(before: &Claim, after: &Claim) -> bool {
    before.owner != after.owner || (before.status != after.status && after.status != "pending")
}

/// One start of an instance: from its claim to its end.
#[derive(Default)]
struct Start {
    /// Under which epoch it was claimed last.
    claimed: Option<i64>,
}

impl Start {
    fn follow(&mut self, write: &Write, found: &mut Vec<Violation>) {
        let Some(after) = &write.after else { return };
        let before = write.before.as_ref();
        let is_claim = before.is_some_and(|before| after.epoch > before.epoch && after.owner.is_some());
        if is_claim {
            self.claimed = Some(after.epoch);
        }
        let has_moved = before.is_some_and(|before| before.status != after.status);
        if has_moved && after.status == "running" && self.claimed != Some(after.epoch) {
            let evidence = format!("claimed under {:?}, and {write:?}", self.claimed);
            found.push(Violation::new(Kind::TwoEpochs, evidence));
        }
    }
}

/// The same from the log alone: along the revisions of an instance epochs never fall, and what is begun under one is not
/// ended under an earlier one.
fn epochs_of_events(history: &History, found: &mut Vec<Violation>) {
    let mut events: Vec<_> = history.log.iter().filter(|event| event.epoch.is_some()).collect();
    events.sort_by_key(|event| event.revision);
    let mut last: HashMap<&str, i64> = HashMap::new();
    for event in events {
        let (Some(instance), Some(epoch)) = (&event.instance, event.epoch) else { continue };
        let before = last.insert(instance, epoch).unwrap_or_default();
        if epoch < before {
            let evidence = format!("epoch {before}, then {event:?}");
            found.push(Violation::new(Kind::TwoEpochs, evidence));
        }
    }
}
