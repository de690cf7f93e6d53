//! Requests on threads of their own, and the exchange with Redis beside them.

use shuttle::thread;

use super::*;
use crate::models::UserId;
use crate::sync::meetings::in_every_order;

fn limits(read_max: u32, address_max: u32) -> RateLimitsSettings {
    RateLimitsSettings {
        user_max: 0,
        read_max,
        write_max: 0,
        socket_max: 0,
        auth_max: 0,
        account_max: 0,
        account_everywhere_max: 0,
        address_max,
        counters_max: 1_000,
        exchange_ms: 100,
    }
}

/// Asks on three threads, twice each; how often each was let in.
fn let_in(limiter: &RateLimiter, askers: [Asker; 3]) -> usize {
    let asking = askers.map(|asker| {
        let limiter = limiter.clone();
        thread::spawn(move || (0..2).filter(|_| limiter.admit(asker, RouteClass::Read).is_ok()).count())
    });
    asking.into_iter().map(|asking| asking.join().unwrap()).sum()
}

#[test]
fn together_they_are_let_in_as_often_as_the_limit_says_and_no_oftener() {
    in_every_order(|| {
        let limiter = RateLimiter::new(limits(4, 0));
        let asker = Asker { subject: Some(Subject::User(UserId::new())), key: None, address: None };
        assert_eq!(let_in(&limiter, [asker; 3]), 4);
    });
}

#[test]
fn who_is_refused_at_one_count_is_counted_at_no_other() {
    in_every_order(|| {
        // Three users of one address: each may read twice, all of them three times.
        let limiter = RateLimiter::new(limits(2, 3));
        let address = Some("10.0.0.7".parse().unwrap());
        let users = [UserId::new(), UserId::new(), UserId::new()];
        let askers = users.map(|user| Asker { subject: Some(Subject::User(user)), key: None, address });
        let were_let_in = let_in(&limiter, askers);
        assert!(were_let_in <= 3);
        let elsewhere = |user| Asker { subject: Some(Subject::User(user)), key: None, address: None };
        let left: usize = users
            .map(|user| (0..2).filter(|_| limiter.admit(elsewhere(user), RouteClass::Read).is_ok()).count())
            .into_iter()
            .sum();
        assert_eq!(were_let_in + left, 6);
    });
}

#[test]
fn what_is_told_to_redis_is_all_that_was_let_in_once() {
    in_every_order(|| {
        let limiter = RateLimiter::new(limits(100, 0));
        let asker = Asker { subject: Some(Subject::User(UserId::new())), key: None, address: None };
        let asked = limiter.clone();
        let asking = thread::spawn(move || let_in(&asked, [asker; 3]));
        let told = limiter.take_changes();
        // The first attempt fails before anything was sent.
        told.iter().for_each(|delta| limiter.untold(delta));
        let let_in = asking.join().unwrap();
        let told: i64 = limiter.take_changes().iter().map(|delta| delta.by).sum();
        assert_eq!(told, i64::try_from(let_in).unwrap());
    });
}
