//! Compares what clients recorded with the event log, the bus and what Postgres saw. Pure: it takes a [`History`] and
//! answers with what is wrong with it.

mod audit;
mod bus;
mod calls;
mod credentials;
mod deadlines;
mod history;
mod membership;
mod ownership;
mod recovery;
mod sessions;
mod violation;
mod wishes;

#[cfg(test)]
mod model;
#[cfg(test)]
mod planted;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub(crate) use history::{
    Audited, Bounds, Call, Chain, Claim, Cut, Fault, Frame, History, Logged, Look, Moment, Outcome, Row,
    Says, Session, Told, Used, What, Wish, Write,
};
use membership::Membership;

pub(crate) use recovery::{Recovery, recoveries};
pub(crate) use violation::{Kind, Violation};

/// Everything that is wrong.
pub(crate) fn check(history: &History, bounds: &Bounds) -> Vec<Violation> {
    let mut found = Vec::new();
    calls::check(history, &mut found);
    wishes::check(history, bounds, &mut found);
    bus::check(history, &mut found);
    let membership = Membership::of(history, bounds);
    membership::check(history, &membership, &mut found);
    sessions::check(history, &membership, &mut found);
    ownership::check(history, &mut found);
    audit::check(history, &mut found);
    credentials::check(history, &mut found);
    deadlines::check(history, bounds, &mut found);
    recovery::check(history, bounds, &mut found);
    for (process, kib) in &history.memory {
        if *kib > bounds.memory_kib {
            let evidence = format!("{process} had {kib} KiB; {} are allowed", bounds.memory_kib);
            found.push(Violation::new(Kind::TooMuchMemory, evidence));
        }
    }
    found.extend(history.deaths.iter().map(|death| Violation::new(Kind::Died, death)));
    for poison in &history.poisons {
        if !history.dead_letters.contains(poison) {
            let evidence = format!("the message {poison} is not among the dead letters");
            found.push(Violation::new(Kind::PoisonLost, evidence));
        }
    }
    for letter in history.dead_letters.iter().filter(|letter| !history.poisons.contains(letter)) {
        found.push(Violation::new(Kind::BuriedAlive, letter));
    }
    found
}

/// The writes to each instance, in their order.
fn writes_by_instance(history: &History) -> HashMap<&str, Vec<&Write>> {
    let mut by_instance: HashMap<&str, Vec<&Write>> = HashMap::new();
    for write in &history.writes {
        by_instance.entry(&write.instance).or_default().push(write);
    }
    by_instance
}
