//! How long a statement is waited for, and what becomes of a connection whose statement was given up.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::error::StoreError;

/// One connection's.
#[derive(Debug)]
pub(super) struct Patience {
    within: Duration,
    is_lost: AtomicBool,
}

/// A statement that is under way. Dropped before its answer came, it spoils the connection.
struct UnderWay<'a> {
    patience: &'a Patience,
    is_answered: bool,
}

impl Patience {
    pub(super) const fn new(within: Duration) -> Self {
        Self { within, is_lost: AtomicBool::new(false) }
    }

    /// The outcome of a statement, within the limit.
    pub(super) async fn wait<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let mut under_way = UnderWay { patience: self, is_answered: false };
        let answered = timeout(self.within, statement).await;
        let answer = answered.map_err(|_elapsed| StoreError::Silent(self.within))?;
        under_way.is_answered = true;
        Ok(answer?)
    }

    /// Whether an answer may still come that nobody waits for.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.patience.is_lost.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn an_answer_leaves_a_connection_good_and_silence_does_not() {
        let patience = Patience::new(Duration::from_millis(1));
        assert!(patience.wait(ready(Ok(7))).await.is_ok());
        assert!(!patience.is_lost());
        let silent = patience.wait(pending::<Result<(), tokio_postgres::Error>>()).await;
        assert!(matches!(silent, Err(StoreError::Silent(_))));
        assert!(patience.is_lost());
    }

    #[tokio::test]
    async fn a_statement_that_nobody_waits_for_any_more_spoils_its_connection() {
        let patience = Patience::new(Duration::from_secs(60));
        let given_up = patience.wait(pending::<Result<(), tokio_postgres::Error>>());
        assert!(timeout(Duration::from_millis(1), given_up).await.is_err());
        assert!(patience.is_lost());
    }
}
