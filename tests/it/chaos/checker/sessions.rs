//! What each session was sent, against the log.

use std::collections::{BTreeMap, HashMap};

use super::{History, Kind, Logged, Says, Session, Violation};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let log: BTreeMap<i64, &Logged> =
        history.log.iter().filter_map(|event| Some((event.position?, event))).collect();
    for session in &history.sessions {
        check_one(session, &log, history.cut_to, found);
    }
}

fn check_one(session: &Session, log: &BTreeMap<i64, &Logged>, cut_to: i64, found: &mut Vec<Violation>) {
    let mut say = |kind, evidence: String| {
        let Session { follower, since, greeted_at, end, .. } = session;
        let of = format!("{follower}, since {since:?}, greeted at {greeted_at}, ended {end}");
        found.push(Violation::new(kind, format!("{evidence} ({of})")));
    };
    let mut reached = session.since.unwrap_or(session.greeted_at);
    let mut is_narrow = false;
    let mut revisions: HashMap<&str, i64> = HashMap::new();
    for frame in &session.frames {
        let to = match &frame.says {
            Says::Narrowed => {
                is_narrow = true;
                continue;
            }
            // The log has nothing for it any more: what is missing was told.
            Says::Gap { from, to } => {
                if *from != reached || to < from || cut_to <= reached {
                    say(Kind::WrongGap, format!("{:?} when {reached} was reached", frame.says));
                }
                reached = *to;
                continue;
            }
            Says::Reached(to) => *to,
            Says::Event { position, .. } => *position,
        };
        let is_event = matches!(frame.says, Says::Event { .. });
        if is_event && to <= reached {
            say(Kind::DeliveredTwice, format!("{to} came when {reached} was reached"));
            continue;
        }
        // The event itself is no part of what was passed over.
        let passed = reached + 1..if is_event { to } else { to + 1 };
        if passed.start < passed.end {
            for event in log.range(passed).map(|(_, event)| *event).filter(|event| is_due(session, event)) {
                say(
                    Kind::UnsignalledGap,
                    format!("after {reached} came {:?}, without {event:?}", frame.says),
                );
            }
        }
        reached = reached.max(to);

        let Says::Event { position, event, digest } = &frame.says else { continue };
        let Some(logged) = log.get(position) else {
            say(Kind::RolledBackAndPublished, format!("{position} {event}"));
            continue;
        };
        if logged.user.as_ref() != Some(&session.user) {
            say(Kind::ForeignData, format!("{logged:?} for {}", session.user));
        } else if logged.event != *event
            || logged.digest != *digest
            || (is_narrow && !is_due(session, logged))
        {
            say(Kind::Altered, format!("{:?} of {logged:?}", frame.says));
        }
        if let (Some(instance), Some(revision)) = (&logged.instance, logged.revision) {
            let before = revisions.insert(instance, revision).unwrap_or_default();
            if revision <= before {
                say(Kind::Reordered, format!("revision {before}, then {logged:?}"));
            }
        }
    }
}

/// What the contract keeps from sockets: the platform's own talk, and what is nobody's.
const UNTOLD: [&str; 4] = ["auth.", "user.", "agent.", "report."];

/// Whether an event has to be sent whatever the subscription is at the moment.
fn is_due(session: &Session, event: &Logged) -> bool {
    event.user.as_ref() == Some(&session.user)
        && !UNTOLD.iter().any(|subject| event.key.starts_with(subject))
        && session.only.as_ref().is_none_or(|only| event.instance.as_ref() == Some(only))
}
