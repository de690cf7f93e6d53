//! Who does the work: one supervised actor per concern, in the order in which data flows.
//!
//! ```text
//!  http ── ask ──► accounts · catalog · instances ──► Postgres (row + outbox row, one transaction)
//!                                                        │ bell
//!                                                        ▼
//!                                notify_listener ──► event_publisher ──► RabbitMQ events.topic
//!                                                                            │
//!                                                                     event_consumers
//!                                                        ┌───────────────────┴───────────┐
//!                                                        ▼                               ▼
//!                                              instance_directory                   ws_sessions
//!                                                        ▼                               │
//!                                              instance_supervisor × n              browsers
//!                                                        ▼
//!                                              instance_ledger ──► Postgres, and the circle closes
//! ```

pub mod accounts;
pub mod api_keys;
pub mod audit_sealer;
pub mod audit_trail;
pub mod bell;
pub mod broker;
pub mod catalog;
pub mod catalog_editor;
pub mod control;
pub mod courier;
pub mod dead_letter_registry;
pub mod dead_letters;
pub mod denials;
pub mod embedder;
pub mod event_consumers;
pub mod event_publisher;
pub mod instance_directory;
pub mod instance_ledger;
pub mod instance_registry;
pub mod instance_supervisor;
pub mod instances;
pub mod kb_ingestor;
pub mod knowledge;
pub mod notify_listener;
pub mod policies;
pub mod probe;
pub mod rate_limits;
pub mod reaper;
pub mod redis_link;
pub mod replayer;
pub mod replica;
pub mod retention;
pub mod revocations;
pub mod system;
pub mod team_projection;
pub mod teams;
pub mod user_registry;
pub mod user_relay;
pub mod ws_sessions;
