use proptest::prelude::*;

use super::*;
use crate::actors::rate_limits::windows::WINDOW;
use crate::models::UserId;

fn settings() -> RateLimitsSettings {
    RateLimitsSettings {
        user_max: 8,
        read_max: 6,
        write_max: 3,
        socket_max: 0,
        auth_max: 2,
        account_max: 2,
        account_everywhere_max: 5,
        address_max: 20,
        counters_max: 1_000,
        exchange_ms: 100,
    }
}

fn asker(user: Option<UserId>) -> Asker {
    Asker { subject: user.map(Subject::User), key: None, address: Some("10.0.0.7".parse().unwrap()) }
}

fn admitted(limiter: &RateLimiter, asker: Asker, class: RouteClass, requests: usize) -> usize {
    (0..requests).filter(|_| limiter.admit(asker, class).is_ok()).count()
}

#[test]
fn each_class_has_its_own_count_and_all_of_them_one_together() {
    let limiter = RateLimiter::new(settings());
    let ada = asker(Some(UserId::new()));
    let first = limiter.admit(ada, RouteClass::Write).unwrap().unwrap();
    assert_eq!((first.limit, first.remaining, first.reset_seconds), (3, 2, 60));
    assert_eq!(admitted(&limiter, ada, RouteClass::Write, 10), 2);
    assert_eq!(limiter.admit(ada, RouteClass::Write).unwrap_err().remaining, 0);
    // Three of the eight are used; what was refused used none.
    assert_eq!(admitted(&limiter, ada, RouteClass::Read, 10), 5);
    // Another user at the same address has counts of their own, until the address has none left.
    assert_eq!(admitted(&limiter, asker(Some(UserId::new())), RouteClass::Read, 10), 6);
    assert_eq!(admitted(&limiter, asker(Some(UserId::new())), RouteClass::Read, 10), 6);
    assert_eq!(limiter.admit(asker(Some(UserId::new())), RouteClass::Read).unwrap_err().limit, 20);
}

#[test]
fn whoever_proves_who_they_are_is_counted_by_address_and_by_name() {
    let limiter = RateLimiter::new(settings());
    assert_eq!(admitted(&limiter, asker(Some(UserId::new())), RouteClass::Auth, 2), 2);
    assert_eq!(limiter.admit(asker(None), RouteClass::Auth).unwrap_err().limit, 2);
    // Of a user who is known already, wherever they are.
    let ada = Some(UserId::new());
    let elsewhere = |address: &str| Asker { address: Some(address.parse().unwrap()), ..asker(ada) };
    assert!(limiter.admit(elsewhere("10.0.1.1"), RouteClass::Auth).is_ok());
    assert!(limiter.admit(elsewhere("10.0.1.2"), RouteClass::Auth).is_ok());
    assert_eq!(limiter.admit(elsewhere("10.0.1.3"), RouteClass::Auth).unwrap_err().limit, 2);
}

#[test]
fn one_address_does_not_lock_an_account_out_and_many_do_not_guess_without_end() {
    let limiter = RateLimiter::new(settings());
    let attempt = |name: &str, address: &str| {
        limiter.admit_account(name, Some(address.parse().unwrap())).map_err(|full| full.limit)
    };
    assert_eq!((attempt("Ada", "10.0.0.1"), attempt("ada ", "10.0.0.1")), (Ok(()), Ok(())));
    for _attempt in 0..100 {
        assert_eq!(attempt("ADA", "10.0.0.1"), Err(2));
    }
    assert_eq!((attempt("bob", "10.0.0.1"), attempt("ada", "10.0.0.2")), (Ok(()), Ok(())));
    assert_eq!((attempt("ada", "10.0.0.3"), attempt("ada", "10.0.0.4")), (Ok(()), Ok(())));
    assert_eq!((attempt("ada", "10.0.0.5"), attempt("bob", "10.0.0.5")), (Err(5), Ok(())));
}

#[test]
fn no_limit_is_no_count() {
    let none = RateLimitsSettings { user_max: 0, address_max: 0, ..settings() };
    let limiter = RateLimiter::new(none);
    assert_eq!(limiter.admit(asker(Some(UserId::new())), RouteClass::Socket), Ok(None));
    assert!(limiter.take_changes().is_empty());
}

#[test]
fn what_others_admit_counts_here_and_a_lost_exchange_is_made_up_for() {
    let limiter = RateLimiter::new(RateLimitsSettings { user_max: 0, address_max: 0, ..settings() });
    let ada = asker(Some(UserId::new()));
    assert!(limiter.admit(ada, RouteClass::Read).is_ok());
    let lost = limiter.take_changes();
    limiter.untold(&lost[0]);
    assert!(limiter.admit(ada, RouteClass::Read).is_ok());
    let told = limiter.take_changes();
    assert_eq!((told.len(), told[0].by), (1, 2));
    // Two of ours and three of others', in a window that ends sooner than ours would.
    limiter.settle(&told[0], 5, Some(Duration::from_millis(1_500)));
    let last = limiter.admit(ada, RouteClass::Read).unwrap().unwrap();
    assert_eq!((last.remaining, last.reset_seconds), (0, 2));
    assert!(limiter.admit(ada, RouteClass::Read).is_err());
}

/// A window with so many requests in it, all of them told.
fn told(windows: &mut Windows, counter: Counter, requests: usize, now: Instant) -> Delta {
    for _request in 0..requests {
        assert!(windows.take(counter, 6_000, 10, now).0.is_ok());
    }
    let mut changes = Vec::new();
    windows.take_changes(&mut changes);
    changes[0]
}

fn remaining(windows: &mut Windows, counter: Counter, now: Instant) -> u32 {
    windows.take(counter, 6_000, 10, now).0.unwrap().remaining
}

#[test]
fn when_redis_has_begun_a_new_window_the_old_ones_requests_are_over_here_too() {
    let (mut windows, counter) =
        (Windows::default(), Counter { subject: Subject::account("ada"), class: None });
    let start = Instant::now();
    let before = told(&mut windows, counter, 5_000, start);
    windows.settle(&before, 5_000, Some(WINDOW), start + Duration::from_millis(50));
    let late = start + WINDOW + Duration::from_millis(20);
    let turned = told(&mut windows, counter, 1, late);
    // One more comes while Redis answers.
    assert_eq!(remaining(&mut windows, counter, late), 998);
    windows.settle(&turned, 1, Some(WINDOW), late);
    assert_eq!(remaining(&mut windows, counter, late), 5_997);
    let next = told(&mut windows, counter, 1, late);
    windows.settle(&next, 10, Some(WINDOW), late);
    assert_eq!(remaining(&mut windows, counter, late), 5_989);
}

#[test]
fn an_answer_that_comes_after_the_end_lengthens_nothing() {
    let (mut windows, counter) =
        (Windows::default(), Counter { subject: Subject::account("ada"), class: None });
    let start = Instant::now();
    let before = told(&mut windows, counter, 5_000, start);
    windows.settle(&before, 5_500, Some(WINDOW), start + WINDOW);
    assert_eq!(remaining(&mut windows, counter, start + WINDOW), 5_999);
}

#[test]
fn what_redis_may_not_have_heard_is_told_once_and_stays_counted_here() {
    let (mut windows, counter) =
        (Windows::default(), Counter { subject: Subject::account("ada"), class: None });
    let now = Instant::now();
    let lost = told(&mut windows, counter, 100, now);
    windows.doubt(&lost);
    let heard = told(&mut windows, counter, 10, now);
    assert_eq!(heard.by, 10);
    // Redis has the ten alone. That is no new window.
    windows.settle(&heard, 10, Some(WINDOW), now);
    assert_eq!(remaining(&mut windows, counter, now), 6_000 - 111);
}

#[test]
fn a_count_begins_anew_when_its_window_ends() {
    let mut windows = Windows::default();
    let counter = Counter { subject: Subject::account("ada"), class: None };
    let start = Instant::now();
    assert!(windows.take(counter, 1, 10, start).0.is_ok());
    assert!(windows.take(counter, 1, 10, start + WINDOW / 2).0.is_err());
    assert!(windows.take(counter, 1, 10, start + WINDOW).0.is_ok());
    // An answer to what was told before concerns a window that is over.
    let mut changes = Vec::new();
    windows.take_changes(&mut changes);
    assert!(windows.take(counter, 1, 10, start + WINDOW * 2).0.is_ok());
    windows.settle(&changes[0], 100, None, start + WINDOW * 2);
    assert_eq!(windows.take(counter, 3, 10, start + WINDOW * 2).0.unwrap().remaining, 1);
}

proptest! {
    #[test]
    fn however_many_ask_only_so_many_are_remembered_and_nobody_gets_too_much(
        requests in prop::collection::vec((0..60_u8, 0..20_u64), 1..400)
    ) {
        const LENGTH_MAX: usize = 16;
        let mut windows = Windows::default();
        let mut now = Instant::now();
        for (name, pause_seconds) in requests {
            now += Duration::from_secs(pause_seconds);
            let counter = Counter { subject: Subject::account(&name.to_string()), class: None };
            let (taken, _) = windows.take(counter, 3, LENGTH_MAX, now);
            prop_assert!(taken.is_err() || taken.unwrap().remaining < 3);
            let (remembered, begun, changed) = windows.len();
            prop_assert!(remembered <= LENGTH_MAX && begun <= 8 * LENGTH_MAX, "{remembered} {begun}");
            prop_assert!(changed <= 2 * LENGTH_MAX, "{changed} are to be told while nobody can be");
        }
    }
}

#[test]
fn a_program_that_runs_away_uses_its_keys_count_up_and_leaves_its_user_the_rest() {
    let limiter = RateLimiter::new(RateLimitsSettings { write_max: 3, user_max: 5, ..settings() });
    let ada = Some(UserId::new());
    let program = Asker { key: Some(Subject::Key(uuid::Uuid::now_v7())), ..asker(ada) };
    assert_eq!(admitted(&limiter, program, RouteClass::Write, 9), 3);
    // All of one user's requests together have one limit, however they come.
    assert_eq!(admitted(&limiter, asker(ada), RouteClass::Write, 9), 2);
}
