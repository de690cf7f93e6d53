//! Sockets on the whole platform: from the wish to the browser, over real RabbitMQ and real connections.
//!
//! What a session does with what it is posted is in `ws/`, where the bus is played by hand.

mod flow;
mod resume;
mod storm;
