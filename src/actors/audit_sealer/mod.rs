//! Chains the rows of one of the two audit logs, and anchors the chain in the other database.
//!
//! - **Owns:** nothing but the rhythm: a look four times a second.
//! - **Receives:** no messages.
//! - **Sends:** nothing.
//! - **Invariant:** every committed row gets exactly one link, in whatever order rows are committed, and no link has a gap before it.
//! - **On failure:** holds nothing. Every replica tries; a transaction's lock lets one seal at a time, and goes with the transaction of
//!   a replica that was frozen. What is not sealed then is found by the next look.
//!
//! An outage is logged and counted, and not shown as a part that is unwell: whoever serves requests beside it can, and where all
//! replicas fail at the same row, `/readyz` would take all of them away.

mod sealing;

pub use sealing::{Round, anchor, seal_some};

use std::convert::Infallible;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, WrapFuture};
use tokio::time::{Instant, sleep};

use super::system::{Backoff, Lifeline};
use crate::models::audit::{AuditChain, ChainHead};
use crate::models::store::{Database, SharedSide, StoreError, UserSide, audit};

/// How long a row waits for its link at most, but for the link's own transaction.
const LOOK: Duration = Duration::from_millis(250);

/// How long the end of the chain is unanchored. Shorter makes more rows that are kept for ever.
const ANCHORED_WITHIN: Duration = Duration::from_secs(30);

/// How long it may fail until people should look: an outage that ends by itself is over, or is told by others.
const TROUBLE_AFTER: Duration = Duration::from_secs(30);

/// The pauses after a database was lost.
const LOST: Backoff = Backoff { min: Duration::from_millis(250), max: Duration::from_secs(5) };

/// The actor, for the log in the database `Own`; `Other` is the one that holds its anchors.
pub struct AuditSealer<Own: 'static, Other: 'static> {
    chain: AuditChain,
    own: Database<Own>,
    other: Database<Other>,
    lifeline: Lifeline,
}

impl AuditSealer<UserSide, SharedSide> {
    /// The name of its handle.
    pub const NAME: &'static str = "user_audit_sealer";
}

impl AuditSealer<SharedSide, UserSide> {
    /// The name of its handle.
    pub const NAME: &'static str = "shared_audit_sealer";
}

impl<Own, Other> AuditSealer<Own, Other> {
    /// One that has not looked yet.
    #[must_use]
    pub const fn new(
        chain: AuditChain,
        own: Database<Own>,
        other: Database<Other>,
        lifeline: Lifeline,
    ) -> Self {
        Self { chain, own, other, lifeline }
    }
}

impl<Own: Unpin, Other: Unpin> Actor for AuditSealer<Own, Other> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let works = Works { chain: self.chain, own: self.own.clone(), other: self.other.clone() };
        // Ends with the context: a transaction that is dropped is rolled back.
        context.spawn(works.for_ever().into_actor(self));
        self.lifeline.ready();
    }
}

struct Works<Own, Other> {
    chain: AuditChain,
    own: Database<Own>,
    other: Database<Other>,
}

impl<Own, Other> Works<Own, Other> {
    async fn for_ever(self) {
        let (chain, mut failures, mut well_at) = (self.chain.as_str(), 0, Instant::now());
        loop {
            let Err(error) = self.seal(&mut failures, &mut well_at).await;
            failures += 1;
            let pause = LOST.pause_now(failures);
            metrics::counter!("botberi_audit_seal_failures_total", "chain" => chain).increment(1);
            let silence = well_at.elapsed();
            if silence < TROUBLE_AFTER {
                tracing::warn!(chain, %error, ?pause, "the audit log is not sealed for now");
            } else {
                tracing::error!(chain, %error, "the audit log has not been sealed for {} s", silence.as_secs());
            }
            sleep(pause).await;
        }
    }

    async fn seal(&self, failures: &mut u32, well_at: &mut Instant) -> Result<Infallible, StoreError> {
        let mut due = Instant::now();
        loop {
            let round = seal_some(&self.own, self.chain).await?;
            (*failures, *well_at) = (0, Instant::now());
            if let Round::Sealed { rows, .. } = round {
                metrics::counter!("botberi_audit_sealed_total", "chain" => self.chain.as_str())
                    .increment(rows);
            }
            if Instant::now() >= due {
                // The other database may be away: this chain is sealed all the same.
                if let Err(error) = self.anchor().await {
                    let chain = self.chain.as_str();
                    metrics::counter!("botberi_audit_anchor_failures_total", "chain" => chain).increment(1);
                    tracing::warn!(chain, %error, "the end of the audit log is not anchored for now");
                }
                due = Instant::now() + ANCHORED_WITHIN;
            }
            if !matches!(round, Round::Sealed { is_more: true, .. }) {
                sleep(LOOK).await;
            }
        }
    }

    /// Keeps the end of the chain, whoever has sealed it, in the other database.
    async fn anchor(&self) -> Result<(), StoreError> {
        let anchored = audit::last_anchor(&self.other.connection().await?).await?;
        let head = audit::head(&self.own.connection().await?).await?;
        self.compare(anchored, head);
        if anchored.is_none_or(|anchored| anchored.seq < head.seq) && head.seq > 0 {
            anchor(&self.other, head).await?;
        }
        Ok(())
    }

    /// A chain that is shorter than it was is nothing that we could put right: people must look.
    fn compare(&self, anchored: Option<ChainHead>, head: ChainHead) {
        if let Some(anchored) = anchored.filter(|anchored| anchored.seq > head.seq) {
            let chain = self.chain.as_str();
            tracing::error!(
                chain,
                anchored = anchored.seq,
                head = head.seq,
                "the end of the audit log is gone: run `botberi audit verify`"
            );
        }
    }
}
