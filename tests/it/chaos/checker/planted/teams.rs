//! Who is in the team, and what reaches them.

use std::time::Duration;

use super::super::{Call, Frame, History, Kind, Logged, Moment, Outcome, Says, Session, What, Wish};
use super::{Plant, pick};

/// Long after everything else, when nothing is in doubt any more.
const LATE: Moment = Duration::from_secs(1_000_000);

pub(super) const PLANTS: &[Plant] = &[
    ("a session hears of the team after its user was taken out", Kind::ForeignData, |history, nth| {
        let Some(event) = shared(history, nth) else { return false };
        change(history, |member| What::Leave { member });
        watch(history, &event, of(&event))
    }),
    ("a session goes on when its user was taken out", Kind::ForeignData, |history, nth| {
        let Some(mut event) = shared(history, nth) else { return false };
        change(history, |member| What::Leave { member });
        event.at = LATE + Duration::from_secs(5);
        let at = history.log.iter().position(|logged| logged.position == event.position).unwrap();
        history.log[at] = event.clone();
        watch(history, &event, of(&event));
        let session = history.sessions.last_mut().unwrap();
        session.asked = LATE - Duration::from_secs(60);
        true
    }),
    ("a member's session is not sent an event of the team", Kind::UnsignalledGap, |history, nth| {
        let Some(event) = shared(history, nth) else { return false };
        change(history, |member| What::Join { member });
        watch(history, &event, Says::Reached(event.position.unwrap()))
    }),
    ("whoever was taken out reads what is the team's", Kind::ForeignData, |history, nth| {
        let Some(event) = shared(history, nth) else { return false };
        change(history, |member| What::Leave { member });
        let instance = event.instance.unwrap();
        ask(history, What::ReadShared { instance: instance.clone() }, done(&instance))
    }),
    ("whoever was taken out changes what is the team's", Kind::ForeignData, |history, nth| {
        let Some(event) = shared(history, nth) else { return false };
        change(history, |member| What::Leave { member });
        let instance = event.instance.unwrap();
        let wish = What::Wish { instance: instance.clone(), wish: Wish::Stop, if_match: None };
        ask(history, wish, done(&instance))
    }),
    ("a member is told that there is nothing", Kind::KeptFromMember, |history, nth| {
        let Some(event) = shared(history, nth) else { return false };
        change(history, |member| What::Join { member });
        let instance = event.instance.unwrap();
        history.calls.retain(|call| call.what.instance() != instance);
        let refused = Outcome::Refused { status: 404, code: "instance_not_found".to_owned() };
        ask(history, What::ReadShared { instance }, refused)
    }),
];

/// An event of the team.
fn shared(history: &mut History, nth: usize) -> Option<Logged> {
    pick(&mut history.log, nth, |event| event.team.is_some()).map(|event| event.clone())
}

/// Takes ada in, or out.
fn change(history: &mut History, what: fn(String) -> What) {
    ask(history, what("ada".to_owned()), done(""));
    let call = history.calls.last_mut().unwrap();
    (call.by, call.sent, call.done) = ("user kay".to_owned(), LATE, LATE);
}

/// Ada asks for something, after that.
fn ask(history: &mut History, what: What, outcome: Outcome) -> bool {
    let at = LATE + Duration::from_secs(10);
    let (request, by) = ("a late one".to_owned(), "user ada".to_owned());
    history.calls.push(Call { request, by, used: None, what, sent: at, done: at, outcome, is_direct: false });
    true
}

/// Ada watches, after that.
fn watch(history: &mut History, event: &Logged, says: Says) -> bool {
    let at = LATE + Duration::from_secs(10);
    let position = event.position.unwrap();
    history.sessions.push(Session {
        follower: "a late one".to_owned(),
        user: "ada".to_owned(),
        only: None,
        since: Some(position - 1),
        asked: at,
        greeted_at: position,
        good_until: Moment::MAX,
        paused: Duration::ZERO,
        frames: vec![Frame { at, says }],
        end: String::new(),
        is_direct: false,
    });
    true
}

fn of(event: &Logged) -> Says {
    Says::Event { position: event.position.unwrap(), event: event.event.clone(), digest: event.digest }
}

fn done(instance: &str) -> Outcome {
    Outcome::Done { instance: instance.to_owned(), revision: None }
}
