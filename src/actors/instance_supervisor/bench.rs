//! What the work of a supervisor leaves for its actor to see, and the bell that wakes it.

use std::cell::RefCell;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::models::control::Retry;

/// The step that ends with a claim, or without.
pub(super) const CLAIMING: &str = "claiming";

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
        let doing = Doing { step: CLAIMING, since: Timestamp::now(), owner_epoch: None, retry: None };
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

    /// Whether it acts under an earlier epoch than this. One that is claiming is not: the answer that is on its way to it may
    /// be a later claim, which must not be lost.
    pub(super) fn acts_before(&self, owner_epoch: i64) -> bool {
        let doing = self.doing.borrow();
        doing.step != CLAIMING && doing.owner_epoch.is_some_and(|epoch| epoch < owner_epoch)
    }

    pub(super) fn doing(&self) -> Doing {
        self.doing.borrow().clone()
    }
}
