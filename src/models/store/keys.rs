//! Numbers and names that two sides must agree on. Those that the database uses too are repeated in a SQL function of
//! the same name; a test compares them.

/// The channel of the doorbell.
pub const BELL_CHANNEL: &str = "instances_notify";

/// The channel of `user_psql` on which it is told that sessions were revoked.
pub const REVOCATIONS_CHANNEL: &str = "sessions_revoked";

/// Advisory lock of `shared_psql`: held by the one publisher that leads, as long as it leads.
pub const PUBLISHER_LEADER_KEY: i64 = 4_202_010_001;

/// Advisory lock of `shared_psql`: held by the publisher while it is awake and needs no bell.
pub const PUBLISHER_AWAKE_KEY: i64 = 4_202_010_002;

/// Advisory lock of either database: held while migrations are applied. No SQL function repeats it, for it is needed
/// before there are any.
pub const MIGRATION_KEY: i64 = 4_202_010_003;
