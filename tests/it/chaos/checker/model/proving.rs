//! How the model's users prove who they are: sign-ins that are renewed and ended, and tickets.

use std::time::Duration;

use super::super::{Moment, Outcome, Used, What};
use super::Model;

/// How long what is sent of a sign-in is good.
const LIFE: Duration = Duration::from_secs(1_000);

impl Model {
    /// What that user acts with now.
    pub(super) fn used(&mut self, user: &'static str) -> Used {
        match self.sign_ins.get(user) {
            Some(used) if used.good_until > self.now + Duration::from_secs(1) => used.clone(),
            _ => self.sign_in(user),
        }
    }

    fn sign_in(&mut self, user: &'static str) -> Used {
        let credential = self.request();
        let used = Used { name: credential.clone(), good_until: self.now + LIFE };
        let done = done(&credential);
        let request = self.request();
        self.call_with(None, user, &request, What::Begin { credential }, done);
        self.sign_ins.insert(user, used.clone());
        used
    }

    /// Renews it; now and then with the same token a second time, which ends it.
    pub(super) fn renew(&mut self, user: &'static str, of: usize) {
        let used = Used { good_until: Moment::MAX, ..self.used(user) };
        let credential = used.name.clone();
        let request = self.request();
        let renews = What::Renew { credential: credential.clone() };
        self.call_with(Some(used.clone()), user, &request, renews, done(&credential));
        self.sign_ins.insert(user, Used { name: credential.clone(), good_until: self.now + LIFE });
        if of % 3 == 1 {
            let request = self.request();
            self.call_with(Some(used), user, &request, What::Reuse { credential }, unauthenticated());
            self.sign_ins.remove(user);
        }
    }

    /// Ends it, and comes with it again when that is known everywhere. An answer that is lost says nothing.
    pub(super) fn sign_out(&mut self, user: &'static str, of: usize) {
        let used = self.used(user);
        self.sign_ins.remove(user);
        let credential = used.name.clone();
        let request = self.request();
        let outcome = match of % 4 {
            3 => Outcome::Unknown { why: "the answer was lost".to_owned() },
            _ => done(&credential),
        };
        let is_told = matches!(outcome, Outcome::Done { .. });
        let ends = What::End { credential: credential.clone() };
        self.call_with(Some(used.clone()), user, &request, ends, outcome);
        if is_told {
            self.now += Duration::from_secs(4);
            let request = self.request();
            self.call_with(Some(used), user, &request, What::Trespass { credential }, unauthenticated());
        }
    }

    /// A socket is opened with a ticket, which opens no other.
    pub(super) fn enter(&mut self, user: &'static str, of: usize) {
        let ticket = self.request();
        for (number, outcome) in [done(""), unauthenticated()].into_iter().enumerate().take(1 + of % 2) {
            let request = format!("{ticket}, use {number}");
            let what = What::Enter { ticket: ticket.clone() };
            self.call_with(None, user, &request, what, outcome);
        }
    }
}

fn done(instance: &str) -> Outcome {
    Outcome::Done { instance: instance.to_owned(), revision: None }
}

fn unauthenticated() -> Outcome {
    Outcome::Refused { status: 401, code: "unauthenticated".to_owned() }
}
