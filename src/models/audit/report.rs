//! What a look at a whole chain comes to.

use std::fmt;

use uuid::Uuid;

use super::chain::{AuditChain, ChainHead};
use crate::models::text_enum::text_enum;

text_enum! {
    /// What is wrong with a chain.
    pub enum ChainFaultKind {
        /// A row is not what was sealed.
        RowChanged = "row_changed",
        /// A row that was sealed is gone.
        RowMissing = "row_missing",
        /// A link does not say what the one before it was.
        LinkBroken = "link_broken",
        /// A link is gone.
        LinkMissing = "link_missing",
        /// The chain is, or was, another one where it was anchored; or it ends before that.
        AnchorNotMet = "anchor_not_met",
        /// A row that is not in the chain, though the sealer has passed it: it was written by force, or its link was taken away.
        RowPassedOver = "row_passed_over",
    }
}

/// The first thing that is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainFault {
    /// What.
    pub kind: ChainFaultKind,
    /// At which link; `None` for a row that has none.
    pub seq: Option<i64>,
    /// Which row, where that is known.
    pub audit_id: Option<Uuid>,
}

impl fmt::Display for ChainFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind)?;
        self.seq.map_or(Ok(()), |seq| write!(formatter, " at {seq}"))?;
        self.audit_id.map_or(Ok(()), |id| write!(formatter, ", row {id}"))
    }
}

/// What a look at one chain came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Which.
    pub chain: AuditChain,
    /// How many links are good, from the first on.
    pub sealed: i64,
    /// The last link that is good: what to keep elsewhere.
    pub head: ChainHead,
    /// How many anchors it has met.
    pub anchors_met: i64,
    /// Rows that are not sealed yet.
    pub unsealed: i64,
    /// How long the oldest of them has waited.
    pub unsealed_oldest_ms: Option<i64>,
    /// What is wrong first, if anything is.
    pub fault: Option<ChainFault>,
}

impl ChainReport {
    /// Before the first look.
    #[must_use]
    pub const fn begin(chain: AuditChain) -> Self {
        Self {
            chain,
            sealed: 0,
            head: ChainHead::EMPTY,
            anchors_met: 0,
            unsealed: 0,
            unsealed_oldest_ms: None,
            fault: None,
        }
    }
}
