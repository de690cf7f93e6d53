//! Each answer, against what Postgres has noted of the request.

use std::collections::{HashMap, HashSet};

use super::{Call, History, Kind, Outcome, Violation, What, Wish, Write};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut by_request: HashMap<&str, Vec<&Write>> = HashMap::new();
    for write in &history.writes {
        if let Some(request) = &write.request {
            by_request.entry(request).or_default().push(write);
        }
    }
    let log = Log::of(history);
    for call in &history.calls {
        let followed: &[&Write] = by_request.get(call.request.as_str()).map_or(&[], Vec::as_slice);
        answered_well(call, followed, &log, found);
        condition_held(call, followed, found);
        if matches!(&call.outcome, Outcome::Refused { status: 500, .. } | Outcome::Bare { status: 500 }) {
            found.push(Violation::new(Kind::InternalError, format!("{call:?}")));
        }
        if matches!(&call.outcome, Outcome::Bare { .. }) {
            found.push(Violation::new(Kind::NoProblem, format!("{call:?}")));
        }
    }
    wishes_were_written(history, &by_request, found);
    once_for_each_key(history, &log, found);
    reads(history, found);
}

/// What the log says of instances.
struct Log<'a> {
    created: HashSet<&'a str>,
    by_mark: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Log<'a> {
    fn of(history: &'a History) -> Self {
        let mut log = Self { created: HashSet::new(), by_mark: HashMap::new() };
        for event in history.log.iter().filter(|event| event.key == "instance.created") {
            let Some(instance) = &event.instance else { continue };
            log.created.insert(instance);
            if let Some(mark) = &event.mark {
                log.by_mark.entry(mark).or_default().push(instance);
            }
        }
        log
    }
}

fn answered_well(call: &Call, followed: &[&Write], log: &Log<'_>, found: &mut Vec<Violation>) {
    match (&call.what, &call.outcome) {
        (What::Create { mark }, Outcome::Done { instance, .. }) => {
            let under_it = log.by_mark.get(mark.as_str());
            let is_there = under_it.is_some_and(|made| made.contains(&instance.as_str()));
            if !is_there || !log.created.contains(instance.as_str()) {
                let evidence = format!("no instance.created of {instance} with the mark {mark}: {call:?}");
                found.push(Violation::new(Kind::AcknowledgedAndLost, evidence));
            }
        }
        // Of a 500 nothing is promised but that it is a fault of ours.
        (What::Create { .. } | What::Wish { .. }, Outcome::Refused { status, .. })
            if *status != 500 && !followed.is_empty() =>
        {
            let evidence = format!("{call:?} was followed by {:?}", followed[0]);
            found.push(Violation::new(Kind::RefusedAndDone, evidence));
        }
        (What::Peek { .. }, Outcome::Done { .. }) => {
            found.push(Violation::new(Kind::ForeignData, format!("{call:?}")));
        }
        _ => {}
    }
}

/// Every wish is a write that names its request; one that was in force already is a write that changes nothing, and names
/// none. Of the latter there must be as many as were acknowledged.
fn wishes_were_written(
    history: &History,
    by_request: &HashMap<&str, Vec<&Write>>,
    found: &mut Vec<Violation>,
) {
    let mut idle: HashMap<(&str, &str), Vec<&Call>> = HashMap::new();
    for call in &history.calls {
        let (What::Wish { instance, wish, .. }, Outcome::Done { .. }) = (&call.what, &call.outcome) else {
            continue;
        };
        let followed = by_request.get(call.request.as_str()).into_iter().flatten();
        if followed.into_iter().any(|write| write.instance == *instance) {
            continue;
        }
        match wish {
            Wish::Start => idle.entry((instance, "running")).or_default().push(call),
            Wish::Stop => idle.entry((instance, "stopped")).or_default().push(call),
            Wish::Retitle | Wish::Delete => {
                found.push(Violation::new(
                    Kind::AcknowledgedAndLost,
                    format!("no write followed from {call:?}"),
                ));
            }
        }
    }
    let mut written: HashMap<(&str, &str), usize> = HashMap::new();
    for write in history.writes.iter().filter(|write| write.changes_nothing) {
        if let Some(after) = &write.after {
            *written.entry((&write.instance, &after.desired)).or_default() += 1;
        }
    }
    for (of, calls) in idle {
        let written = written.get(&of).copied().unwrap_or_default();
        if written < calls.len() {
            let evidence =
                format!("{written} writes that changed nothing of {of:?} followed from {calls:#?}");
            found.push(Violation::new(Kind::AcknowledgedAndLost, evidence));
        }
    }
}

fn condition_held(call: &Call, followed: &[&Write], found: &mut Vec<Violation>) {
    let What::Wish { if_match: Some(revision), .. } = &call.what else { return };
    for write in followed {
        let before = write.before.as_ref().map(|before| before.revision);
        if before.is_some_and(|before| before != *revision) {
            let evidence = format!("{call:?} changed {write:?}");
            found.push(Violation::new(Kind::ConditionIgnored, evidence));
        }
    }
}

/// A key makes one instance, however often it is sent; and what is sent once makes no more than one without a key, either.
fn once_for_each_key(history: &History, log: &Log<'_>, found: &mut Vec<Violation>) {
    for (mark, made) in &log.by_mark {
        if made.len() > 1 {
            found.push(Violation::new(Kind::DoneTwice, format!("the mark {mark} made {made:?}")));
        }
    }
    let mut answered: HashMap<&str, &str> = HashMap::new();
    for call in &history.calls {
        let (What::Create { mark }, Outcome::Done { instance, .. }) = (&call.what, &call.outcome) else {
            continue;
        };
        let first = answered.entry(mark).or_insert(instance);
        if *first != instance {
            let evidence = format!("the key {mark} was answered with {first} and with {instance}");
            found.push(Violation::new(Kind::DoneTwice, evidence));
        }
    }
}

/// Whoever reads after an answer sees at least what it said.
fn reads(history: &History, found: &mut Vec<Violation>) {
    let mut answers: HashMap<&str, Vec<&Call>> = HashMap::new();
    for call in &history.calls {
        if let Outcome::Done { instance, .. } = &call.outcome
            && matches!(call.what, What::Create { .. } | What::Wish { .. } | What::Read { .. })
        {
            answers.entry(instance).or_default().push(call);
        }
    }
    let mut deletes: HashSet<&str> = HashSet::new();
    for call in &history.calls {
        if let What::Wish { instance, wish: Wish::Delete, .. } = &call.what {
            deletes.insert(instance);
        }
    }
    for call in &history.calls {
        let What::Read { instance } = &call.what else { continue };
        let before =
            answers.get(instance.as_str()).into_iter().flatten().filter(|other| other.done <= call.sent);
        let known = before.filter_map(|other| match &other.outcome {
            Outcome::Done { revision, .. } => *revision,
            _ => None,
        });
        let known = known.max().unwrap_or_default();
        let is_stale = match &call.outcome {
            Outcome::Done { revision, .. } => revision.is_some_and(|seen| seen < known),
            Outcome::Refused { status: 404, .. } => known > 0 && !deletes.contains(instance.as_str()),
            _ => false,
        };
        if is_stale {
            let evidence = format!("revision {known} had been answered before {call:?}");
            found.push(Violation::new(Kind::StaleRead, evidence));
        }
    }
}
