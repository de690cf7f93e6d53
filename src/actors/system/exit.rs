//! Why a child's life ended.

use std::any::Any;
use std::fmt;

/// The reason that every life ends with. A supervisor decides from it, and the tree shows the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It finished its work and left.
    Normal,
    /// Its supervisor told it to stop.
    Stopped,
    /// It gave up and said why.
    Failed(String),
    /// It panicked; what it held is gone, so whatever it was doing may or may not have happened.
    Panicked(String),
    /// It held on to a handler past the deadline.
    Frozen(String),
}

impl Exit {
    /// True for exits that a `Transient` child is rebuilt after.
    pub fn is_abnormal(&self) -> bool {
        !matches!(self, Self::Normal | Self::Stopped)
    }

    /// Reads the message out of what `catch_unwind` caught.
    pub(super) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Self::Panicked(message.unwrap_or_else(|| "a payload that is not text".to_owned()))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => formatter.write_str("finished"),
            Self::Stopped => formatter.write_str("stopped"),
            Self::Failed(reason) => write!(formatter, "failed: {reason}"),
            Self::Panicked(message) => write!(formatter, "panicked: {message}"),
            Self::Frozen(handler) => write!(formatter, "frozen: {handler}"),
        }
    }
}
