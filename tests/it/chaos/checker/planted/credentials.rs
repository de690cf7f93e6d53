//! Sign-ins, keys and tickets.

use std::time::Duration;

use super::super::{Call, History, Kind, Outcome, Session, What};
use super::{Plant, pick};

pub(super) const PLANTS: &[Plant] = &[
    ("a good token is refused", Kind::GoodCredentialRefused, |history, nth| {
        let ended = ended(history);
        let goes_on = |call: &Call| call.used.as_ref().is_some_and(|used| !ended.contains(&used.name));
        let Some(call) = pick(&mut history.calls, nth, goes_on) else { return false };
        call.outcome = unauthenticated();
        true
    }),
    ("a token is refused before it is ended", Kind::GoodCredentialRefused, |history, nth| {
        let is_end = |call: &Call| matches!(call.what, What::End { .. });
        let Some(end) = pick(&mut history.calls, nth, is_end).map(|end| end.clone()) else { return false };
        let before = end.sent.saturating_sub(Duration::from_millis(2));
        history.calls.push(Call {
            what: What::Ticket,
            sent: before,
            done: before,
            outcome: unauthenticated(),
            ..end
        });
        true
    }),
    ("a right password is refused", Kind::GoodCredentialRefused, |history, nth| {
        let begins = |call: &Call| matches!(call.what, What::Begin { .. });
        let Some(call) = pick(&mut history.calls, nth, begins) else { return false };
        call.outcome = unauthenticated();
        true
    }),
    ("a token is taken after it was ended", Kind::EndedCredentialTaken, |history, nth| {
        let comes_again = |call: &Call| matches!(call.what, What::Trespass { .. });
        let Some(call) = pick(&mut history.calls, nth, comes_again) else { return false };
        call.outcome = done();
        true
    }),
    ("whoever has signed out is told what there is not", Kind::EndedCredentialTaken, |history, nth| {
        let comes_again = |call: &Call| matches!(call.what, What::Trespass { .. });
        let Some(call) = pick(&mut history.calls, nth, comes_again) else { return false };
        call.outcome = Outcome::Refused { status: 404, code: "instance_not_found".to_owned() };
        true
    }),
    ("a sign-in that was ended is renewed", Kind::EndedCredentialTaken, |history, nth| {
        let is_end =
            |call: &Call| matches!((&call.what, &call.outcome), (What::End { .. }, Outcome::Done { .. }));
        let Some(end) = pick(&mut history.calls, nth, is_end).map(|end| end.clone()) else { return false };
        let What::End { credential } = end.what.clone() else { return false };
        let sent = end.done + Duration::from_millis(1);
        history.calls.push(Call { what: What::Renew { credential }, sent, done: sent, ..end });
        true
    }),
    ("a sign-in goes on after its token came twice", Kind::EndedCredentialTaken, |history, nth| {
        let twice = |call: &Call| matches!(call.what, What::Reuse { .. });
        let Some(reuse) = pick(&mut history.calls, nth, twice).map(|reuse| reuse.clone()) else {
            return false;
        };
        let sent = reuse.done + Duration::from_secs(3);
        history.calls.push(Call { what: What::Ticket, sent, done: sent, outcome: done(), ..reuse });
        true
    }),
    ("a session goes on without a credential", Kind::EndedCredentialTaken, |history, nth| {
        let is_late =
            |session: &Session| session.frames.last().is_some_and(|last| last.at > Duration::from_secs(21));
        let Some(session) = pick(&mut history.sessions, nth, is_late) else { return false };
        session.good_until = Duration::from_millis(1);
        true
    }),
    ("a refresh token is good twice", Kind::SpentTwice, |history, nth| {
        let twice = |call: &Call| matches!(call.what, What::Reuse { .. });
        let Some(call) = pick(&mut history.calls, nth, twice) else { return false };
        call.outcome = done();
        true
    }),
    ("a ticket opens two sockets", Kind::SpentTwice, |history, nth| {
        let enters =
            |call: &Call| matches!((&call.what, &call.outcome), (What::Enter { .. }, Outcome::Done { .. }));
        let Some(call) = pick(&mut history.calls, nth, enters) else { return false };
        let again = call.clone();
        history.calls.push(again);
        true
    }),
];

/// What somebody has ended, or tried to.
fn ended(history: &History) -> Vec<String> {
    let ended = history.calls.iter().filter_map(|call| match &call.what {
        What::End { credential } | What::Reuse { credential } => Some(credential.clone()),
        _ => None,
    });
    ended.collect()
}

fn done() -> Outcome {
    Outcome::Done { instance: String::new(), revision: None }
}

fn unauthenticated() -> Outcome {
    Outcome::Refused { status: 401, code: "unauthenticated".to_owned() }
}
