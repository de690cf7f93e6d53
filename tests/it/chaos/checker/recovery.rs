//! How long after each fault everything worked again.

use std::time::Duration;

use super::{Bounds, Fault, History, Kind, Moment, Outcome, Says, Violation, What};

/// Counted from the end of the cause. None: not before the next fault.
#[derive(Debug, Clone)]
pub(crate) struct Recovery {
    pub(crate) fault: Fault,
    /// Until a change that was sent since then was acknowledged; by the replica that was hit, where it was one alone.
    pub(crate) write: Option<Duration>,
    /// Until the bus told something.
    pub(crate) bus: Option<Duration>,
    /// Until an event came on a socket; on one of that replica, likewise.
    pub(crate) socket: Option<Duration>,
    /// Until nothing was the property of a process that was killed.
    pub(crate) owned: Option<Duration>,
}

impl Recovery {
    /// The longest of them.
    pub(crate) fn worst(&self) -> Option<Duration> {
        Some(self.write?.max(self.bus?).max(self.socket?).max(self.owned?))
    }
}

/// Of every fault.
pub(crate) fn recoveries(history: &History) -> Vec<Recovery> {
    history.faults.iter().map(|fault| recovery(history, fault)).collect()
}

fn recovery(history: &History, fault: &Fault) -> Recovery {
    let first = |moments: &mut dyn Iterator<Item = Moment>| {
        let within = moments.filter(|at| *at >= fault.healed && *at <= fault.until).min();
        within.map(|at| at - fault.healed)
    };
    let writes = history.calls.iter().filter(|call| {
        let is_change = matches!(call.what, What::Create { .. } | What::Wish { .. });
        let is_there = call.is_direct || !fault.hits_one;
        is_change && is_there && matches!(call.outcome, Outcome::Done { .. }) && call.sent >= fault.healed
    });
    let sessions = history.sessions.iter().filter(|session| session.is_direct || !fault.hits_one);
    let frames = sessions.flat_map(|session| &session.frames);
    let events = frames.filter(|frame| matches!(frame.says, Says::Event { .. }));
    Recovery {
        fault: fault.clone(),
        write: first(&mut writes.map(|call| call.done)),
        bus: first(&mut history.told.iter().map(|told| told.at)),
        socket: first(&mut events.map(|frame| frame.at)),
        owned: match &fault.killed {
            None => Some(Duration::ZERO),
            Some(process) => {
                let owners = owners_of(history, process);
                let mut free = history.looks.iter().filter(|look| {
                    look.at >= fault.began && owners.iter().all(|owner| !look.owners.contains(*owner))
                });
                first(&mut free.by_ref().map(|look| look.at))
            }
        },
    }
}

/// The names under which that life of a process owned anything.
fn owners_of<'a>(history: &'a History, process: &str) -> Vec<&'a str> {
    let mut owners = Vec::new();
    for write in history.writes.iter().filter(|write| write.process == process) {
        let before = write.before.as_ref().and_then(|before| before.owner.as_deref());
        let after = write.after.as_ref().and_then(|after| after.owner.as_deref());
        if let Some(owner) = after.filter(|_| before != after) {
            owners.push(owner);
        }
    }
    owners.sort_unstable();
    owners.dedup();
    owners
}

pub(super) fn check(history: &History, bounds: &Bounds, found: &mut Vec<Violation>) {
    for recovery in recoveries(history) {
        if recovery.worst().is_none_or(|worst| worst > bounds.recovery) {
            found.push(Violation::new(Kind::NotRecovered, format!("{recovery:?}")));
        }
    }
}
