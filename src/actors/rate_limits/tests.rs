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
        address_max: 20,
        counters_max: 1_000,
        exchange_ms: 100,
    }
}

fn asker(user: Option<UserId>) -> Asker {
    Asker { subject: user.map(Subject::User), address: Some("10.0.0.7".parse().unwrap()) }
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
    assert!(limiter.admit_account("Ada").is_ok() && limiter.admit_account("ada ").is_ok());
    assert!(limiter.admit_account("ADA").is_err() && limiter.admit_account("bob").is_ok());
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
            let (remembered, begun) = windows.len();
            prop_assert!(remembered <= LENGTH_MAX && begun <= 8 * LENGTH_MAX, "{remembered} {begun}");
        }
    }
}
