//! How the platform's types are kept in Postgres: two databases, and one function per statement.
//!
//! - [`settings`] and [`pool`]: pools and connections. [`UserDb`] and [`SharedDb`] are different types, and so is everything
//!   that comes out of them, so that a statement for one database cannot be run on the other.
//! - One module per table or concern; its functions hold no rules. The rules are in the migrations, for every writer.
//! - `sql/<table>/<verb>.sql`: one statement per file; a test prepares every one of them.
//!
//! Every query on a user's behalf takes a [`Reach`](crate::models::Reach) as a mandatory argument and decides by it in its own
//! `WHERE`, by what the database knows of teams at that moment.

mod acting;
pub mod agents;
pub mod api_keys;
pub mod audit;
pub mod credential_changes;
pub mod dead_letters;
pub mod denials;
pub mod error;
pub mod idempotency;
pub mod instance_registry;
pub mod instance_sweep;
pub mod instance_work;
pub mod instances;
pub mod keys;
pub mod knowledge_bases;
pub mod knowledge_entries;
pub mod knowledge_files;
pub mod knowledge_search;
pub mod knowledge_vectors;
pub mod knowledge_work;
pub mod migrate;
pub mod outbox;
pub mod password_resets;
mod patience;
pub mod pool;
pub mod publisher;
pub mod redrives;
pub mod refresh_tokens;
pub mod replays;
pub mod replicas;
pub mod retention;
mod session;
pub mod sessions;
pub mod settings;
pub mod standings;
pub mod team_projection;
pub mod teams;
pub mod usage;
pub mod user_outbox;
pub mod users;
pub mod ws_tickets;

pub use error::{Rule, StoreError};
pub use pool::{Database, OwnConnection, PooledConnection, SharedDb, Transaction, UserDb};
pub use session::{Session, SharedSide, UserSide};
pub use settings::{PostgresSettings, StoreSettings};
