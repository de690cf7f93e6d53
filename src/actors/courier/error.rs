//! Why an order has no reply.

use std::time::Duration;

use thiserror::Error;

use crate::models::control::ControlError;
use crate::models::{Coded, ErrorCode};

/// What the courier answers instead of a reply. Whether the order arrived is known only of [`CourierError::NotThere`] and
/// [`CourierError::Away`]: it did not. Repeating an order is always safe.
#[derive(Debug, Error)]
pub enum CourierError {
    /// RabbitMQ is.
    #[error("RabbitMQ is away: {0}")]
    Away(String),
    /// That replica has no queue: it is gone, not connected, or of a release that has none.
    #[error("that replica does not listen for orders")]
    NotThere,
    /// It has one, and said nothing.
    #[error("that replica did not answer within {0:?}")]
    Unanswered(Duration),
    /// It said something that cannot be read.
    #[error("that replica's answer cannot be read: {0}")]
    Unreadable(#[from] ControlError),
}

impl Coded for CourierError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Away(_) | Self::NotThere | Self::Unanswered(_) => ErrorCode::DependencyUnavailable,
            Self::Unreadable(_) => ErrorCode::Internal,
        }
    }
}
