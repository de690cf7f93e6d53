//! Who is in the team, as far as the answers to those who take in and take out say so; and who was let in.

use std::collections::{HashMap, HashSet};

use super::{Bounds, Call, History, Kind, Logged, Moment, Outcome, Session, Violation, What, Wish};

/// How long after somebody was taken out something that happens may still be sent to them.
const HEARD_WITHIN: Moment = Moment::from_secs(2);

/// What is known of each user's part in the team.
#[derive(Debug, Default)]
pub(super) struct Membership<'a>(HashMap<&'a str, Vec<Span>>);

/// From then on, up to the next: in, or out; or nobody can say.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Moment,
    is_in: Option<bool>,
}

impl<'a> Membership<'a> {
    /// Those who take in and out do one thing after the other. What was given up may still come true for a while; what is
    /// answered meanwhile says little.
    pub(super) fn of(history: &'a History, bounds: &Bounds) -> Self {
        let mut spans: HashMap<&str, Vec<Span>> = HashMap::new();
        let mut doubt_until: HashMap<&str, Moment> = HashMap::new();
        let is_change = |call: &&Call| matches!(call.what, What::Join { .. } | What::Leave { .. });
        let mut changes: Vec<&Call> = history.calls.iter().filter(is_change).collect();
        changes.sort_by_key(|call| call.sent);
        for call in changes {
            let (What::Join { member } | What::Leave { member }) = &call.what else { continue };
            let spans = spans.entry(member).or_default();
            let before = spans.last().map_or(Some(false), |span| span.is_in);
            let doubt_until = doubt_until.entry(member).or_default();
            let is_in = match call.outcome {
                Outcome::Done { .. } if call.sent >= *doubt_until => {
                    Some(matches!(call.what, What::Join { .. }))
                }
                Outcome::Refused { status, .. } if status != 500 => before,
                Outcome::Done { .. } => None,
                _ => {
                    *doubt_until = call.sent + bounds.late_effect;
                    None
                }
            };
            spans.push(Span { from: call.sent, is_in: None });
            spans.push(Span { from: call.done, is_in });
        }
        Self(spans)
    }

    /// What they were all the time from then to then, if that was one thing.
    pub(super) fn over(&self, user: &str, from: Moment, to: Moment) -> Option<bool> {
        let spans = self.0.get(user).map_or(&[][..], Vec::as_slice);
        let begun = spans.iter().take_while(|span| span.from <= from).last();
        let first = begun.map_or(Some(false), |span| span.is_in);
        let is_meanwhile = |span: &&Span| span.from > from && span.from <= to;
        let is_one = spans.iter().filter(is_meanwhile).all(|span| span.is_in == first);
        first.filter(|_| is_one)
    }

    /// Whether an event of the team has to be sent to a session that is still there at that moment: its user was in when it
    /// began, and is.
    pub(super) fn is_due(&self, session: &Session, at: Moment) -> bool {
        self.over(&session.user, session.asked, at) == Some(true)
    }

    /// Whether it must not: its user was out all the time since the session began, or since the event happened.
    pub(super) fn is_foreign(&self, session: &Session, event: &Logged, at: Moment) -> bool {
        let is_out = |since: Moment| self.over(&session.user, since.min(at), at) == Some(false);
        is_out(session.asked) || is_out(event.at.saturating_sub(HEARD_WITHIN))
    }
}

/// Requests about what is the team's: from the answer to a removal on nothing is reached, and from that to a joining on all.
pub(super) fn check(history: &History, membership: &Membership<'_>, found: &mut Vec<Violation>) {
    let shared: HashSet<&str> = history
        .log
        .iter()
        .filter(|event| event.team.is_some())
        .filter_map(|event| event.instance.as_deref())
        .collect();
    let mut deleted: HashMap<&str, Moment> = HashMap::new();
    for call in &history.calls {
        if let What::Wish { instance, wish: Wish::Delete, .. } = &call.what {
            let first = deleted.entry(instance).or_insert(call.sent);
            *first = call.sent.min(*first);
        }
    }
    for call in &history.calls {
        // Somebody who makes something may be answered for what was made before they went.
        let (What::Wish { instance, .. } | What::ReadShared { instance }) = &call.what else { continue };
        let user = call.by.split_once(' ').map_or("", |(_, user)| user);
        let is_in = membership.over(user, call.sent, call.done);
        if !shared.contains(instance.as_str()) {
            continue;
        }
        let is_there = deleted.get(instance.as_str()).is_none_or(|deleted| *deleted > call.done);
        match &call.outcome {
            Outcome::Done { .. } if is_in == Some(false) => {
                found.push(Violation::new(Kind::ForeignData, format!("{call:?} by somebody who is out")));
            }
            Outcome::Refused { status: 403 | 404, .. } if is_in == Some(true) && is_there => {
                found.push(Violation::new(Kind::KeptFromMember, format!("{call:?}")));
            }
            _ => {}
        }
    }
}
