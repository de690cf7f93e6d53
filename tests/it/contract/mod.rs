//! What is promised on paper, compared with what is there.

mod asyncapi;
mod bus;
mod messages;
pub(crate) mod openapi;
