//! The chain over the rows of one log: each link is a hash over the link before it and the whole row.
//!
//! What is hashed is written down in `docs/operations/audit.md` for whoever checks an export without this program.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::entry::AuditEntry;
use crate::models::text_enum::text_enum;

text_enum! {
    /// Which log: each database has one.
    pub enum AuditChain {
        /// Accounts and sessions.
        User = "user_psql",
        /// All else, and what was denied.
        Shared = "shared_psql",
    }
}

/// What the first bytes of every link are hashed from: another form of the rows would have another name.
const FORM: &[u8] = b"botberi audit 1\0";

/// A SHA-256, written in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHash(pub [u8; 32]);

/// The end of a chain, or a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// How many links there are up to it.
    pub seq: i64,
    /// The hash of the last of them.
    pub hash: ChainHash,
}

/// What somebody keeps to find a chain again: `user_psql:17:5e88…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditAnchor {
    /// Which chain.
    pub chain: AuditChain,
    /// The place in it.
    pub head: ChainHead,
}

/// A text that is no anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be CHAIN:SEQ:HASH, as in user_psql:17: and 64 hexadecimal digits")]
pub struct InvalidAnchor;

impl ChainHead {
    /// Before the first row.
    pub const EMPTY: Self = Self { seq: 0, hash: ChainHash([0; 32]) };

    /// The link of a row behind this one.
    #[must_use]
    pub fn link(&self, chain: AuditChain, entry: &AuditEntry) -> Self {
        let fields = entry.fields();
        self.link_fields(chain, fields.iter().map(|(_, field)| field.as_deref()))
    }

    /// The same for a row of which only the texts are there.
    #[must_use]
    pub fn link_fields<'a>(&self, chain: AuditChain, fields: impl Iterator<Item = Option<&'a str>>) -> Self {
        let seq = self.seq + 1;
        let mut hasher = Sha256::new();
        hasher.update(FORM);
        hasher.update(self.hash.0);
        add(&mut hasher, Some(chain.as_str()));
        add(&mut hasher, Some(&seq.to_string()));
        for field in fields {
            add(&mut hasher, field);
        }
        Self { seq, hash: ChainHash(hasher.finalize().into()) }
    }
}

/// A field that is missing, and one that is there with its length before it: no two rows give the same bytes.
fn add(hasher: &mut Sha256, field: Option<&str>) {
    match field {
        None => hasher.update([0]),
        Some(text) => {
            hasher.update([1]);
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl FromStr for ChainHash {
    type Err = InvalidAnchor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidAnchor);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(index * 2..index * 2 + 2).ok_or(InvalidAnchor)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_no_digits| InvalidAnchor)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for AuditAnchor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.chain, self.head.seq, self.head.hash)
    }
}

impl FromStr for AuditAnchor {
    type Err = InvalidAnchor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        let (Some(chain), Some(seq), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidAnchor);
        };
        let chain = chain.parse().map_err(|_unknown| InvalidAnchor)?;
        let seq = seq.parse().ok().filter(|seq| *seq >= 0).ok_or(InvalidAnchor)?;
        Ok(Self { chain, head: ChainHead { seq, hash: hash.parse()? } })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::actor::ActorKind;
    use super::super::entry::AuditOutcome;
    use super::*;

    fn an_entry() -> AuditEntry {
        AuditEntry {
            id: Uuid::nil(),
            occurred_at: "2026-11-30T09:00:00.000001Z".parse::<Timestamp>().unwrap(),
            actor_kind: ActorKind::User,
            actor_id: None,
            actor_name: None,
            credential_id: None,
            address: Some("127.0.0.1".to_owned()),
            action: "instance.create".to_owned(),
            target_kind: "instance".to_owned(),
            target_id: Some("x".to_owned()),
            team_id: None,
            outcome: AuditOutcome::Done,
            count: 1,
            request_id: None,
            traceparent: None,
            detail: Some(r#"{"fields" : ["title"]}"#.to_owned()),
        }
    }

    #[test]
    fn a_link_is_what_it_was_when_it_was_first_made() {
        let link = ChainHead::EMPTY.link(AuditChain::Shared, &an_entry());
        assert_eq!(link.seq, 1);
        // Computed with another language's SHA-256, from the description of the form.
        assert_eq!(link.hash.to_string(), "2fe63751581c198272acec881feb088636aa09fba197b0631006bb8ee486fc5a");
    }

    #[test]
    fn an_anchor_reads_back_as_itself_and_nothing_else_is_one() {
        let head = ChainHead::EMPTY.link(AuditChain::User, &an_entry());
        let anchor = AuditAnchor { chain: AuditChain::User, head };
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
        let hash = "0".repeat(64);
        let twisted = "ä".repeat(32);
        for bad in ["", "user_psql", "user_psql:1", &format!("x:1:{hash}"), &format!("user_psql:-1:{hash}")] {
            assert_eq!(bad.parse::<AuditAnchor>(), Err(InvalidAnchor), "{bad}");
        }
        for bad in [&hash[1..], &format!("{hash}0"), twisted.as_str()] {
            assert_eq!(format!("user_psql:1:{bad}").parse::<AuditAnchor>(), Err(InvalidAnchor), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn rows_that_differ_have_other_links(
            target in proptest::option::of("[a-z]{0,3}"),
            request in proptest::option::of("[a-z]{0,3}"),
            other_target in proptest::option::of("[a-z]{0,3}"),
            other_request in proptest::option::of("[a-z]{0,3}"),
        ) {
            let one = AuditEntry { target_id: target, request_id: request, ..an_entry() };
            let other = AuditEntry { target_id: other_target, request_id: other_request, ..an_entry() };
            let link = |entry| ChainHead::EMPTY.link(AuditChain::User, entry);
            prop_assert_eq!(one == other, link(&one) == link(&other));
            prop_assert_ne!(link(&one), ChainHead::EMPTY.link(AuditChain::Shared, &one));
        }
    }
}
