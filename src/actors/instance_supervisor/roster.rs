//! What the directory and its supervisors leave for one another, all on one thread.
//!
//! A hint is kept here until it has been looked into, and the message about it only wakes: a supervisor that is between
//! two lives, or just leaving, loses no hint, because the next one to look finds it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::mem;

use tokio::sync::Notify;

use crate::actors::system::Exit;
use crate::models::store::instance_work::Elsewhere;
use crate::models::{Instance, InstanceId};

/// How many of those that left are remembered. Too few, and the echo of their own last write calls them back to read a
/// row that needs nothing; each takes 40 bytes.
const LEFT_MAX: usize = 16_384;

/// How many finds of others' instances wait until the directory has looked at them. What is beyond is dropped: their owners'
/// sweeps find what they should know.
const ELSEWHERE_MAX: usize = 10_000;

/// Shared by one directory and all of its supervisors.
#[derive(Default)]
pub struct Roster {
    /// The newest revision that was heard of and not yet looked into.
    hints: RefCell<HashMap<InstanceId, i64>>,
    /// Rows that were taken for supervisors which are about to begin.
    births: RefCell<HashMap<InstanceId, Birth>>,
    left: RefCell<Left>,
    ended: RefCell<Vec<(InstanceId, Exit)>>,
    one_ended: Notify,
    /// Instances of others, of which there was word here that their owners may not have.
    elsewhere: RefCell<HashMap<InstanceId, Elsewhere>>,
    one_is_elsewhere: Notify,
}

/// What a supervisor begins with.
pub struct Birth {
    /// The row, as it was claimed.
    pub row: Box<Instance>,
    /// How often the replica's lease had run out before it was claimed.
    pub lapses: u64,
}

/// The revisions at which supervisors left, the oldest first.
#[derive(Default)]
struct Left {
    revisions: HashMap<InstanceId, i64>,
    by_age: VecDeque<InstanceId>,
}

impl Roster {
    /// Leaves the word that a row has this revision, unless that is old news.
    pub fn hint(&self, id: InstanceId, revision: i64) {
        let mut hints = self.hints.borrow_mut();
        let newest = hints.entry(id).or_insert(revision);
        *newest = revision.max(*newest);
    }

    /// Whether the supervisor of this instance has left with that revision, or a later one, known.
    pub fn left_with(&self, id: InstanceId, revision: i64) -> bool {
        self.left.borrow().revisions.get(&id).is_some_and(|known| revision <= *known)
    }

    /// Leaves a row that was just taken for the supervisor that will begin with it.
    pub fn bear(&self, birth: Birth) {
        self.births.borrow_mut().insert(birth.row.id, birth);
    }

    /// Waits until a supervisor has ended in a way that somebody has to see to: see [`Roster::ended`].
    pub async fn until_one_ended(&self) {
        self.one_ended.notified().await;
    }

    /// The supervisors that have ended and need something: those that died too often, and those that left while a hint
    /// was on its way to them.
    pub fn ended(&self) -> Vec<(InstanceId, Exit)> {
        mem::take(&mut self.ended.borrow_mut())
    }

    /// A supervisor has ended for good, and why.
    pub fn end(&self, id: InstanceId, exit: Exit) {
        self.births.borrow_mut().remove(&id);
        if exit.is_abnormal() || self.hints.borrow().contains_key(&id) {
            self.ended.borrow_mut().push((id, exit));
            self.one_ended.notify_one();
        }
    }

    /// Waits until an instance was found with another: see [`Roster::elsewhere`].
    pub async fn until_one_is_elsewhere(&self) {
        self.one_is_elsewhere.notified().await;
    }

    /// The instances that were found with others since the last call, and whose owners have not read their rows as they are.
    pub fn elsewhere(&self) -> Vec<Elsewhere> {
        mem::take(&mut *self.elsewhere.borrow_mut()).into_values().collect()
    }

    /// Another living replica has the instance: the supervisor here leaves.
    pub(super) fn find_elsewhere(&self, there: Elsewhere) {
        if there.is_observed() {
            // Echoes of what its owner has written itself cost no further read.
            self.leave(there.id, there.revision);
            return;
        }
        let mut elsewhere = self.elsewhere.borrow_mut();
        if elsewhere.len() < ELSEWHERE_MAX || elsewhere.contains_key(&there.id) {
            elsewhere.insert(there.id, there);
            self.one_is_elsewhere.notify_one();
        }
    }

    /// The row that this supervisor begins with, if one was taken for it.
    pub(super) fn birth(&self, id: InstanceId) -> Option<Birth> {
        self.births.borrow_mut().remove(&id)
    }

    /// Takes the hint for `id`: whoever does this reads the row afterwards.
    pub(super) fn look_into(&self, id: InstanceId) {
        self.hints.borrow_mut().remove(&id);
    }

    /// Whether there is word of a later revision than `known`; older word is forgotten.
    pub(super) fn has_news(&self, id: InstanceId, known: i64) -> bool {
        let mut hints = self.hints.borrow_mut();
        match hints.get(&id) {
            Some(revision) if *revision > known => true,
            Some(_) => {
                hints.remove(&id);
                false
            }
            None => false,
        }
    }

    /// The supervisor of `id` leaves, knowing the row at `revision`.
    pub(super) fn leave(&self, id: InstanceId, revision: i64) {
        let mut left = self.left.borrow_mut();
        if left.revisions.insert(id, revision).is_none() {
            left.by_age.push_back(id);
        }
        if left.by_age.len() > LEFT_MAX
            && let Some(oldest) = left.by_age.pop_front()
        {
            left.revisions.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_news_only_beyond_what_is_known() {
        let (roster, id) = (Roster::default(), InstanceId::new());
        roster.hint(id, 3);
        roster.hint(id, 2);
        assert!(roster.has_news(id, 2));
        assert!(!roster.has_news(id, 3));
        assert!(roster.hints.borrow().is_empty());
    }

    #[test]
    fn a_hint_to_one_that_is_leaving_calls_for_another() {
        let (roster, id) = (Roster::default(), InstanceId::new());
        roster.leave(id, 4);
        assert!(roster.left_with(id, 4));
        assert!(!roster.left_with(id, 5));
        roster.hint(id, 5);
        roster.end(id, Exit::Normal);
        assert_eq!(roster.ended(), [(id, Exit::Normal)]);
        roster.end(InstanceId::new(), Exit::Normal);
        assert!(roster.ended().is_empty());
    }

    #[test]
    fn those_who_left_long_ago_are_forgotten() {
        let roster = Roster::default();
        let first = InstanceId::new();
        roster.leave(first, 1);
        for _ in 0..LEFT_MAX {
            roster.leave(InstanceId::new(), 1);
        }
        assert!(!roster.left_with(first, 1));
        assert_eq!(roster.left.borrow().revisions.len(), LEFT_MAX);
    }
}
