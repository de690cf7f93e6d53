//! Whose turn it is to read the log, and to hold what was read.
//!
//! There are so many turns and no more, which bounds the memory of all resumes together. A turn does not wait for a peer:
//! what was lent is taken back after a while (`shelf.rs`), and whoever let it come to that shares a part of the turns
//! with others of the kind from then on. So peers that do not read cannot keep those waiting that do.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One in so many turns is the most that slow peers have together.
const SLOW_SHARE: usize = 4;

/// The turns of one replica. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    of_slow: Arc<Semaphore>,
}

/// One turn; it ends when this is dropped.
#[derive(Debug)]
pub struct Turn {
    _of_slow: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new(turns_max: usize) -> Self {
        let of_slow = (turns_max / SLOW_SHARE).max(1);
        Self { all: Arc::new(Semaphore::new(turns_max)), of_slow: Arc::new(Semaphore::new(of_slow)) }
    }

    /// Waits for a turn, in the order of asking. Whoever waits must be polled, or it keeps a turn that it does not use.
    pub(super) async fn take(&self, is_slow: bool) -> Option<Turn> {
        // Nobody closes the semaphores, so there always is an answer.
        let of_slow = if is_slow { Some(self.of_slow.clone().acquire_owned().await.ok()?) } else { None };
        let of_all = self.all.clone().acquire_owned().await.ok()?;
        Some(Turn { _of_slow: of_slow, _of_all: of_all })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn slow_ones_never_have_more_than_their_share() {
        let turns = Turns::new(8);
        let slow: Vec<Turn> = (0..3).filter_map(|_| turns.take(true).now_or_never().flatten()).collect();
        assert_eq!(slow.len(), 2);
        let quick: Vec<Turn> = (0..9).filter_map(|_| turns.take(false).now_or_never().flatten()).collect();
        assert_eq!(quick.len(), 6);
        drop(slow);
        assert!(turns.take(false).now_or_never().is_some());
    }

    #[test]
    fn a_single_turn_is_one_for_everybody() {
        let turns = Turns::new(1);
        let one = turns.take(true).now_or_never().flatten();
        assert!(one.is_some() && turns.take(false).now_or_never().is_none());
        drop(one);
        assert!(turns.take(false).now_or_never().is_some());
    }
}
