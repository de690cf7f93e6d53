//! What clients are told.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::{Call, Frame, Kind, Logged, Outcome, Says, What};
use super::{Plant, certain, forget, is_wish, pick};

pub(super) const PLANTS: &[Plant] = &[
    ("a created event is not in the log", Kind::AcknowledgedAndLost, |history, nth| {
        forget(&mut history.log, nth, |event| event.key == "instance.created")
    }),
    ("the write of an acknowledged wish is lost", Kind::AcknowledgedAndLost, |history, nth| {
        let written: BTreeSet<String> =
            history.writes.iter().filter_map(|write| write.request.clone()).collect();
        let certain = certain(history);
        let wished = |call: &Call| {
            is_wish(call)
                && matches!(call.outcome, Outcome::Done { .. })
                && written.contains(&call.request)
                && matches!(&call.what, What::Wish { instance, .. } if certain.contains(instance))
        };
        let Some(call) = pick(&mut history.calls, nth, wished) else { return false };
        let request = Some(call.request.clone());
        history.writes.retain(|write| write.request != request);
        true
    }),
    ("the write of a wish that was in force is lost", Kind::AcknowledgedAndLost, |history, nth| {
        let certain = certain(history);
        forget(&mut history.writes, nth, |write| write.changes_nothing && certain.contains(&write.instance))
    }),
    ("the last wish is not in force", Kind::WishNotInForce, |history, nth| {
        let certain = certain(history);
        let Some(row) = pick(&mut history.rows, nth, |row| certain.contains(&row.instance)) else {
            return false;
        };
        let other = if row.desired == "running" { "stopped" } else { "running" };
        row.desired = other.to_owned();
        true
    }),
    ("an acknowledged instance has no row", Kind::WishNotInForce, |history, nth| {
        let certain = certain(history);
        forget(&mut history.rows, nth, |row| certain.contains(&row.instance))
    }),
    ("a key makes two instances", Kind::DoneTwice, |history, nth| {
        let Some(event) = pick(&mut history.log, nth, |event| event.mark.is_some()) else { return false };
        let mut twin = event.clone();
        twin.instance = Some("a twin".to_owned());
        history.log.push(twin);
        true
    }),
    ("a key is answered with two instances", Kind::DoneTwice, |history, nth| {
        let created = |call: &Call| matches!(call.what, What::Create { .. });
        let Some(call) = pick(&mut history.calls, nth, created) else { return false };
        let mut again = call.clone();
        let first = Outcome::Done { instance: "one".to_owned(), revision: None };
        again.outcome = Outcome::Done { instance: "another".to_owned(), revision: None };
        call.outcome = first;
        history.calls.push(again);
        true
    }),
    ("a refused wish is carried out", Kind::RefusedAndDone, |history, nth| {
        let written: BTreeSet<String> =
            history.writes.iter().filter_map(|write| write.request.clone()).collect();
        let done = |call: &Call| {
            is_wish(call) && matches!(call.outcome, Outcome::Done { .. }) && written.contains(&call.request)
        };
        let Some(call) = pick(&mut history.calls, nth, done) else { return false };
        call.outcome = Outcome::Refused { status: 503, code: "service_busy".to_owned() };
        true
    }),
    ("a condition is not looked at", Kind::ConditionIgnored, |history, nth| {
        let conditional = |call: &Call| matches!(call.what, What::Wish { if_match: Some(_), .. });
        let Some(call) = pick(&mut history.calls, nth, conditional) else { return false };
        let What::Wish { if_match, .. } = &mut call.what else { return false };
        *if_match = if_match.map(|revision| revision + 1);
        true
    }),
    ("a read shows what was before an answer", Kind::StaleRead, |history, nth| {
        let read =
            |call: &Call| matches!((&call.what, &call.outcome), (What::Read { .. }, Outcome::Done { .. }));
        let Some(call) = pick(&mut history.calls, nth, read) else { return false };
        let Outcome::Done { revision, .. } = &mut call.outcome else { return false };
        *revision = Some(0);
        true
    }),
    ("somebody reads another's instance", Kind::ForeignData, |history, nth| {
        let peek = |call: &Call| matches!(call.what, What::Peek { .. });
        let Some(call) = pick(&mut history.calls, nth, peek) else { return false };
        call.outcome = Outcome::Done { instance: "another's".to_owned(), revision: Some(1) };
        true
    }),
    ("an event reaches another's socket", Kind::ForeignData, |history, nth| {
        let owned = |event: &Logged| event.user.as_deref() == Some("eve") && event.team.is_none();
        let Some(event) = pick(&mut history.log, nth, owned) else { return false };
        let says = Says::Event {
            position: event.position.unwrap(),
            event: event.event.clone(),
            digest: event.digest,
        };
        let mut foreign = history.sessions[0].clone();
        foreign.user = "ada".to_owned();
        foreign.since = Some(event.position.unwrap() - 1);
        foreign.frames = vec![Frame { at: Duration::ZERO, says }];
        history.sessions.push(foreign);
        true
    }),
    ("an answer is a 500", Kind::InternalError, |history, nth| {
        let Some(call) = pick(&mut history.calls, nth, |_| true) else { return false };
        call.outcome = Outcome::Refused { status: 500, code: "internal".to_owned() };
        true
    }),
    ("an error has no body", Kind::NoProblem, |history, nth| {
        let Some(call) = pick(&mut history.calls, nth, |_| true) else { return false };
        call.outcome = Outcome::Bare { status: 502 };
        true
    }),
    ("a bare answer is a 500", Kind::InternalError, |history, nth| {
        let Some(call) = pick(&mut history.calls, nth, |_| true) else { return false };
        call.outcome = Outcome::Bare { status: 500 };
        true
    }),
];
