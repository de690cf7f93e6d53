//! The register that posts, and the session that reads, on threads of their own.

use shuttle::thread;

use super::*;
use crate::actors::ws_sessions::channels::Topic;
use crate::models::RoutingKey;
use crate::sync::meetings::{Sleeper, in_every_order};

const LIMITS: LetterboxLimits = LetterboxLimits { frames_max: 2, bytes_max: 100 };

fn event(position: i64) -> Letter {
    let topic = Topic::of(&RoutingKey::INSTANCE_CREATED).unwrap();
    Letter::Event(Arc::new(EventFrame { position, topic, instance_id: None, text: "x".into() }))
}

/// Reads until it is told to go or has seen `last`. Sleeps when there is nothing, as a session does.
fn read_to(letterbox: &Letterbox, mut seen: i64, last: i64) -> Option<Farewell> {
    let (sleeper, waker) = Sleeper::new();
    while seen < last {
        letterbox.watch(&waker);
        match letterbox.take() {
            Found::Letter(letter) => {
                assert_eq!(letter.position(), seen + 1, "a letter is missing or comes twice");
                seen = letter.position();
            }
            Found::Nothing => sleeper.sleep(),
            Found::Farewell(farewell) => return Some(farewell),
        }
    }
    None
}

#[test]
fn no_letter_and_no_farewell_is_slept_through() {
    in_every_order(|| {
        let letterbox = Arc::new(Letterbox::new(false));
        let poster = letterbox.clone();
        let posting = thread::spawn(move || {
            let _full_or_not = poster.post(event(1), LIMITS);
            let _full_or_not = poster.post(event(2), LIMITS);
            poster.dismiss(Farewell::Drained);
        });
        // It never sees a third: the farewell is what it waits for.
        assert!(matches!(read_to(&letterbox, 0, 3), Some(Farewell::Drained)));
        posting.join().unwrap();
    });
}

#[test]
fn a_session_goes_over_from_the_log_to_its_letters_without_a_hole() {
    const LAST: i64 = 6;
    in_every_order(|| {
        let letterbox = Arc::new(Letterbox::new(true));
        let poster = letterbox.clone();
        let posting = thread::spawn(move || {
            for position in 1..=LAST {
                let _full_or_not = poster.post(event(position), LIMITS);
            }
        });
        let mut read_in_the_log = 0;
        while let Some(lost_to) = letterbox.lost_to() {
            assert!(lost_to > read_in_the_log);
            read_in_the_log = lost_to;
        }
        let farewell = read_to(&letterbox, read_in_the_log, LAST);
        assert!(farewell.is_none_or(|farewell| matches!(farewell, Farewell::Slow)));
        posting.join().unwrap();
    });
}

#[test]
fn whoever_leaves_while_it_is_posted_to_leaves_nothing_behind() {
    in_every_order(|| {
        let letterbox = Arc::new(Letterbox::new(false));
        let poster = letterbox.clone();
        let posting = thread::spawn(move || poster.post(event(1), LIMITS).is_ok());
        letterbox.abandon();
        posting.join().unwrap();
        assert!(matches!(letterbox.take(), Found::Nothing));
        assert!(!letterbox.is_open());
    });
}
