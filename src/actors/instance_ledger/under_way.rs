//! How many statements are under way, for whoever has to wait until there is none.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// A count that can be waited on.
#[derive(Clone, Default)]
pub(super) struct UnderWay {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    count: Cell<usize>,
    one_ended: Notify,
}

/// One statement that is under way, until this is dropped.
pub(super) struct Begun {
    shared: Rc<Shared>,
}

impl UnderWay {
    /// One more.
    pub(super) fn begin(&self) -> Begun {
        self.shared.count.set(self.shared.count.get() + 1);
        Begun { shared: self.shared.clone() }
    }

    /// Waits until there is none.
    pub(super) async fn until_none(&self) {
        loop {
            let one_ended = self.shared.one_ended.notified();
            if self.shared.count.get() == 0 {
                return;
            }
            one_ended.await;
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.shared.count.set(self.shared.count.get() - 1);
        self.shared.one_ended.notify_waiters();
    }
}
