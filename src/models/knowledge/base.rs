//! The knowledge base of an instance.

use jiff::Timestamp;

use crate::models::ids::{InstanceId, KnowledgeBaseId, UserId};

/// A knowledge base. It is born with its instance, and goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnowledgeBase {
    /// Its id.
    pub id: KnowledgeBaseId,
    /// The instance that it belongs to.
    pub instance_id: InstanceId,
    /// Who made the instance: whose quota its entries count for, a team's instance or not.
    pub user_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A knowledge base, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnowledgeBaseState {
    /// Which.
    pub base: KnowledgeBase,
    /// Entries that wait to be read.
    pub queued: i64,
    /// Entries that are being read.
    pub processing: i64,
    /// Entries that can be searched.
    pub ready: i64,
    /// Entries that could not be read.
    pub failed: i64,
    /// What all of them take of the quota, in bytes.
    pub bytes: i64,
    /// How many pieces can be found.
    pub chunks: i64,
    /// How far the vectors of its pieces are; none where there is no provider of embeddings.
    pub embeddings: Option<EmbeddingState>,
}

/// How far the vectors of a knowledge base are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingState {
    /// Of which model they are.
    pub model: String,
    /// Entries whose pieces have not all got one yet.
    pub waiting: i64,
    /// Why one of them still waits, if something went wrong.
    pub reason: Option<String>,
}
