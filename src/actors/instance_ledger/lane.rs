//! Asks of one kind that wait for the same statement.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::LedgerError;
use crate::models::store::StoreError;

/// How long a statement may take before its lane goes on without it. Postgres itself cancels slow statements earlier; this
/// is for a connection on which nothing comes back.
const STATEMENT_WITHIN: Duration = Duration::from_secs(12);

/// One ask, and where its answer goes.
pub(super) struct Waiting<Q, A> {
    ask: Q,
    answer: oneshot::Sender<Result<A, LedgerError>>,
}

/// The asks that have arrived while a statement was under way. Bounded by the ledger's handle: nothing gets here that is
/// not counted there.
pub(super) struct Lane<Q, A> {
    waiting: VecDeque<Waiting<Q, A>>,
    /// Statements under way.
    pub(super) under_way: usize,
}

impl<Q, A> Default for Lane<Q, A> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), under_way: 0 }
    }
}

impl<Q, A> Lane<Q, A> {
    /// Joins the next statement.
    pub(super) fn join(&mut self, ask: Q) -> oneshot::Receiver<Result<A, LedgerError>> {
        let (answer, answered) = oneshot::channel();
        self.waiting.push_back(Waiting { ask, answer });
        answered
    }

    /// What the next statement takes along: the oldest, without those that nobody waits for any more.
    pub(super) fn next_batch(&mut self, rows_max: usize) -> Vec<Waiting<Q, A>> {
        let mut batch = Vec::with_capacity(self.waiting.len().min(rows_max));
        while batch.len() < rows_max
            && let Some(waiting) = self.waiting.pop_front()
        {
            if !waiting.answer.is_closed() {
                batch.push(waiting);
            }
        }
        batch
    }

    /// True when nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Answers all that waits with [`LedgerError::Closing`].
    pub(super) fn close(&mut self) {
        for waiting in self.waiting.drain(..) {
            reply(waiting, Err(LedgerError::Closing));
        }
    }
}

/// What a statement says of one row.
pub(super) type Answered<A> = Result<A, LedgerError>;

/// Runs one statement for all of a batch and answers each. One that cannot be written must not take its neighbours down,
/// so after a failure that may be one row's own they are written one by one.
///
/// `Err` says what Postgres was, where it was the trouble.
pub(super) async fn write<Q: Clone, A>(
    batch: Vec<Waiting<Q, A>>,
    statement: impl AsyncFn(Vec<Q>) -> Result<Vec<Answered<A>>, StoreError>,
) -> Result<(), String> {
    let asks: Vec<Q> = batch.iter().map(|waiting| waiting.ask.clone()).collect();
    let error = match in_time(statement(asks)).await {
        Ok(answers) => {
            for (waiting, answer) in batch.into_iter().zip(answers) {
                reply(waiting, answer);
            }
            return Ok(());
        }
        Err(error) => LedgerError::of(&error),
    };
    if matches!(error, LedgerError::Refused(_)) && batch.len() > 1 {
        return write_singly(batch, statement).await;
    }
    let trouble = trouble(&error);
    for waiting in batch {
        reply(waiting, Err(error.clone()));
    }
    trouble
}

async fn write_singly<Q: Clone, A>(
    batch: Vec<Waiting<Q, A>>,
    statement: impl AsyncFn(Vec<Q>) -> Result<Vec<Answered<A>>, StoreError>,
) -> Result<(), String> {
    let mut all = Ok(());
    for waiting in batch {
        let answer = match in_time(statement(vec![waiting.ask.clone()])).await {
            Ok(answers) => answers.into_iter().next().unwrap_or_else(|| {
                Err(LedgerError::Refused("a statement did not answer for its row".to_owned()))
            }),
            Err(error) => Err(LedgerError::of(&error)),
        };
        if let Err(error) = &answer {
            all = all.and(trouble(error));
        }
        reply(waiting, answer);
    }
    all
}

async fn in_time<T>(statement: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let reason = || format!("no answer to a statement within {STATEMENT_WITHIN:?}");
    timeout(STATEMENT_WITHIN, statement)
        .await
        .unwrap_or_else(|_elapsed| Err(StoreError::Unavailable { reason: reason() }))
}

fn trouble(error: &LedgerError) -> Result<(), String> {
    match error {
        LedgerError::Unavailable(reason) => Err(reason.clone()),
        LedgerError::Refused(reason) => {
            tracing::error!(reason, "a write to an instance was refused");
            Ok(())
        }
        LedgerError::Locked | LedgerError::Closing => Ok(()),
    }
}

/// An asker that has gone away has no use for the answer.
fn reply<Q, A>(waiting: Waiting<Q, A>, answer: Result<A, LedgerError>) {
    let _gone = waiting.answer.send(answer);
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn refuse_thirteen(asks: &[i32]) -> Result<Vec<Answered<i32>>, StoreError> {
        if asks.contains(&13) {
            return Err(StoreError::Invalid { message: "13".to_owned() });
        }
        Ok(asks.iter().map(|ask| Ok(ask * 2)).collect())
    }

    #[tokio::test]
    async fn one_bad_row_fails_alone() {
        let mut lane = Lane::default();
        let mut answers: Vec<_> = [1, 13, 3].into_iter().map(|ask| lane.join(ask)).collect();
        let statements = RefCell::new(Vec::new());
        let outcome = write(lane.next_batch(10), async |asks| {
            statements.borrow_mut().push(asks.len());
            refuse_thirteen(&asks)
        })
        .await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(*statements.borrow(), [3, 1, 1, 1]);
        assert_eq!(answers.remove(0).await.unwrap().unwrap(), 2);
        assert!(matches!(answers.remove(0).await.unwrap(), Err(LedgerError::Refused(_))));
        assert_eq!(answers.remove(0).await.unwrap().unwrap(), 6);
    }

    #[tokio::test]
    async fn an_outage_is_told_to_all_and_tried_only_once() {
        let mut lane: Lane<i32, i32> = Lane::default();
        let answers: Vec<_> = [1, 2].into_iter().map(|ask| lane.join(ask)).collect();
        let statements = RefCell::new(0);
        let outcome = write(lane.next_batch(10), async |_asks| {
            *statements.borrow_mut() += 1;
            Err(StoreError::Unavailable { reason: "away".to_owned() })
        })
        .await;
        assert!(outcome.unwrap_err().contains("away"));
        assert_eq!(*statements.borrow(), 1);
        for answer in answers {
            assert!(matches!(answer.await.unwrap(), Err(LedgerError::Unavailable(_))));
        }
    }

    #[tokio::test]
    async fn those_whose_asker_has_gone_are_not_written() {
        let mut lane: Lane<i32, i32> = Lane::default();
        drop(lane.join(1));
        let _waits = lane.join(2);
        assert_eq!(lane.next_batch(10).len(), 1);
        assert!(lane.is_empty());
    }
}
