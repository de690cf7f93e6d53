//! Rows that were left alone for too long.

use std::collections::{BTreeSet, HashMap};

use super::{Bounds, History, Kind, Look, Moment, Violation};

/// The rows of a look that are in one kind of trouble.
type Troubled = fn(&Look) -> &BTreeSet<String>;

pub(super) fn check(history: &History, bounds: &Bounds, found: &mut Vec<Violation>) {
    let ways: [(&str, Kind, Troubled); 3] = [
        ("past its deadline", Kind::PastDeadline, |look| &look.overdue),
        ("without an owner", Kind::PastDeadline, |look| &look.unattended),
        ("in the audit log and not sealed", Kind::Unsealed, |look| &look.unsealed),
    ];
    for (how, kind, rows) in ways {
        watch(history, bounds, (how, kind), rows, found);
    }
}

fn watch(
    history: &History,
    bounds: &Bounds,
    (how, kind): (&str, Kind),
    rows: Troubled,
    found: &mut Vec<Violation>,
) {
    let mut since: HashMap<&str, Moment> = HashMap::new();
    let mut told = BTreeSet::new();
    for look in &history.looks {
        let rows = rows(look);
        since.retain(|instance, _| rows.contains(*instance));
        for instance in rows {
            let began = *since.entry(instance).or_insert(look.at);
            let ever = look.at.saturating_sub(began);
            let in_peace = look.at.saturating_sub(began.max(broken_until(history, look.at)));
            if (in_peace > bounds.unattended || ever > bounds.unattended_ever) && told.insert(instance) {
                let evidence = format!(
                    "{instance} was {how} for {ever:?}, {in_peace:?} of it in peace, at {:?}",
                    look.at
                );
                found.push(Violation::new(kind, evidence));
            }
        }
    }
}

/// Since when nothing is broken, at that moment.
fn broken_until(history: &History, at: Moment) -> Moment {
    let begun = history.faults.iter().filter(|fault| fault.began <= at);
    begun.map(|fault| fault.healed.min(at)).max().unwrap_or_default()
}
