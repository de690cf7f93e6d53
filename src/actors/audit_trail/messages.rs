//! What `AuditTrail` understands. All of it is sent by `http::admin`, for administrators.

use actix::Message;
use uuid::Uuid;

use super::{AuditError, Verification};
use crate::models::audit::{AuditChain, AuditEntry, AuditFilter, ChainHead};
use crate::models::{Page, PageLimit};

/// A row, and which log it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Which log.
    pub chain: AuditChain,
    /// The row.
    pub entry: AuditEntry,
}

/// Asks for a page of both logs, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<AuditRecord>, AuditError>")]
pub struct ListAudit {
    /// Which rows.
    pub filter: AuditFilter,
    /// Where the page before it ended.
    pub before: Option<Uuid>,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Has the next step of a look at both chains taken.
#[derive(Debug, Message)]
#[rtype(result = "Result<Verification, AuditError>")]
pub struct GoOn(pub Verification);

/// How far an export has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportPlace {
    /// In which chain.
    pub chain: AuditChain,
    /// Behind which link.
    pub head: ChainHead,
}

impl ExportPlace {
    /// Before the first link of that chain.
    #[must_use]
    pub const fn begin(chain: AuditChain) -> Self {
        Self { chain, head: ChainHead::EMPTY }
    }
}

/// Asks for the next page of an export of both chains, oldest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<ExportPage, AuditError>")]
pub struct ExportAudit {
    /// Where the page before it ended.
    pub place: ExportPlace,
}

/// A page of an export.
#[derive(Clone, Debug)]
pub struct ExportPage {
    /// Where it began.
    pub place: ExportPlace,
    /// Links with their rows; without one where it is gone.
    pub links: Vec<(ChainHead, Option<AuditEntry>)>,
    /// Where the chain ends, on the page behind its last.
    pub end: Option<ChainHead>,
    /// Where the next page begins; `None` behind the last.
    pub next: Option<ExportPlace>,
}
