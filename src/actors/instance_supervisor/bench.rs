//! What the work of a supervisor leaves for its actor to see, and the bell that wakes it.

use std::cell::RefCell;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::models::control::Retry;

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doing {
    /// In one word.
    pub step: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// Under which epoch; `None` as long as it has not claimed the row.
    pub owner_epoch: Option<i64>,
    /// What did not work, as long as that is so.
    pub retry: Option<Retry>,
}

/// Shared by the actor and its work, while there is work.
pub(super) struct Bench {
    /// Rung when there is word of the instance.
    pub(super) word: Notify,
    doing: RefCell<Doing>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let doing = Doing { step: "claiming", since: Timestamp::now(), owner_epoch: None, retry: None };
        Self { word: Notify::new(), doing: RefCell::new(doing) }
    }

    /// From now on it does this.
    pub(super) fn turn_to(&self, step: &'static str) {
        let mut doing = self.doing.borrow_mut();
        if doing.step != step {
            doing.step = step;
            doing.since = Timestamp::now();
        }
    }

    /// It acts under this epoch.
    pub(super) fn claimed(&self, owner_epoch: i64) {
        self.doing.borrow_mut().owner_epoch = Some(owner_epoch);
    }

    /// It did not work, the so-many-th time.
    pub(super) fn failed(&self, failures: u32, error: String) {
        self.doing.borrow_mut().retry = Some(Retry { failures, error });
    }

    /// It worked.
    pub(super) fn succeeded(&self) {
        self.doing.borrow_mut().retry = None;
    }

    pub(super) fn doing(&self) -> Doing {
        self.doing.borrow().clone()
    }
}
