//! What is told on the bus and in sessions.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::{Cut, Frame, Kind, Logged, Says, Session};
use super::{Plant, events_in, first_places, pick, pick_frame, with_a_frame_of, with_a_gap};

pub(super) const PLANTS: &[Plant] = &[
    ("an event is never on the bus", Kind::MissingOnTheBus, |history, nth| {
        let Some(told) = pick(&mut history.told, nth, |_| true) else { return false };
        let position = told.position;
        history.told.retain(|told| told.position != position);
        true
    }),
    ("a change is in no event", Kind::MissingOnTheBus, |history, nth| {
        let Some(row) = pick(&mut history.rows, nth, |_| true) else { return false };
        row.revision += 1;
        true
    }),
    ("an event gets no position", Kind::Hole, |history, nth| {
        let Some(event) = pick(&mut history.log, nth, |_| true) else { return false };
        event.position = None;
        true
    }),
    ("a position is left out", Kind::Hole, |history, nth| {
        let Some(from) = pick(&mut history.log, nth, |_| true).and_then(|event| event.position) else {
            return false;
        };
        for event in history.log.iter_mut().filter(|event| event.position >= Some(from)) {
            event.position = event.position.map(|position| position + 1);
        }
        true
    }),
    ("what was rolled back is on the bus", Kind::RolledBackAndPublished, |history, nth| {
        let Some(told) = pick(&mut history.told, nth, |_| true) else { return false };
        told.event = "never committed".to_owned();
        true
    }),
    ("a message says something else than the log", Kind::Altered, |history, nth| {
        let Some(told) = pick(&mut history.told, nth, |_| true) else { return false };
        told.digest += 1;
        true
    }),
    ("a frame says something else than the log", Kind::Altered, |history, nth| {
        let Some(Says::Event { digest, .. }) = pick_frame(history, nth) else { return false };
        *digest += 1;
        true
    }),
    ("a later message comes first", Kind::Reordered, |history, nth| {
        let firsts: Vec<usize> = first_places(history);
        if firsts.len() < 2 {
            return false;
        }
        let at = nth % (firsts.len() - 1);
        history.told.swap(firsts[at], firsts[at + 1]);
        true
    }),
    ("a later revision is placed first", Kind::Reordered, |history, nth| {
        let Some(event) = pick(&mut history.log, nth, |event| event.revision > Some(1)) else { return false };
        let (instance, position) = (event.instance.clone(), event.position);
        let before = |event: &Logged| event.instance == instance && event.position < position;
        let Some(earlier) = history.log.iter_mut().rev().find(|event| before(event)) else { return false };
        earlier.revision = Some(99);
        true
    }),
    ("a frame comes twice in a session", Kind::DeliveredTwice, |history, nth| {
        with_a_frame_of(
            history,
            nth,
            |_| true,
            |frames, at| {
                let again = frames[at].clone();
                frames.push(again);
            },
        )
    }),
    ("two frames of a session are in the wrong order", Kind::DeliveredTwice, |history, nth| {
        let of_several = history.sessions.iter_mut().filter(|session| events_in(session).len() > 1);
        let mut of_several: Vec<_> = of_several.collect();
        let count = of_several.len().max(1);
        let Some(session) = of_several.get_mut(nth % count) else { return false };
        let events = events_in(session);
        let at = nth % (events.len() - 1);
        session.frames.swap(events[at], events[at + 1]);
        true
    }),
    ("a gap begins elsewhere", Kind::WrongGap, |history, nth| {
        history.cuts.push(Cut { at: Duration::ZERO, to: i64::MAX });
        with_a_gap(history, nth, |start| (start + 1, start + 2))
    }),
    ("a gap ends before it begins", Kind::WrongGap, |history, nth| {
        history.cuts.push(Cut { at: Duration::ZERO, to: i64::MAX });
        with_a_gap(history, nth, |start| (start, start - 1))
    }),
    ("a gap where nothing was cut", Kind::WrongGap, |history, nth| {
        history.cuts.clear();
        with_a_gap(history, nth, |start| (start, start))
    }),
    ("a gap is told before the log is cut", Kind::WrongGap, |history, nth| {
        history.cuts.iter_mut().for_each(|cut| cut.at += Duration::from_secs(1_000_000));
        let gaps =
            |session: &Session| session.frames.iter().any(|frame| matches!(frame.says, Says::Gap { .. }));
        pick(&mut history.sessions, nth, gaps).is_some()
    }),
    ("what was cut is passed over without a word", Kind::UnsignalledGap, |history, nth| {
        let cuts_off = |session: &Session, log: &[Logged]| {
            let lost = session.frames.iter().find_map(|frame| match frame.says {
                Says::Gap { from, to } => Some(from + 1..=to),
                _ => None,
            });
            let is_due = |event: &Logged| {
                event.team.is_none()
                    && event.user.as_ref() == Some(&session.user)
                    && session.only.as_ref().is_none_or(|only| event.instance.as_ref() == Some(only))
            };
            let in_it = |event: &Logged, lost: &RangeInclusive<i64>| {
                event.position.is_some_and(|position| lost.contains(&position))
            };
            lost.is_some_and(|lost| log.iter().any(|event| is_due(event) && in_it(event, &lost)))
        };
        let log = history.log.clone();
        let Some(session) = pick(&mut history.sessions, nth, |session| cuts_off(session, &log)) else {
            return false;
        };
        session.frames.retain(|frame| !matches!(frame.says, Says::Gap { .. }));
        true
    }),
    ("a session is not sent an event", Kind::UnsignalledGap, |history, nth| {
        with_a_frame_of(history, nth, is_nobody_elses, |frames, at| {
            let after =
                frames[at + 1..].iter().any(|frame| !matches!(frame.says, Says::Gap { .. } | Says::Narrowed));
            // Who breaks right there resumes before it, and misses nothing.
            if !after {
                let says = Says::Reached(i64::MAX - 1);
                frames.push(Frame { at: Duration::ZERO, says });
            }
            frames.remove(at);
        })
    }),
];

/// Not the team's, of which it may be in doubt who hears.
fn is_nobody_elses(event: &Logged) -> bool {
    event.team.is_none()
}
