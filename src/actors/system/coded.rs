//! What callers are told of an ask that has no good answer.

use super::AskError;
use crate::models::{Coded, ErrorCode};

impl<E: Coded> Coded for AskError<E> {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Reply(error) => error.code(),
            Self::Overloaded { .. } => ErrorCode::ServiceBusy,
            Self::Down { .. } => ErrorCode::DependencyUnavailable,
            // The message was taken: whether it was acted upon is not known here.
            Self::Lost { .. } | Self::TimedOut { .. } => ErrorCode::OutcomeUnknown,
        }
    }

    fn extension(&self) -> Option<(&'static str, serde_json::Value)> {
        match self {
            Self::Reply(error) => error.extension(),
            Self::Overloaded { .. } | Self::Down { .. } | Self::Lost { .. } | Self::TimedOut { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct Taken;

    impl Coded for Taken {
        fn code(&self) -> ErrorCode {
            ErrorCode::Conflict
        }
    }

    #[test]
    fn only_what_was_never_sent_is_safe_to_repeat() {
        let actor = "somebody";
        let code = |error: AskError<Taken>| error.code();
        assert_eq!(code(AskError::Reply(Taken)), ErrorCode::Conflict);
        assert_eq!(code(AskError::Overloaded { actor }), ErrorCode::ServiceBusy);
        assert_eq!(code(AskError::Down { actor }), ErrorCode::DependencyUnavailable);
        assert_eq!(code(AskError::Lost { actor }), ErrorCode::OutcomeUnknown);
        assert_eq!(code(AskError::TimedOut { actor, after_ms: 1 }), ErrorCode::OutcomeUnknown);
    }
}
