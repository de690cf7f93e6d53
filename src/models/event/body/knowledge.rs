//! What is told of knowledge bases. The content of an entry is in no event.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Body;
use super::sample::{A_KNOWLEDGE_BASE, A_USER, AN_ENTRY, AN_INSTANCE};
use crate::models::ids::{EntryId, InstanceId, KnowledgeBaseId, TeamId, UserId};
use crate::models::knowledge::{EntryDataType, EntryStatus, LanguageHint};

/// A knowledge base. It is born with its instance; what goes away together with the instance is not told by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KnowledgeBaseChanged {
    /// The knowledge base.
    pub knowledge_base_id: KnowledgeBaseId,
    /// The instance that it belongs to.
    pub instance_id: InstanceId,
    /// Who made it.
    pub user_id: UserId,
    /// The team that it belongs to, if it does.
    #[serde(default)]
    #[schema(required)]
    pub team_id: Option<TeamId>,
}

/// An entry of a knowledge base, without its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EntryChanged {
    /// The entry.
    pub entry_id: EntryId,
    /// The knowledge base that it stands in.
    pub knowledge_base_id: KnowledgeBaseId,
    /// The instance that the knowledge base belongs to.
    pub instance_id: InstanceId,
    /// Who made it.
    pub user_id: UserId,
    /// The team that it belongs to, if it does.
    #[serde(default)]
    #[schema(required)]
    pub team_id: Option<TeamId>,
    /// What kind of thing it is.
    pub data_type: EntryDataType,
    /// What language it is in.
    pub lang_hint: LanguageHint,
    /// How far it has come.
    pub status: EntryStatus,
    /// Why it stands there, where there is something to say.
    #[schema(required)]
    pub status_reason: Option<String>,
    /// Its revision then; none in what was told by releases that did not count them.
    #[serde(default)]
    #[schema(required)]
    pub revision: Option<i64>,
}

impl Body for KnowledgeBaseChanged {
    fn sample() -> Self {
        Self { knowledge_base_id: A_KNOWLEDGE_BASE, instance_id: AN_INSTANCE, user_id: A_USER, team_id: None }
    }
}

impl Body for EntryChanged {
    fn sample() -> Self {
        Self {
            entry_id: AN_ENTRY,
            knowledge_base_id: A_KNOWLEDGE_BASE,
            instance_id: AN_INSTANCE,
            user_id: A_USER,
            team_id: None,
            data_type: EntryDataType::Document,
            lang_hint: LanguageHint::English,
            status: EntryStatus::Queued,
            status_reason: None,
            revision: Some(1),
        }
    }
}
