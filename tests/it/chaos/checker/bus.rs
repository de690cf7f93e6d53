//! The log against the tap.

use std::collections::{HashMap, HashSet};

use super::{History, Kind, Logged, Violation};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let by_event: HashMap<&str, &Logged> =
        history.log.iter().map(|event| (event.event.as_str(), event)).collect();
    positions(history, found);
    revisions_of_the_log(history, found);
    ends(history, found);
    messages(history, &by_event, found);
}

/// Each instance is where the log leaves it.
fn ends(history: &History, found: &mut Vec<Violation>) {
    let mut last: HashMap<&str, i64> = HashMap::new();
    for event in &history.log {
        if let (Some(instance), Some(revision)) = (&event.instance, event.revision) {
            let known = last.entry(instance).or_default();
            *known = revision.max(*known);
        }
    }
    for row in &history.rows {
        let told = last.get(row.instance.as_str()).copied().unwrap_or_default();
        if told != row.revision {
            let evidence = format!("the log ends at revision {told} of {row:?}");
            found.push(Violation::new(Kind::MissingOnTheBus, evidence));
        }
    }
}

/// 1, 2, 3 …: every event has one, and they have no holes.
fn positions(history: &History, found: &mut Vec<Violation>) {
    let heard: HashSet<i64> = history.told.iter().map(|told| told.position).collect();
    let mut positions: Vec<i64> = Vec::new();
    for event in &history.log {
        match event.position {
            None => found.push(Violation::new(Kind::Hole, format!("it was never placed: {event:?}"))),
            Some(position) => {
                positions.push(position);
                if !heard.contains(&position) {
                    found.push(Violation::new(Kind::MissingOnTheBus, format!("{event:?}")));
                }
            }
        }
    }
    positions.sort_unstable();
    let mut expected = 1;
    for position in positions {
        if position != expected {
            let evidence = format!("{position} stands where {expected} should");
            found.push(Violation::new(Kind::Hole, evidence));
        }
        expected = position + 1;
    }
}

/// Of each thing the positions follow the revisions, each of which is told once.
fn revisions_of_the_log(history: &History, found: &mut Vec<Violation>) {
    let mut placed: Vec<&Logged> = history.log.iter().filter(|event| event.position.is_some()).collect();
    placed.sort_by_key(|event| event.position);
    let mut last: HashMap<&str, i64> = HashMap::new();
    for event in placed {
        let (Some(instance), Some(revision)) = (&event.instance, event.revision) else { continue };
        let before = last.insert(instance, revision).unwrap_or_default();
        if revision != before + 1 {
            let evidence = format!("revision {before}, then {event:?}");
            found.push(Violation::new(Kind::Reordered, evidence));
        }
    }
}

fn messages(history: &History, by_event: &HashMap<&str, &Logged>, found: &mut Vec<Violation>) {
    let mut reached = 0;
    let mut last: HashMap<&str, i64> = HashMap::new();
    for told in &history.told {
        let Some(logged) = by_event.get(told.event.as_str()) else {
            found.push(Violation::new(Kind::RolledBackAndPublished, format!("{told:?}")));
            continue;
        };
        if logged.position != Some(told.position) || logged.digest != told.digest {
            found.push(Violation::new(Kind::Altered, format!("{told:?} of {logged:?}")));
        }
        if told.position <= reached {
            // After a fault a run of positions may come again.
            continue;
        }
        if told.position != reached + 1 {
            let evidence = format!("after position {reached} came {told:?}");
            found.push(Violation::new(Kind::Reordered, evidence));
        }
        reached = told.position;
        if let (Some(instance), Some(revision)) = (&told.instance, told.revision) {
            let before = last.insert(instance, revision).unwrap_or_default();
            if revision <= before {
                let evidence = format!("revision {before}, then {told:?}");
                found.push(Violation::new(Kind::Reordered, evidence));
            }
        }
    }
}
