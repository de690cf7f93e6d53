//! Ways to spoil a good history, each of which breaks one promise.

mod answers;
mod audit;
mod credentials;
mod owners;
mod stories;
mod teams;

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Call, Frame, History, Kind, Logged, Look, Outcome, Says, Session, What, Wish, Write};

/// What it does, which promise that breaks, and how. It answers false where the history has nothing to spoil that way; the
/// number says which of several places is taken.
pub(super) type Plant = (&'static str, Kind, fn(&mut History, usize) -> bool);

/// All of them.
pub(super) fn plants() -> impl Iterator<Item = &'static Plant> {
    answers::PLANTS
        .iter()
        .chain(audit::PLANTS)
        .chain(credentials::PLANTS)
        .chain(teams::PLANTS)
        .chain(stories::PLANTS)
        .chain(owners::PLANTS)
}

/// One of those that fit.
fn pick<T>(all: &mut [T], nth: usize, fits: impl Fn(&T) -> bool) -> Option<&mut T> {
    let count = all.iter().filter(|one| fits(one)).count().max(1);
    all.iter_mut().filter(|one| fits(one)).nth(nth % count)
}

fn forget<T>(all: &mut Vec<T>, nth: usize, fits: impl Fn(&T) -> bool) -> bool {
    let places: Vec<usize> = (0..all.len()).filter(|at| fits(&all[*at])).collect();
    let Some(at) = places.get(nth % places.len().max(1)) else { return false };
    all.remove(*at);
    true
}

/// The instances of which no answer was lost: what may have come late is no excuse for them.
fn certain(history: &History) -> BTreeSet<String> {
    let mut certain: BTreeSet<String> = history.rows.iter().map(|row| row.instance.clone()).collect();
    for call in &history.calls {
        if let (What::Wish { instance, .. }, Outcome::Unknown { .. } | Outcome::Bare { .. }) =
            (&call.what, &call.outcome)
        {
            certain.remove(instance);
        }
    }
    certain
}

fn is_wish(call: &Call) -> bool {
    matches!(&call.what, What::Wish { wish: Wish::Start | Wish::Stop | Wish::Retitle | Wish::Delete, .. })
}

fn is_move(write: &Write) -> bool {
    let (Some(before), Some(after)) = (&write.before, &write.after) else { return false };
    before.epoch == after.epoch && before.status != after.status && write.request.is_none()
}

fn events_in(session: &Session) -> Vec<usize> {
    let is_event = |at: &usize| matches!(session.frames[*at].says, Says::Event { .. });
    (0..session.frames.len()).filter(is_event).collect()
}

/// Spoils the frames of a session at one that is of such an event.
fn with_a_frame_of(
    history: &mut History,
    nth: usize,
    fits: fn(&Logged) -> bool,
    spoil: impl FnOnce(&mut Vec<Frame>, usize),
) -> bool {
    let fitting: BTreeSet<&str> =
        history.log.iter().filter(|event| fits(event)).map(|event| event.event.as_str()).collect();
    let is_of_one =
        |frame: &Frame| matches!(&frame.says, Says::Event { event, .. } if fitting.contains(event.as_str()));

    let places: Vec<(usize, usize)> = history
        .sessions
        .iter()
        .enumerate()
        .flat_map(|(number, session)| events_in(session).into_iter().map(move |at| (number, at)))
        .filter(|(number, at)| is_of_one(&history.sessions[*number].frames[*at]))
        .collect();
    let Some((number, at)) = places.get(nth % places.len().max(1)) else { return false };
    spoil(&mut history.sessions[*number].frames, *at);
    true
}

/// Has a session begin with a gap. What it is made from is where the session resumed.
fn with_a_gap(history: &mut History, nth: usize, gap: fn(i64) -> (i64, i64)) -> bool {
    let Some(session) = pick(&mut history.sessions, nth, |_| true) else { return false };
    let (from, to) = gap(session.since.unwrap_or(session.greeted_at));
    session.frames.insert(0, Frame { at: Duration::ZERO, says: Says::Gap { from, to } });
    true
}

fn pick_frame(history: &mut History, nth: usize) -> Option<&mut Says> {
    let frames = history.sessions.iter_mut().flat_map(|session| &mut session.frames);
    let mut events: Vec<&mut Says> =
        frames.map(|frame| &mut frame.says).filter(|says| matches!(says, Says::Event { .. })).collect();
    let at = nth % events.len().max(1);
    (!events.is_empty()).then(|| events.swap_remove(at))
}

/// Where each position was told first.
fn first_places(history: &History) -> Vec<usize> {
    let mut reached = 0;
    let mut places = Vec::new();
    for (place, told) in history.told.iter().enumerate() {
        if told.position > reached {
            reached = told.position;
            places.push(place);
        }
    }
    places
}

/// Seen late at every look of ten seconds of peace.
fn late(history: &mut History, mark: fn(&mut Look, String) -> bool) -> bool {
    history.faults.clear();
    let from = history.looks.last().map_or(Duration::ZERO, |look| look.at);
    for second in 1..=10 {
        let mut look = Look { at: from + Duration::from_secs(second), ..Look::default() };
        mark(&mut look, "instance 0".to_owned());
        history.looks.push(look);
    }
    true
}

fn nth_fault(history: &History, nth: usize) -> Option<Duration> {
    let count = history.faults.len().max(1);
    history.faults.get(nth % count).map(|fault| fault.healed)
}
