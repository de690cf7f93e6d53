//! Who writes, what is left alone, and what does not come back.

use super::super::{Claim, Kind, Logged, Write};
use super::{Plant, is_move, late, nth_fault, pick};

pub(super) const PLANTS: &[Plant] = &[
    ("an earlier epoch writes", Kind::StaleWrite, |history, nth| {
        let owned = |write: &Write| write.after.as_ref().is_some_and(|after| after.epoch > 0);
        let Some(write) = pick(&mut history.writes, nth, owned) else { return false };
        let mut late = write.clone();
        late.request = None;
        let after = late.after.as_mut().unwrap();
        after.epoch -= 1;
        history.writes.push(late);
        true
    }),
    ("somebody else moves it under the owner's epoch", Kind::StaleWrite, |history, nth| {
        let moved = |write: &Write| {
            is_move(write) && write.after.as_ref().is_some_and(|after| after.status != "pending")
        };
        let Some(write) = pick(&mut history.writes, nth, moved) else { return false };
        write.process = "a stranger".to_owned();
        true
    }),
    ("somebody else moves its deadline", Kind::StaleWrite, |history, nth| {
        let Some(write) = pick(&mut history.writes, nth, is_move) else { return false };
        let mut other = write.clone();
        other.process = "a stranger".to_owned();
        other.before.clone_from(&other.after);
        other.changes_work = true;
        history.writes.push(other);
        true
    }),
    ("somebody else purges it", Kind::StaleWrite, |history, nth| {
        let Some(write) = pick(&mut history.writes, nth, |write| write.after.is_none()) else { return false };
        write.process = "a stranger".to_owned();
        true
    }),
    ("a living owner is robbed", Kind::ClaimedFromTheLiving, |history, nth| {
        let taken = |write: &Write| {
            let owner = |claim: &Option<Claim>| claim.as_ref().and_then(|claim| claim.owner.clone());
            owner(&write.before).is_some()
                && owner(&write.after).is_some()
                && owner(&write.before) != owner(&write.after)
        };
        let Some(write) = pick(&mut history.writes, nth, taken) else { return false };
        write.owner_lived = true;
        true
    }),
    ("a start ends under another epoch", Kind::TwoEpochs, |history, nth| {
        let ends = |write: &Write| {
            is_move(write) && write.after.as_ref().is_some_and(|after| after.status == "running")
        };
        let Some(write) = pick(&mut history.writes, nth, ends) else { return false };
        for claim in [&mut write.before, &mut write.after].into_iter().flatten() {
            claim.epoch += 1;
        }
        true
    }),
    ("a later event names an earlier epoch", Kind::TwoEpochs, |history, nth| {
        let later = |event: &Logged| event.epoch.is_some();
        let Some(event) = pick(&mut history.log, nth, later) else { return false };
        let mut stale = event.clone();
        stale.epoch = Some(-1);
        stale.revision = Some(1_000);
        history.log.push(stale);
        true
    }),
    ("a row is late for long", Kind::PastDeadline, |history, _| {
        late(history, |look, id| look.overdue.insert(id))
    }),
    ("a row is nobody's for long", Kind::PastDeadline, |history, _| {
        late(history, |look, id| look.unattended.insert(id))
    }),
    ("an instance is on its way at the end", Kind::NotSettled, |history, nth| {
        let Some(row) = pick(&mut history.rows, nth, |_| true) else { return false };
        row.status = "provisioning".to_owned();
        true
    }),
    ("an instance runs and nobody keeps it", Kind::NotSettled, |history, nth| {
        let Some(row) = pick(&mut history.rows, nth, |row| row.status == "running") else { return false };
        row.is_kept = false;
        true
    }),
    ("no write is acknowledged after a fault", Kind::NotRecovered, |history, nth| {
        let Some(healed) = nth_fault(history, nth) else { return false };
        history.calls.retain(|call| call.sent < healed);
        true
    }),
    ("the bus is silent after a fault", Kind::NotRecovered, |history, nth| {
        let Some(healed) = nth_fault(history, nth) else { return false };
        history.told.retain(|told| told.at < healed);
        true
    }),
    ("sockets are silent after a fault", Kind::NotRecovered, |history, nth| {
        let Some(healed) = nth_fault(history, nth) else { return false };
        for session in &mut history.sessions {
            session.frames.retain(|frame| frame.at < healed);
        }
        true
    }),
    ("what a killed process had stays its own", Kind::NotRecovered, |history, _| {
        let Some(fault) = history.faults.iter().find(|fault| fault.killed.is_some()).cloned() else {
            return false;
        };
        let owner = format!("replica of {}", fault.killed.unwrap());
        for look in &mut history.looks {
            look.owners.insert(owner.clone());
        }
        true
    }),
    ("a poisonous message is nowhere", Kind::PoisonLost, |history, nth| {
        let Some(poison) = pick(&mut history.poisons, nth, |_| true).map(|mark| mark.clone()) else {
            return false;
        };
        history.dead_letters.remove(&poison)
    }),
    ("a healthy message is a dead letter", Kind::BuriedAlive, |history, _| {
        history.dead_letters.insert("{}".to_owned())
    }),
    ("the replica that was hit accepts nothing", Kind::NotRecovered, |history, nth| {
        let hit = history.faults.iter().filter(|fault| fault.hits_one);
        let Some(healed) = hit.map(|fault| fault.healed).nth(nth % 3) else { return false };
        history.calls.iter_mut().filter(|call| call.sent >= healed).for_each(|call| call.is_direct = false);
        true
    }),
    ("the replica that was hit tells nothing", Kind::NotRecovered, |history, _| {
        let is_hit = history.faults.iter().any(|fault| fault.hits_one);
        history.sessions.iter_mut().for_each(|session| session.is_direct = false);
        is_hit
    }),
    ("a process ends by itself", Kind::Died, |history, _| {
        history.deaths.push("first".to_owned());
        true
    }),
    ("a process grows", Kind::TooMuchMemory, |history, _| {
        history.memory.insert("first".to_owned(), 1_001);
        true
    }),
];
