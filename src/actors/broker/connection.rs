//! One connection to RabbitMQ, within a time limit. Who holds it reconnects: the client's own recovery left confirms
//! unanswered after overlapping faults.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::RabbitmqSettings;
use super::addresses::{Addresses, place};

/// A node is waited for alone for this part of the whole time: enough for one that is well, and little beside the time that is
/// left for others.
const PATIENCE_SHARE: u32 = 10;

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
    /// None of several nodes could be used.
    #[error("none of {nodes} nodes can be used; the last, {place}: {error}")]
    NoNode {
        /// How many were tried.
        nodes: usize,
        /// The one that was tried last.
        place: String,
        /// What was wrong with it.
        error: Box<BusError>,
    },
}

/// Opens a connection that RabbitMQ's management page shows under `name`.
///
/// Of several nodes whichever answers first is taken, beginning with another one each time. The next is asked as soon as one
/// refuses, and before long beside one that says nothing: a dead or frozen node delays little, and a slow one keeps its chance.
///
/// # Errors
/// When the address is wrong, nobody listens there, the credentials are refused, or it takes too long.
pub async fn connect(settings: &RabbitmqSettings, name: &str) -> Result<Connection, BusError> {
    let addresses = Addresses::read(settings.url.expose()).map_err(|_told_at_the_start| BusError::Address)?;
    let limit = Duration::from_millis(settings.connect_timeout_ms);
    let nodes = addresses.in_turn();
    let count = nodes.len();
    let to = |node: AMQPUri| connect_to(node, settings.heartbeat_seconds, name);
    let connected = timeout(limit, first_of(nodes, limit / PATIENCE_SHARE, to)).await;
    match connected.map_err(|_elapsed| BusError::Silent(limit))? {
        Ok(connection) => Ok(connection),
        Err((_place, error)) if count == 1 => Err(error),
        Err((place, error)) => Err(BusError::NoNode { nodes: count, place, error: Box::new(error) }),
    }
}

/// Asks one node after the other, without an end to the waiting for each; `beside` is how long one is waited for alone. The
/// error is that of the node that failed last.
async fn first_of<T, F: Future<Output = Result<T, BusError>>>(
    nodes: Vec<AMQPUri>,
    beside: Duration,
    ask: impl Fn(AMQPUri) -> F,
) -> Result<T, (String, BusError)> {
    let mut nodes = nodes.into_iter();
    let mut asked = FuturesUnordered::new();
    let mut failure = None;
    loop {
        if let Some(node) = nodes.next() {
            let place = place(&node);
            let answer = ask(node);
            asked.push(async move { answer.await.map_err(|error| (place, error)) });
        }
        let is_last = nodes.len() == 0;
        tokio::select! {
            Some(answer) = asked.next() => match answer {
                Ok(connection) => return Ok(connection),
                Err((place, error)) => {
                    tracing::debug!(node = place, %error, "this node of RabbitMQ cannot be used");
                    failure = Some((place, error));
                }
            },
            () = sleep(beside), if !is_last => {}
            // Nobody is asked any more, and nobody is left to be.
            else => return Err(failure.unwrap_or_else(|| (String::new(), BusError::Address))),
        }
    }
}

async fn connect_to(mut node: AMQPUri, heartbeat_seconds: u16, name: &str) -> Result<Connection, BusError> {
    node.query.heartbeat = Some(heartbeat_seconds);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Ok(Connection::connect_uri(node, properties).await?)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const BESIDE: Duration = Duration::from_millis(100);

    /// What each host does, by its name; and who was asked, in order.
    async fn ask_all(url: &str) -> (Result<String, String>, Vec<String>) {
        let asked = RefCell::new(Vec::new());
        let answer = first_of(Addresses::read(url).unwrap().nodes().to_vec(), BESIDE, |node| {
            let host = node.authority.host;
            asked.borrow_mut().push(host.clone());
            async move {
                match host.as_str() {
                    "silent" => std::future::pending().await,
                    "slow" => sleep(BESIDE * 5).await,
                    host if host.starts_with("refuses") => return Err(BusError::Silent(BESIDE)),
                    _ => {}
                }
                Ok(host)
            }
        });
        let answer = answer.await.map_err(|(place, _)| place);
        (answer, asked.take())
    }

    #[tokio::test]
    async fn a_node_that_refuses_or_says_nothing_leaves_it_to_the_next() {
        let (answer, asked) = ask_all("amqp://refuses,sound,other/").await;
        assert_eq!((answer.as_deref(), asked.len()), (Ok("sound"), 2));
        let (answer, asked) = ask_all("amqp://silent,refuses,sound/").await;
        assert_eq!((answer.as_deref(), asked.len()), (Ok("sound"), 3));
    }

    #[tokio::test]
    async fn a_slow_node_keeps_its_chance_while_others_fail() {
        let (answer, asked) = ask_all("amqp://slow,silent,refuses/").await;
        assert_eq!((answer.as_deref(), asked.len()), (Ok("slow"), 3));
    }

    #[tokio::test]
    async fn when_all_refuse_the_last_is_named() {
        let (answer, asked) = ask_all("amqp://refuses_1,refuses_2,refuses_3:5679/").await;
        assert_eq!((answer.unwrap_err().as_str(), asked.len()), ("refuses_3:5679", 3));
    }
}
