//! Where each instance is at the end, against what its user was last told.

use std::collections::{BTreeSet, HashMap};

use super::{Bounds, Call, History, Kind, Outcome, Row, Violation, What, Wish};

pub(super) fn check(history: &History, bounds: &Bounds, found: &mut Vec<Violation>) {
    let rows: HashMap<&str, &Row> = history.rows.iter().map(|row| (row.instance.as_str(), row)).collect();
    for (instance, calls) in calls_by_instance(history) {
        let allowed = allowed_ends(&calls, bounds);
        let wanted = rows.get(instance).map_or("deleted", |row| row.desired.as_str());
        if !allowed.contains(wanted) {
            let evidence = format!("{instance} is wanted {wanted}, may be {allowed:?} by {calls:#?}");
            found.push(Violation::new(Kind::WishNotInForce, evidence));
        }
    }
    for row in &history.rows {
        let is_there = match row.desired.as_str() {
            "running" => {
                (row.status == "running" && row.is_kept) || (row.status == "failed" && row.reason.is_some())
            }
            "stopped" => row.status == "stopped",
            // A tombstone is on its way until the row is gone.
            _ => false,
        };
        if !is_there {
            found.push(Violation::new(Kind::NotSettled, format!("{row:?}")));
        }
    }
}

/// Those that were acknowledged as made, with all that was wished of each. Of one instance its client asks one thing after
/// the other.
fn calls_by_instance(history: &History) -> HashMap<&str, Vec<&Call>> {
    let mut calls: HashMap<&str, Vec<&Call>> = HashMap::new();
    for call in &history.calls {
        if let (What::Create { .. }, Outcome::Done { instance, .. }) = (&call.what, &call.outcome) {
            calls.entry(instance).or_default().push(call);
        }
    }
    for call in &history.calls {
        if let What::Wish { instance, .. } = &call.what
            && let Some(of_it) = calls.get_mut(instance.as_str())
        {
            of_it.push(call);
        }
    }
    for of_it in calls.values_mut() {
        of_it.sort_by_key(|call| call.done);
    }
    calls
}

/// The last wish that was acknowledged; or one whose answer was lost, which may have come true any time since it was sent.
fn allowed_ends(calls: &[&Call], bounds: &Bounds) -> BTreeSet<&'static str> {
    let mut allowed = BTreeSet::new();
    let mut since = None;
    for call in calls.iter().rev() {
        let Some(end) = end_of(&call.what) else { continue };
        match (&call.outcome, since) {
            (Outcome::Done { .. }, None) => {
                allowed.insert(end);
                since = Some(call.sent.saturating_sub(bounds.late_effect));
            }
            (Outcome::Unknown { .. } | Outcome::Bare { .. }, None) => {
                allowed.insert(end);
            }
            // The client had given it up, and it may have come after what was acknowledged later.
            (Outcome::Unknown { .. } | Outcome::Bare { .. }, Some(since)) if call.sent >= since => {
                allowed.insert(end);
            }
            _ => {}
        }
    }
    allowed
}

fn end_of(what: &What) -> Option<&'static str> {
    match what {
        What::Create { .. } => Some("running"),
        What::Wish { wish: Wish::Start, .. } => Some("running"),
        What::Wish { wish: Wish::Stop, .. } => Some("stopped"),
        What::Wish { wish: Wish::Delete, .. } => Some("deleted"),
        _ => None,
    }
}
