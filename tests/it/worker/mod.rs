//! The worker role against a real Postgres: everything from a hint to the row that it leads to. The bus between the outbox
//! and the hint is a task that reads the outbox; what RabbitMQ makes of it is tested with the consumers.

mod control;
mod faults;
mod harness;
mod life;
mod measure;
mod takeover;
