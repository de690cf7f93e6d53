//! Ids that cannot be mistaken for one another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
// The only public path to the buffer that `ToSql` writes into; the derive of postgres-types uses it too.
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use utoipa::ToSchema;
use uuid::Uuid;

/// What the traits of postgres-types call an error.
type SqlError = Box<dyn std::error::Error + Sync + Send>;

/// Writes a newtype in Postgres exactly as the value inside it.
macro_rules! sql_as_inner {
    ($name:ident, $inner:ty) => {
        impl ToSql for $name {
            fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, SqlError> {
                self.0.to_sql(ty, out)
            }

            fn accepts(ty: &Type) -> bool {
                <$inner as ToSql>::accepts(ty)
            }

            to_sql_checked!();
        }

        impl<'a> FromSql<'a> for $name {
            fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, SqlError> {
                <$inner as FromSql>::from_sql(ty, raw).map(Self)
            }

            fn accepts(ty: &Type) -> bool {
                <$inner as FromSql>::accepts(ty)
            }
        }
    };
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh UUIDv7: later ids sort after earlier ones, to the millisecond.
            #[expect(clippy::new_without_default, reason = "two defaults would not be equal")]
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id without its meaning, for arrays of parameters and for cursors.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        sql_as_inner!($name, Uuid);
    )+};
}

uuid_ids! {
    /// One instance of an agent.
    InstanceId;
    /// One person with an account.
    UserId;
    /// One API key.
    ApiKeyId;
    /// One team of users.
    TeamId;
    /// The knowledge base that belongs to one instance.
    KnowledgeBaseId;
    /// One entry of a knowledge base.
    EntryId;
    /// One run of an agent on one input.
    ExecutionId;
    /// One workflow.
    WorkflowId;
    /// One event, the same on the bus, in the outbox and on a socket.
    EventId;
    /// One running process of the platform; a restart is another replica.
    ReplicaId;
    /// One sign-in, from login to logout: the family its refresh tokens belong to.
    SessionId;
    /// One refresh token of a session.
    RefreshTokenId;
    /// One access token: the `jti` in it.
    TokenId;
    /// One window of the event log that is published once more.
    ReplayId;
    /// One message that was given up.
    DeadLetterId;
}

/// One agent of the catalog. An integer, because the catalog's table numbers its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct AgentId(pub i32);

impl fmt::Display for AgentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for AgentId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

sql_as_inner!(AgentId, i32);
