//! How the model's users come into the team and go.

use std::time::Duration;

use super::super::{Outcome, What};
use super::Model;

/// Who takes them in and out.
const KEEPER: &str = "kay";

impl Model {
    /// Takes in who is out, and out who is in: first their sessions end. An answer that is lost says nothing.
    pub(super) fn regroup(&mut self, user: &'static str, of: usize) {
        for number in 0..self.followers.len() {
            if self.followers[number].user == user && self.followers[number].session.is_some() {
                self.reconnect(number, 0);
            }
        }
        let member = user.to_owned();
        let what = if self.members.remove(user) {
            What::Leave { member }
        } else {
            self.members.insert(user);
            What::Join { member }
        };
        let outcome = match of % 7 {
            3 => Outcome::Unknown { why: "the answer was lost".to_owned() },
            _ => Outcome::Done { instance: String::new(), revision: None },
        };
        let request = self.request();
        self.call(KEEPER, &request, what, outcome);
        self.now += Duration::from_millis(1);
    }

    pub(super) fn read_shared(&mut self, user: &'static str, which: usize) {
        let instance = &self.instances[which];
        if !instance.is_shared {
            return;
        }
        let is_gone = ["deleted", "gone"].contains(&instance.claim.desired.as_str());
        let id = instance.id.clone();
        let outcome = if is_gone || !self.members.contains(user) {
            Outcome::Refused { status: 404, code: "instance_not_found".to_owned() }
        } else {
            Outcome::Done { instance: id.clone(), revision: Some(instance.claim.revision) }
        };
        let request = self.request();
        self.call(user, &request, What::ReadShared { instance: id }, outcome);
    }
}
