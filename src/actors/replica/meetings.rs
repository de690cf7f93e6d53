//! The thread that beats, and those that ask whether they may act.

use shuttle::thread;

use super::*;
use crate::sync::meetings::in_every_order;

/// Beats at 0 and 4 s; then an outage, and a beat again at 20 s.
fn after_an_outage(ask: impl Fn(&ReplicaLease, &dyn Fn(u64) -> Instant) + Send + Sync + Clone + 'static) {
    in_every_order(move || {
        let born = Instant::now();
        let at = move |ms| born + Duration::from_millis(ms);
        let lease = ReplicaLease::new(ReplicaId::new(), 9_000);
        lease.renew(at(0), false);
        lease.renew(at(4_000), true);
        let (asked, ask) = (lease.clone(), ask.clone());
        let asker = thread::spawn(move || ask(&asked, &at));
        lease.renew(at(20_000), true);
        asker.join().unwrap();
    });
}

#[test]
fn whoever_may_act_again_sees_that_the_lease_had_run_out() {
    after_an_outage(|lease, at| {
        if lease.may_act_at(at(21_000)) {
            assert_eq!(lease.lapses(), 1);
        }
    });
}
