//! What each session was sent, against the log.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::membership::Membership;
use super::{Cut, History, Kind, Logged, Moment, Says, Session, Violation};

/// Postgres' clock tells when the log was cut, the clients' when a frame came.
const CLOCKS_DIFFER: Duration = Duration::from_millis(100);

/// How long a session may outlive its credential.
const OUTLIVES: Duration = Duration::from_secs(20);

pub(super) fn check(history: &History, membership: &Membership<'_>, found: &mut Vec<Violation>) {
    let log: BTreeMap<i64, &Logged> =
        history.log.iter().filter_map(|event| Some((event.position?, event))).collect();
    for session in &history.sessions {
        check_one(session, (&log, &history.cuts), membership, found);
    }
}

fn check_one(
    session: &Session,
    (log, cuts): (&BTreeMap<i64, &Logged>, &[Cut]),
    membership: &Membership<'_>,
    found: &mut Vec<Violation>,
) {
    let mut say = |kind, evidence: String| {
        let Session { follower, since, greeted_at, end, .. } = session;
        let of = format!("{follower}, since {since:?}, greeted at {greeted_at}, ended {end}");
        found.push(Violation::new(kind, format!("{evidence} ({of})")));
    };
    // What was on its way then may come some time later, and to whom reads slowly as much later as they have paused; and tokens are taken for a while past their end.
    if let Some(last) = session.frames.last()
        && last.at > session.good_until.saturating_add(OUTLIVES).saturating_add(session.paused)
    {
        say(Kind::EndedCredentialTaken, format!("it was good until {:?}: {last:?}", session.good_until));
    }
    let mut reached = session.since.unwrap_or(session.greeted_at);
    let mut is_narrow = false;
    let mut revisions: HashMap<&str, i64> = HashMap::new();
    for frame in &session.frames {
        let to = match &frame.says {
            Says::Narrowed => {
                is_narrow = true;
                continue;
            }
            // What comes next is not in the log any more: everything up to where it goes on is named as missing.
            Says::Gap { from, to } => {
                if *from != reached || to < from || cut_to(cuts, frame.at) <= reached {
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
            let is_due = |event: &&Logged| is_due(session, event, membership, frame.at);
            for event in log.range(passed).map(|(_, event)| *event).filter(is_due) {
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
        if is_foreign(session, logged, membership, frame.at) {
            say(Kind::ForeignData, format!("{logged:?} for {}", session.user));
        } else if logged.event != *event
            || logged.digest != *digest
            || (is_narrow && !is_wanted(session, logged))
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

/// Up to where the log was gone by then.
fn cut_to(cuts: &[Cut], at: Moment) -> i64 {
    let before = cuts.iter().filter(|cut| cut.at <= at + CLOCKS_DIFFER);
    before.map(|cut| cut.to).max().unwrap_or_default()
}

/// What the contract keeps from sockets: the platform's own talk, and what is nobody's.
const UNTOLD: [&str; 4] = ["auth.", "user.", "agent.", "report."];

/// Whether an event has to be sent whatever the subscription is at the moment.
fn is_due(session: &Session, event: &Logged, membership: &Membership<'_>, at: Moment) -> bool {
    let is_its = match event.team {
        None => event.user.as_ref() == Some(&session.user),
        // Whoever comes and goes is told so one way or another.
        Some(_) => !event.key.starts_with("team.") && membership.is_due(session, at),
    };
    is_its && !UNTOLD.iter().any(|subject| event.key.starts_with(subject)) && is_wanted(session, event)
}

fn is_wanted(session: &Session, event: &Logged) -> bool {
    session.only.as_ref().is_none_or(|only| event.instance.as_ref() == Some(only))
}

/// Whether an event is another's.
fn is_foreign(session: &Session, event: &Logged, membership: &Membership<'_>, at: Moment) -> bool {
    let is_own = event.user.as_ref() == Some(&session.user);
    match event.team {
        None => !is_own,
        Some(_) if event.key.starts_with("team.") => !is_own && membership.is_foreign(session, event, at),
        Some(_) => membership.is_foreign(session, event, at),
    }
}
