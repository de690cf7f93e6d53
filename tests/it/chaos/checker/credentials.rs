//! Sign-ins, keys and tickets: what is good is taken, what is over is not, and what is good once is not good twice.

use std::collections::HashMap;
use std::time::Duration;

use super::{Call, History, Kind, Moment, Outcome, Violation, What};

/// Another replica takes an ended session for two seconds when the notification is lost (`docs/decisions/0007`).
const HEARD_WITHIN: Duration = Duration::from_millis(2_500);

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let ends = ends(history);
    for call in &history.calls {
        let was_refused = matches!(call.outcome, Outcome::Refused { status: 401, .. });
        let Some(used) = &call.used else {
            // The password is right.
            if was_refused && matches!(call.what, What::Begin { .. }) {
                found.push(Violation::new(Kind::GoodCredentialRefused, format!("{call:?}")));
            }
            continue;
        };
        let end = ends.get(used.name.as_str()).copied().unwrap_or_default();
        let is_good = call.done <= used.good_until && end.sent.is_none_or(|sent| call.done < sent);
        if is_good && was_refused {
            found.push(Violation::new(Kind::GoodCredentialRefused, format!("{call:?}")));
        }
        let heard_within = match call.what {
            // It is looked up where it was ended.
            What::Renew { .. } => Duration::ZERO,
            _ => HEARD_WITHIN,
        };
        let is_over = end.told.is_some_and(|told| call.sent > told + heard_within);
        if is_over && is_taken(call) {
            found.push(Violation::new(Kind::EndedCredentialTaken, format!("{call:?}, over {end:?}")));
        }
        if matches!((&call.what, &call.outcome), (What::Reuse { .. }, Outcome::Done { .. })) {
            found.push(Violation::new(Kind::SpentTwice, format!("{call:?}")));
        }
    }
    tickets(history, found);
}

/// From when on something may be over, and from when on it is.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    sent: Option<Moment>,
    told: Option<Moment>,
}

fn ends(history: &History) -> HashMap<&str, End> {
    let mut ends: HashMap<&str, End> = HashMap::new();
    for call in &history.calls {
        let (credential, is_told) = match (&call.what, &call.outcome) {
            (What::End { credential }, outcome) => (credential, matches!(outcome, Outcome::Done { .. })),
            // A spent token that comes again ends its sign-in, and is refused.
            (What::Reuse { credential }, outcome) => {
                (credential, matches!(outcome, Outcome::Refused { status: 401, .. }))
            }
            _ => continue,
        };
        let end = ends.entry(credential).or_default();
        end.sent = Some(end.sent.map_or(call.sent, |sent| sent.min(call.sent)));
        if is_told {
            end.told = Some(end.told.map_or(call.done, |told| told.min(call.done)));
        }
    }
    ends
}

/// Whoever is told what there is, or is not, has been let in.
fn is_taken(call: &Call) -> bool {
    match call.outcome {
        Outcome::Done { .. } => !matches!(call.what, What::Reuse { .. }),
        Outcome::Refused { status, .. } => matches!(status, 404 | 409 | 412),
        Outcome::Unknown { .. } | Outcome::Bare { .. } => false,
    }
}

/// One ticket opens one socket.
fn tickets(history: &History, found: &mut Vec<Violation>) {
    let mut opened: HashMap<&str, &Call> = HashMap::new();
    for call in &history.calls {
        let (What::Enter { ticket }, Outcome::Done { .. }) = (&call.what, &call.outcome) else { continue };
        if let Some(before) = opened.insert(ticket, call) {
            found.push(Violation::new(Kind::SpentTwice, format!("{before:?}, then {call:?}")));
        }
    }
}
