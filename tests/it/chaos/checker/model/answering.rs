//! What the model's users are told, and what its audit log says of that.

use std::time::Duration;

use super::super::{Audited, Call, Outcome, Used, What, Wish};
use super::Model;

impl Model {
    pub(super) fn call(&mut self, user: &'static str, request: &str, what: What, outcome: Outcome) {
        let used = self.used(user);
        self.call_with(Some(used), user, request, what, outcome);
    }

    pub(super) fn call_with(
        &mut self,
        used: Option<Used>,
        user: &str,
        request: &str,
        what: What,
        outcome: Outcome,
    ) {
        let is_audited = matches!(
            what,
            What::Begin { .. }
                | What::End { .. }
                | What::Reuse { .. }
                | What::Join { .. }
                | What::Leave { .. }
        );
        if is_audited && !matches!(outcome, Outcome::Refused { status: 503, .. }) {
            self.history.audited_accounts.push(request.to_owned());
        }
        let sent = self.now;
        self.now += Duration::from_millis(10);
        let (request, by) = (request.to_owned(), format!("user {user}"));
        let is_direct = self.history.faults.last().is_some_and(|fault| fault.hits_one);
        self.history.calls.push(Call { request, by, used, what, sent, done: self.now, outcome, is_direct });
    }

    pub(super) fn audit(&mut self, user: &str, action: &str, instance: &str, request: &str) {
        self.history.audited.push(Audited {
            request: Some(request.to_owned()),
            by: format!("user {user}"),
            action: action.to_owned(),
            instance: instance.to_owned(),
        });
    }
}

pub(super) fn action_of(wish: Wish) -> &'static str {
    match wish {
        Wish::Start => "instance.start",
        Wish::Stop => "instance.stop",
        Wish::Retitle => "instance.change",
        Wish::Delete => "instance.delete",
    }
}
