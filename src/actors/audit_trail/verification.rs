//! A look at both chains from their beginning, a step at a time: nobody waits for all of it at once, and it holds one page.

use uuid::Uuid;

use crate::models::audit::{AuditAnchor, AuditChain, ChainFault, ChainFaultKind, ChainHead, ChainReport};
use crate::models::store::audit::{self, Link};
use crate::models::store::{Database, SharedDb, StoreError, UserDb};

/// Rows that one step looks at.
const STEP_ROWS: i64 = 1_000;

/// A look that is under way, or over.
#[derive(Clone, Debug)]
pub struct Verification {
    walks: [Walk; 2],
    kept: Vec<AuditAnchor>,
}

/// The way along one chain.
#[derive(Clone, Copy, Debug)]
struct Walk {
    report: ChainReport,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    /// Along the links. What is anchored later than the look began is not asked about: its links may have come later, too.
    Links {
        anchored: Option<ChainHead>,
    },
    /// Through all rows, for those without a link.
    Rows {
        after: Uuid,
    },
    Done,
}

impl Verification {
    /// A look that has not begun, and has to meet these anchors, too.
    #[must_use]
    pub fn new(kept: Vec<AuditAnchor>) -> Self {
        Self::behind(kept, &[])
    }

    /// The same for chains of which the beginning is looked at elsewhere: up to those places, which are taken on trust.
    #[must_use]
    pub fn behind(kept: Vec<AuditAnchor>, places: &[AuditAnchor]) -> Self {
        let walk = |chain| {
            let place = places.iter().find(|place| place.chain == chain);
            let head = place.map_or(ChainHead::EMPTY, |place| place.head);
            Walk { report: ChainReport { head, ..ChainReport::begin(chain) }, stage: Stage::Begin }
        };
        let walks = [AuditChain::User, AuditChain::Shared].map(walk);
        // What is before the place is not met any more.
        let is_ahead = |kept: &AuditAnchor| {
            places.iter().all(|place| place.chain != kept.chain || place.head.seq < kept.head.seq)
        };
        Self { walks, kept: kept.into_iter().filter(is_ahead).collect() }
    }

    /// Whether all was looked at, up to the first fault of each chain.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.walks.iter().all(|walk| walk.stage == Stage::Done)
    }

    /// What it has come to so far.
    #[must_use]
    pub fn reports(&self) -> [ChainReport; 2] {
        self.walks.map(|walk| walk.report)
    }

    /// Looks at the next page.
    ///
    /// # Errors
    /// Only those of the databases themselves; the same step can be taken again.
    pub async fn go_on(&mut self, user_db: &UserDb, shared_db: &SharedDb) -> Result<(), StoreError> {
        let Self { walks: [user, shared], kept } = self;
        if user.stage == Stage::Done {
            shared.go_on(shared_db, user_db, kept).await
        } else {
            user.go_on(user_db, shared_db, kept).await
        }
    }
}

impl Walk {
    async fn go_on<Own, Other>(
        &mut self,
        own: &Database<Own>,
        other: &Database<Other>,
        kept: &[AuditAnchor],
    ) -> Result<(), StoreError> {
        match self.stage {
            Stage::Begin => {
                let anchored = audit::last_anchor(&other.connection().await?).await?;
                self.stage = Stage::Links { anchored };
            }
            Stage::Links { anchored } => {
                let links =
                    audit::list_links(&own.connection().await?, self.report.head.seq, STEP_ROWS).await?;
                if let Some(last) = links.last() {
                    let after = self.report.head.seq;
                    let anchors =
                        audit::list_anchors(&other.connection().await?, after, last.head.seq).await?;
                    self.follow(&links, &anchors, kept);
                } else {
                    self.end_of_links(anchored, kept);
                }
            }
            Stage::Rows { after } => {
                let page = audit::count_unsealed(&own.connection().await?, after, STEP_ROWS).await?;
                self.report.unsealed += page.unsealed;
                self.report.unsealed_oldest_ms = self.report.unsealed_oldest_ms.max(page.oldest_age_ms);
                self.stage = page.last_id.map_or(Stage::Done, |after| Stage::Rows { after });
                if let Some(id) = page.passed_over {
                    self.find(ChainFaultKind::RowPassedOver, None, Some(id));
                }
            }
            Stage::Done => {}
        }
        Ok(())
    }

    /// Along a page of links, up to the first fault.
    fn follow(&mut self, links: &[Link], anchors: &[ChainHead], kept: &[AuditAnchor]) {
        for link in links {
            let head = self.report.head;
            let expected = head.seq + 1;
            let fault = match &link.entry {
                _ if link.head.seq != expected => Some((ChainFaultKind::LinkMissing, expected)),
                _ if link.previous != head.hash => Some((ChainFaultKind::LinkBroken, expected)),
                None => Some((ChainFaultKind::RowMissing, expected)),
                Some(entry) if head.link(self.report.chain, entry) != link.head => {
                    Some((ChainFaultKind::RowChanged, expected))
                }
                Some(_) => None,
            };
            if let Some((kind, seq)) = fault {
                let id = (kind != ChainFaultKind::LinkMissing).then_some(link.audit_id);
                self.find(kind, Some(seq), id);
                return;
            }
            let kept = kept.iter().filter(|kept| kept.chain == self.report.chain).map(|kept| kept.head);
            for anchor in anchors.iter().copied().chain(kept).filter(|anchor| anchor.seq == link.head.seq) {
                if anchor != link.head {
                    self.find(ChainFaultKind::AnchorNotMet, Some(anchor.seq), Some(link.audit_id));
                    return;
                }
                self.report.anchors_met += 1;
            }
            self.report.head = link.head;
            self.report.sealed += 1;
        }
    }

    /// An anchor beyond the end: the end was cut.
    fn end_of_links(&mut self, anchored: Option<ChainHead>, kept: &[AuditAnchor]) {
        let kept = kept.iter().filter(|kept| kept.chain == self.report.chain).map(|kept| kept.head);
        let beyond = anchored.into_iter().chain(kept).filter(|anchor| anchor.seq > self.report.head.seq);
        match beyond.map(|anchor| anchor.seq).min() {
            Some(seq) => self.find(ChainFaultKind::AnchorNotMet, Some(seq), None),
            None => self.stage = Stage::Rows { after: Uuid::nil() },
        }
    }

    fn find(&mut self, kind: ChainFaultKind, seq: Option<i64>, audit_id: Option<Uuid>) {
        self.report.fault = Some(ChainFault { kind, seq, audit_id });
        self.stage = Stage::Done;
    }
}
