//! Where a change came from: the request that it followed from, the trace that the request belongs to, and who made it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use super::audit::Actor;
use super::ids::{SessionId, UserId};

/// The request that something followed from; empty for what followed from none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The name of the request, by which a caller's report, our log lines and our events find each other.
    pub request_id: Option<String>,
    /// The caller's place in a trace. We make none of our own: a parent that nobody recorded would be a riddle.
    pub traceparent: Option<Traceparent>,
    /// Who made it; `None` is nobody, and what is read back from rows and messages, which do not say.
    pub actor: Option<Arc<Actor>>,
}

impl Origin {
    /// An origin as it was written down: whatever is no traceparent is left out, as the specification says.
    #[must_use]
    pub fn read(request_id: Option<String>, traceparent: Option<&str>) -> Self {
        Self { request_id, traceparent: traceparent.and_then(|text| text.parse().ok()), actor: None }
    }

    /// What a command does.
    #[must_use]
    pub fn of_command(account: &str) -> Self {
        Self::default().by(Actor::command(account))
    }

    /// The same, done by that one.
    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { actor: Some(Arc::new(actor)), ..self }
    }

    /// The same, done by somebody who has just proved who they are, from wherever the request came.
    #[must_use]
    pub fn by_user(self, id: UserId, session: Option<SessionId>) -> Self {
        let address = self.actor.as_ref().and_then(|actor| actor.address);
        self.by(Actor::user(id, session, address))
    }

    /// The traceparent as it is written in rows and headers.
    #[must_use]
    pub fn traceparent_text(&self) -> Option<String> {
        self.traceparent.map(|traceparent| traceparent.to_string())
    }

    /// The trace as log lines name it; empty without one.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.traceparent.map(|traceparent| format!("{:032x}", traceparent.trace_id)).unwrap_or_default()
    }
}

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a W3C traceparent")]
pub struct InvalidTraceparent;

/// A position in a trace, as the W3C's Trace Context (level 1) writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traceparent {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
}

/// Of version 00, and what a later version must begin with.
const LENGTH: usize = 55;

/// The only flag that this version knows; those of a later version are not passed on under ours.
const SAMPLED: u8 = 1;

impl FromStr for Traceparent {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let digits = |from: usize, to: usize| {
            let part = bytes.get(from..to).and_then(|part| str::from_utf8(part).ok())?;
            part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(part)
        };
        let number = |from, to| digits(from, to).and_then(|part| u128::from_str_radix(part, 16).ok());
        let parts = (number(0, 2), number(3, 35), number(36, 52), number(53, 55));
        let (Some(version), Some(trace_id), Some(parent_id), Some(flags)) = parts else {
            return Err(InvalidTraceparent);
        };
        let is_parted = [2, 35, 52].iter().all(|place| bytes.get(*place) == Some(&b'-'));
        // A later version may say more, after another hyphen.
        let ends_well = match (version, bytes.get(LENGTH)) {
            (_, None) => true,
            (0, Some(_)) => false,
            (_, Some(next)) => *next == b'-',
        };
        if version == 0xff || trace_id == 0 || parent_id == 0 || !is_parted || !ends_well {
            return Err(InvalidTraceparent);
        }
        let parent_id = u64::try_from(parent_id).map_err(|_too_long| InvalidTraceparent)?;
        let flags = u8::try_from(flags).map_err(|_too_long| InvalidTraceparent)?;
        let flags = if version == 0 { flags } else { flags & SAMPLED };
        Ok(Self { trace_id, parent_id, flags })
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_good_one_is_passed_on_as_it_came() {
        let origin = Origin::read(None, Some(GOOD));
        assert_eq!(origin.traceparent_text().as_deref(), Some(GOOD));
        assert_eq!(origin.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    }

    #[test]
    fn of_a_later_version_only_what_we_know_is_passed_on() {
        let later = format!("cc{}-what-comes-then", GOOD.replace("-01", "-ff").trim_start_matches("00"));
        assert_eq!(later.parse::<Traceparent>().unwrap().to_string(), GOOD);
    }

    #[test]
    fn any_other_is_none_at_all() {
        for bad in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replace("00-0a", "ff-0a"),
            &GOOD.replace('-', "_"),
            &format!("{GOOD}-more"),
            &format!("{}x", GOOD.replace("00-0a", "01-0a")),
            &GOOD[..54],
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319+-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319ä-b7ad6b7169203331-0",
        ] {
            assert_eq!(bad.parse::<Traceparent>(), Err(InvalidTraceparent), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_traceparent_that_is_passed_on_is_read_as_the_same(trace_id in 1..=u128::MAX, parent_id in 1..=u64::MAX, flags: u8) {
            let sent = Traceparent { trace_id, parent_id, flags };
            prop_assert_eq!(sent.to_string().parse(), Ok(sent));
        }

        #[test]
        fn any_text_is_a_traceparent_that_can_be_passed_on_or_none(
            text in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,3}|[0-9a-fA-F-]{50,60}|.{0,60}"
        ) {
            if let Ok(read) = text.parse::<Traceparent>() {
                let passed_on = read.to_string();
                prop_assert_eq!(passed_on.parse(), Ok(read));
                prop_assert_eq!(&passed_on[3..52], &text[3..52]);
                prop_assert!(read.trace_id != 0 && read.parent_id != 0);
            }
        }
    }
}
