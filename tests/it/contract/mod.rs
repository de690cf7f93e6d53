//! What is promised on paper, compared with what is there.

mod bus;
mod openapi;
