//! One connection to RabbitMQ, within a time limit. Who holds it reconnects: the client's own recovery left confirms
//! unanswered after overlapping faults.

use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use thiserror::Error;
use tokio::time::timeout;

use super::RabbitmqSettings;

/// Why the bus could not be used.
#[derive(Debug, Error)]
pub enum BusError {
    /// The address is none.
    #[error("the address of RabbitMQ cannot be read")]
    Address,
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// What the client or the server said.
    #[error(transparent)]
    Amqp(#[from] lapin::Error),
}

/// Opens a connection that RabbitMQ's management page shows under `name`.
///
/// # Errors
/// When the address is wrong, nobody listens there, the credentials are refused, or it takes too long.
pub async fn connect(settings: &RabbitmqSettings, name: &str) -> Result<Connection, BusError> {
    let mut uri: AMQPUri = settings.url.expose().parse().map_err(|_may_hold_a_password| BusError::Address)?;
    uri.query.heartbeat = Some(settings.heartbeat_seconds);
    let limit = Duration::from_millis(settings.connect_timeout_ms);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connected = timeout(limit, Connection::connect_uri(uri, properties)).await;
    Ok(connected.map_err(|_elapsed| BusError::Silent(limit))??)
}
