//! The audit log, against the writes and the answers: each change that followed from a request has one row, and nothing
//! else has any.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::{Audited, Call, Claim, History, Kind, Outcome, Violation, What, Write};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let calls: HashMap<&str, &Call> =
        history.calls.iter().map(|call| (call.request.as_str(), call)).collect();
    let mut pairs: HashMap<(&str, &str), Pair<'_>> = HashMap::new();
    for write in &history.writes {
        if let (Some(request), Some(_)) = (&write.request, action(write)) {
            pairs.entry((request, &write.instance)).or_default().changes.push(write);
        }
    }
    for row in &history.audited {
        let request = row.request.as_deref().unwrap_or_default();
        pairs.entry((request, &row.instance)).or_default().rows.push(row);
    }
    for ((request, _), pair) in &pairs {
        judge(pair, calls.get(request).copied(), found);
    }
    accounts(history, found);
    chains(history, found);
}

/// What one request did to one instance, and what the audit log has of that.
#[derive(Debug, Default)]
struct Pair<'a> {
    changes: Vec<&'a Write>,
    rows: Vec<&'a Audited>,
}

fn judge(pair: &Pair<'_>, call: Option<&Call>, found: &mut Vec<Violation>) {
    let Pair { changes, rows } = pair;
    if rows.len() < changes.len() {
        found.push(Violation::new(Kind::Unaudited, format!("{} rows for {changes:?}", rows.len())));
    }
    let was_refused =
        call.is_some_and(|call| matches!(call.outcome, Outcome::Refused { status, .. } if status != 500));
    if !rows.is_empty() && (changes.is_empty() || was_refused) {
        found.push(Violation::new(Kind::AuditedAndNotDone, format!("{rows:?} of {call:?}")));
    } else if rows.len() > changes.len() {
        found.push(Violation::new(Kind::AuditedTwice, format!("{rows:?} for {changes:?}")));
    }
    for row in rows {
        let is_done = changes.is_empty() || changes.iter().any(|write| action(write) == Some(&row.action));
        let is_by = call.is_none_or(|call| call.by == row.by);
        if !is_done || !is_by {
            found.push(Violation::new(Kind::AuditedFalsely, format!("{row:?} of {changes:?} by {call:?}")));
        }
    }
}

/// What a write is called. None where nothing was changed that its user could see, or where it is no user's.
fn action(write: &Write) -> Option<&'static str> {
    let after = write.after.as_ref()?;
    let Some(before) = &write.before else { return Some("instance.create") };
    if before.revision == after.revision {
        return None;
    }
    let is_begun = |claim: &Claim| claim.desired == "running" && claim.status == "pending";
    Some(match after.desired.as_str() {
        desired if desired == before.desired => {
            if is_begun(after) && !is_begun(before) {
                "instance.start"
            } else {
                "instance.change"
            }
        }
        "running" => "instance.start",
        "stopped" => "instance.stop",
        _ => "instance.delete",
    })
}

/// Sign-ins, keys and memberships: one row when they begin, and one when they end.
fn accounts(history: &History, found: &mut Vec<Violation>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for request in &history.audited_accounts {
        *counts.entry(request).or_default() += 1;
    }
    let mut in_doubt: HashSet<&str> = HashSet::new();
    for call in by_time(&history.calls) {
        let rows = counts.get(call.request.as_str()).copied().unwrap_or_default();
        let expected = match (&call.what, &call.outcome) {
            (What::Begin { .. } | What::End { .. }, Outcome::Done { .. }) => 1,
            // Who may be in already, or out, is brought where they are.
            (What::Join { member } | What::Leave { member }, Outcome::Done { .. }) => {
                if in_doubt.contains(member.as_str()) { rows.min(1) } else { 1 }
            }
            // What comes a second time is refused, and ends its sign-in.
            (What::Reuse { .. }, Outcome::Refused { status: 401, .. }) => 1,
            (_, Outcome::Unknown { .. } | Outcome::Bare { .. } | Outcome::Refused { status: 500, .. }) => {
                rows.min(1)
            }
            _ => 0,
        };
        if let (
            What::Join { member } | What::Leave { member },
            Outcome::Unknown { .. } | Outcome::Bare { .. },
        ) = (&call.what, &call.outcome)
        {
            in_doubt.insert(member);
        }
        let kind = match rows.cmp(&expected) {
            Ordering::Equal => continue,
            Ordering::Less => Kind::Unaudited,
            Ordering::Greater if expected == 0 => Kind::AuditedAndNotDone,
            Ordering::Greater => Kind::AuditedTwice,
        };
        found.push(Violation::new(kind, format!("{rows} rows of {call:?}")));
    }
}

fn by_time(calls: &[Call]) -> Vec<&Call> {
    let mut calls: Vec<&Call> = calls.iter().collect();
    calls.sort_by_key(|call| call.sent);
    calls
}

/// Nothing was cut, changed or passed over, and all of it is sealed.
fn chains(history: &History, found: &mut Vec<Violation>) {
    for chain in &history.chains {
        if let Some(fault) = &chain.fault {
            found.push(Violation::new(Kind::ChainBroken, format!("{}: {fault}", chain.name)));
        }
        if chain.unsealed > 0 {
            found.push(Violation::new(Kind::Unsealed, format!("{chain:?}")));
        }
    }
}
