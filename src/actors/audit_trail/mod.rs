//! The audit logs, as administrators look at them.
//!
//! - **Owns:** nothing but its ways to both databases.
//! - **Receives:** the messages of `messages.rs` from `http::admin`.
//! - **Sends:** nothing.
//! - **Invariant:** it reads, and only reads; whatever is large comes a page at a time.
//! - **On failure:** keeps no state, so a rebuild loses nothing: whoever asks page by page holds the place.

mod error;
mod messages;
mod verification;

pub use error::AuditError;
pub use messages::{AuditRecord, ExportAudit, ExportPage, ExportPlace, GoOn, ListAudit};
pub use verification::Verification;

use actix::{Actor, Context, Handler};

use super::system::{Answer, Lifeline};
use crate::models::audit::{AuditChain, AuditEntry, ChainHead};
use crate::models::store::audit::{self, Link};
use crate::models::store::{SharedDb, UserDb};
use crate::models::{Cursor, Page};

/// Rows in one page of an export.
const EXPORT_ROWS: i64 = 500;

/// The actor. All of its answers overlap: the pools are the bound.
pub struct AuditTrail {
    user_db: UserDb,
    shared_db: SharedDb,
    lifeline: Lifeline,
}

impl AuditTrail {
    /// The name of its handle.
    pub const NAME: &'static str = "audit_trail";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub const fn new(user_db: UserDb, shared_db: SharedDb, lifeline: Lifeline) -> Self {
        Self { user_db, shared_db, lifeline }
    }
}

impl Actor for AuditTrail {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.lifeline.ready();
    }
}

impl Handler<ListAudit> for AuditTrail {
    type Result = Answer<Result<Page<AuditRecord>, AuditError>>;

    fn handle(&mut self, question: ListAudit, _context: &mut Self::Context) -> Self::Result {
        let (user_db, shared_db) = (self.user_db.clone(), self.shared_db.clone());
        self.lifeline.answer(async move {
            let ListAudit { filter, before, limit } = question;
            let of = |chain| move |entry: AuditEntry| AuditRecord { chain, entry };
            let user = audit::list(&user_db.connection().await?, &filter, before, limit).await?;
            let shared = audit::list(&shared_db.connection().await?, &filter, before, limit).await?;
            let user = user.into_iter().map(of(AuditChain::User));
            let mut all: Vec<AuditRecord> =
                user.chain(shared.into_iter().map(of(AuditChain::Shared))).collect();
            all.sort_by_key(|record| std::cmp::Reverse(record.entry.id));
            Ok(Page::cut(all, limit, |record| Cursor::Uuid(record.entry.id)))
        })
    }
}

impl Handler<GoOn> for AuditTrail {
    type Result = Answer<Result<Verification, AuditError>>;

    fn handle(&mut self, GoOn(mut verification): GoOn, _context: &mut Self::Context) -> Self::Result {
        let (user_db, shared_db) = (self.user_db.clone(), self.shared_db.clone());
        self.lifeline.answer(async move {
            verification.go_on(&user_db, &shared_db).await?;
            Ok(verification)
        })
    }
}

impl Handler<ExportAudit> for AuditTrail {
    type Result = Answer<Result<ExportPage, AuditError>>;

    fn handle(&mut self, ExportAudit { place }: ExportAudit, _context: &mut Self::Context) -> Self::Result {
        let (user_db, shared_db) = (self.user_db.clone(), self.shared_db.clone());
        self.lifeline.answer(async move {
            let ExportPlace { chain, head } = place;
            let links = match chain {
                AuditChain::User => {
                    audit::list_links(&user_db.connection().await?, head.seq, EXPORT_ROWS).await?
                }
                AuditChain::Shared => {
                    audit::list_links(&shared_db.connection().await?, head.seq, EXPORT_ROWS).await?
                }
            };
            Ok(exported(place, links))
        })
    }
}

/// A page of links, or the end of the chain and the place where the next begins.
fn exported(place: ExportPlace, links: Vec<Link>) -> ExportPage {
    let Some(last) = links.last() else {
        let next = (place.chain == AuditChain::User).then_some(ExportPlace::begin(AuditChain::Shared));
        return ExportPage { place, links: Vec::new(), end: Some(place.head), next };
    };
    let head: ChainHead = last.head;
    let next = Some(ExportPlace { head, ..place });
    let links = links.into_iter().map(|link| (link.head, link.entry)).collect();
    ExportPage { place, links, end: None, next }
}
