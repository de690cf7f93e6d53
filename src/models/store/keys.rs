//! Numbers and names that two sides must agree on. Those that the database uses too are repeated in a SQL function of
//! the same name; a test compares them.

/// The channel of the doorbell.
pub const BELL_CHANNEL: &str = "instances_notify";

/// The channel of `user_psql` on which it is told that sessions were revoked.
pub const REVOCATIONS_CHANNEL: &str = "sessions_revoked";

/// The channel of `shared_psql` on which it is told that dead letters are to be sent again.
pub const REDRIVES_CHANNEL: &str = "redrives_wished";

/// Advisory lock of `shared_psql`: held by the one publisher that leads, as long as it leads.
pub const PUBLISHER_LEADER_KEY: i64 = 4_202_010_001;

/// Advisory lock of `shared_psql`: held by the publisher while it is awake and needs no bell.
pub const PUBLISHER_AWAKE_KEY: i64 = 4_202_010_002;

/// Advisory lock of `user_psql`: held while account events are copied to `shared_psql`.
pub const USER_RELAY_KEY: i64 = 4_202_010_005;

/// Advisory lock of either database: held while a batch of what is old is deleted.
pub const RETENTION_KEY: i64 = 4_202_010_004;

/// Advisory lock of either database: held while rows of the audit log are chained.
pub const AUDIT_SEAL_KEY: i64 = 4_202_010_010;

/// Advisory lock of either database: held while migrations are applied. No SQL function repeats it, for it is needed
/// before there are any.
pub const MIGRATION_KEY: i64 = 4_202_010_003;
