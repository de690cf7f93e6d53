//! What the platform is about: plain types without a database, a bus or a web server behind them.
//!
//! The types know how a single value is written in Postgres, so that a column cannot be read as
//! another kind of id; everything else about the database lives in [`store`], which sees the types; they never see it.

pub mod agent;
pub mod api_key;
pub mod audit;
pub mod control;
pub mod dead_letter;
pub mod document;
pub mod error;
pub mod event;
pub mod idempotency;
pub mod ids;
pub mod instance;
pub mod key_pattern;
pub mod knowledge;
pub mod network;
pub mod origin;
pub mod page;
pub mod permission;
pub mod principal;
pub mod reach;
pub mod replay;
pub mod search;
pub mod standing;
pub mod store;
pub mod team;
mod text_enum;
pub mod usage;
pub mod user;
pub mod web_origin;
pub mod work;

pub use agent::{Agent, AgentDraft, AgentFilter, AgentPatch, AgentStatus, AgentVersion};
pub use api_key::{ApiKey, NewApiKey};
pub use audit::{Actor, ActorKind, AuditAction, AuditEntry, AuditOutcome};
pub use dead_letter::{
    DeadLetter, DeadLetterFilter, DeadLetterOutcome, DeadLetterState, DeadLetterStep, HistoryStep,
    OpenedLetter,
};
pub use document::Document;
pub use error::{Coded, ErrorCode, ErrorKind};
pub use event::{PastEvent, RoutingKey, SCHEMA_VERSION, StoredEvent};
pub use idempotency::{IdempotencyKey, Made};
pub use ids::{
    AgentId, ApiKeyId, DeadLetterId, EntryId, EventId, ExecutionId, InstanceId, KnowledgeBaseId,
    RefreshTokenId, ReplayId, ReplicaId, SessionId, TeamId, TokenId, UserId, WorkflowId,
};
pub use instance::{DesiredState, Instance, InstancePatch, InstanceStatus, NewInstance};
pub use key_pattern::KeyPattern;
pub use knowledge::{
    Entry, EntryContent, EntryDataType, EntryFilter, EntryPatch, EntrySource, EntryStatus, KnowledgeBase,
    LanguageHint, NewEntry,
};
pub use origin::{Origin, Traceparent};
pub use page::{Cursor, Page, PageLimit};
pub use permission::{Permission, PermissionSet};
pub use principal::{Credential, CredentialId, Principal};
pub use reach::Reach;
pub use replay::{NewReplay, Replay, ReplayStatus};
pub use team::{Membership, Team, TeamMember, TeamRole, TeamRoles, WholeTeam};
pub use text_enum::UnknownText;
pub use usage::{OwnLimits, Usage};
pub use user::{NewUser, PasswordHash, Role, User, UserFilter, UserPatch};
pub use web_origin::WebOrigins;
