//! The broker's API on 8030.

mod outbox;
mod replays;
