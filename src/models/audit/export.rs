//! The audit log as lines of JSON, which can be checked by themselves.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use thiserror::Error;

use super::chain::{AuditAnchor, AuditChain, ChainHash, ChainHead};
use super::entry::AuditEntry;

/// A row with its place in the chain. Every field is the very text that the hash is over, or null.
#[derive(Debug)]
pub struct ExportedRow<'a> {
    /// Which chain.
    pub chain: AuditChain,
    /// Its link.
    pub head: ChainHead,
    /// The row; `None` if it is gone.
    pub entry: Option<&'a AuditEntry>,
}

/// The last line of a chain: where it ended, so that a part of an export is not taken for the whole.
#[derive(Debug)]
pub struct ExportedEnd(pub AuditAnchor);

impl Serialize for ExportedRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("chain", self.chain.as_str())?;
        map.serialize_entry("seq", &self.head.seq)?;
        map.serialize_entry("hash", &self.head.hash.to_string())?;
        for (name, field) in self.entry.iter().flat_map(|entry| entry.fields()) {
            map.serialize_entry(name, &field)?;
        }
        map.end()
    }
}

impl Serialize for ExportedEnd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("chain", self.0.chain.as_str())?;
        map.serialize_entry("anchor", &self.0.to_string())?;
        map.end()
    }
}

/// What is wrong with an export.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExportFault {
    /// A line is none of ours.
    #[error("line {0} is no line of an export")]
    Unreadable(usize),
    /// A row is not what was sealed, or does not follow from the one before it.
    #[error("line {line}: {chain} is broken at {seq}")]
    Broken {
        /// Which line.
        line: usize,
        /// Which chain.
        chain: AuditChain,
        /// Which link.
        seq: i64,
    },
    /// It is not what somebody kept the anchor of.
    #[error("{0} is not met")]
    AnchorNotMet(AuditAnchor),
    /// It is over before a chain is.
    #[error("the end of {0} is missing")]
    Unended(AuditChain),
}

/// A look at an export, line by line.
#[derive(Debug)]
pub struct ExportCheck {
    lines: usize,
    chains: [(AuditChain, ChainHead, bool); 2],
    kept: Vec<AuditAnchor>,
}

impl ExportCheck {
    /// A look that has to meet these anchors, too.
    #[must_use]
    pub fn new(kept: Vec<AuditAnchor>) -> Self {
        Self {
            kept,
            lines: 0,
            chains: [AuditChain::User, AuditChain::Shared].map(|chain| (chain, ChainHead::EMPTY, false)),
        }
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// The first fault.
    pub fn take(&mut self, line: &str) -> Result<(), ExportFault> {
        self.lines += 1;
        let line_number = self.lines;
        let unreadable = || ExportFault::Unreadable(line_number);
        let fields: Map<String, Value> = serde_json::from_str(line).map_err(|_no_json| unreadable())?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let chain: AuditChain = text("chain").and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
        let place = self.chains.iter_mut().find(|(known, ..)| *known == chain).ok_or_else(unreadable)?;
        let (_, head, is_over) = place;
        let broken = |seq| ExportFault::Broken { line: line_number, chain, seq };
        if let Some(anchor) = text("anchor") {
            let anchor: AuditAnchor = anchor.parse().map_err(|_no_anchor| unreadable())?;
            *is_over = true;
            return if anchor.head == *head { Ok(()) } else { Err(broken(anchor.head.seq)) };
        }
        let hash: ChainHash = text("hash").and_then(|hash| hash.parse().ok()).ok_or_else(unreadable)?;
        let next = head.link_fields(chain, AuditEntry::FIELDS.iter().map(|name| text(name)));
        if fields.get("seq").and_then(Value::as_i64) != Some(next.seq) || next.hash != hash || *is_over {
            return Err(broken(next.seq));
        }
        *head = next;
        let is_there = |kept: &&AuditAnchor| kept.chain == chain && kept.head.seq == next.seq;
        match self.kept.iter().filter(is_there).find(|kept| kept.head != next) {
            Some(kept) => Err(ExportFault::AnchorNotMet(*kept)),
            None => Ok(()),
        }
    }

    /// Where both chains ended.
    ///
    /// # Errors
    /// [`ExportFault::Unended`] when a part of the export is missing.
    pub fn finish(self) -> Result<[AuditAnchor; 2], ExportFault> {
        for (chain, head, is_over) in self.chains {
            if !is_over {
                return Err(ExportFault::Unended(chain));
            }
            let is_beyond = |kept: &&AuditAnchor| kept.chain == chain && kept.head.seq > head.seq;
            if let Some(kept) = self.kept.iter().find(is_beyond) {
                return Err(ExportFault::AnchorNotMet(*kept));
            }
        }
        Ok(self.chains.map(|(chain, head, _)| AuditAnchor { chain, head }))
    }
}
