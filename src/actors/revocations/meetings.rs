//! The feed that fills the view, and the requests that look at it.

use shuttle::thread;

use super::*;
use crate::models::UserId;
use crate::sync::meetings::in_every_order;

fn revocation() -> Revocation {
    let access_until = Timestamp::from_second(1_000).unwrap();
    Revocation { session_id: SessionId::new(), user_id: UserId::new(), access_until }
}

#[test]
fn a_session_that_was_ended_before_the_look_is_never_called_good() {
    in_every_order(|| {
        let (view, ended) = (RevocationView::default(), revocation());
        let feed = view.clone();
        let feeding = thread::spawn(move || {
            let began = Instant::now();
            feed.learn(&[ended]);
            feed.complete_as_of(began);
        });
        assert_ne!(view.standing(ended.session_id), Standing::Good);
        feeding.join().unwrap();
        assert_eq!(view.standing(ended.session_id), Standing::Revoked);
    });
}

#[test]
fn a_follower_hears_of_each_once_whoever_learns_it_first() {
    in_every_order(|| {
        let (view, one, other) = (RevocationView::default(), revocation(), revocation());
        let learners = [vec![one, other], vec![other, one]].map(|both| {
            let view = view.clone();
            thread::spawn(move || view.learn(&both))
        });
        let (mut heard, seen) = view.learned_since(0);
        learners.into_iter().for_each(|learner| learner.join().unwrap());
        heard.extend(view.learned_since(seen).0);
        heard.sort_by_key(|heard| heard.session_id);
        let mut both = [one, other];
        both.sort_by_key(|ended| ended.session_id);
        assert_eq!(heard, both);
    });
}
