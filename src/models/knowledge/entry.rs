//! One thing in a knowledge base, and the lawful moves of its status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fingerprint::ContentHash;
use crate::models::ids::{EntryId, InstanceId, KnowledgeBaseId};
use crate::models::origin::Origin;
use crate::models::text_enum::text_enum;

text_enum! {
    /// What kind of thing an entry is.
    pub enum EntryDataType {
        /// A text, or a file that holds one.
        Document = "document",
        /// A film: its subtitles, or a text about it.
        Video = "video",
        /// Anything else.
        Other = "other",
    }
}

text_enum! {
    /// What language an entry is in, as far as its user says.
    pub enum LanguageHint {
        /// English.
        English = "en",
        /// Spanish.
        Spanish = "es",
        /// Another one, or none.
        Other = "other",
    }
}

text_enum! {
    /// How far an entry has come.
    pub enum EntryStatus {
        /// It waits to be read.
        Queued = "queued",
        /// It is being read.
        Processing = "processing",
        /// It can be searched.
        Ready = "ready",
        /// It could not be read; `status_reason` says why.
        Failed = "failed",
    }
}

impl EntryStatus {
    /// The statuses that may follow this one. The database holds the same table in `knowledge_base_entry_move_is_legal` and
    /// enforces it for everybody; a test compares the two.
    #[must_use]
    pub const fn next(self) -> &'static [Self] {
        match self {
            // Straight to `ready` when it is called off, or found to be what was read before.
            Self::Queued => &[Self::Processing, Self::Ready, Self::Failed],
            Self::Processing => &[Self::Queued, Self::Ready, Self::Failed],
            Self::Ready | Self::Failed => &[Self::Queued],
        }
    }

    /// Whether it waits for a worker, or is with one.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Queued | Self::Processing)
    }
}

text_enum! {
    /// Where the text of an entry comes from.
    pub enum EntrySource {
        /// It was sent as it is.
        Text = "text",
        /// It is fetched from `source_url`.
        Url = "url",
        /// It is read out of a file.
        File = "file",
    }
}

/// An entry, without its text. Kept as JSON, too, under the key of the wish: a field that is added later needs a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// The knowledge base that it stands in.
    pub knowledge_base_id: KnowledgeBaseId,
    /// The instance that the knowledge base belongs to.
    pub instance_id: InstanceId,
    /// What kind of thing it is.
    pub data_type: EntryDataType,
    /// What language it is in.
    pub lang_hint: LanguageHint,
    /// Where its text comes from.
    pub source: EntrySource,
    /// The address that it is fetched from, or that its user names as its source.
    pub source_url: Option<String>,
    /// What it is called: by its user, or by itself.
    pub title: Option<String>,
    /// The name of the file that was uploaded.
    pub file_name: Option<String>,
    /// What its bytes were taken for, once they were looked at.
    pub format: Option<String>,
    /// What it takes of the quota.
    pub bytes: i64,
    /// How far it has come.
    pub status: EntryStatus,
    /// Why it stands there, where there is something to say.
    pub status_reason: Option<String>,
    /// Grows by one with each change that a user could see.
    pub revision: i64,
    /// How many pieces of it can be found.
    pub chunk_count: i32,
    /// How often it was begun to be read since its user last wished it.
    pub attempts: i32,
    /// Not before that it is read, where it waits.
    pub due_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its revision last grew.
    pub updated_at: Timestamp,
}

/// What stands in an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryContent {
    /// What its user sent; of a file or an address, what was read out of it.
    pub content: String,
    /// The text that its chunks are pieces of, where that is another.
    pub extracted: Option<String>,
}

/// A wish for a new entry, already validated.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The id it will have.
    pub id: EntryId,
    /// What kind of thing it is.
    pub data_type: EntryDataType,
    /// What language it is in.
    pub lang_hint: LanguageHint,
    /// Where its text comes from.
    pub source: EntrySource,
    /// Its text, if it is sent as it is; else nothing.
    pub content: String,
    /// Where it is from, or where it is to be fetched.
    pub source_url: Option<String>,
    /// What its user calls it.
    pub title: Option<String>,
    /// What the file was called.
    pub file_name: Option<String>,
    /// How large the file is; what was sent as it is counts itself.
    pub bytes: i64,
    /// What it is known by.
    pub content_hash: ContentHash,
    /// The request that wishes it.
    pub origin: Origin,
}

/// What to change of an entry. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct EntryPatch {
    /// Another text; only of what was sent as it is.
    pub content: Option<String>,
    /// Another kind.
    pub data_type: Option<EntryDataType>,
    /// Another language.
    pub lang_hint: Option<LanguageHint>,
    /// Another address. `Some(None)` takes it away.
    pub source_url: Option<Option<String>>,
    /// Another title. `Some(None)` takes it away.
    pub title: Option<Option<String>>,
    /// Changes it only while it has this revision.
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Which entries are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Only those that have come so far.
    pub status: Option<EntryStatus>,
    /// Only those of this kind.
    pub data_type: Option<EntryDataType>,
    /// Only those in this language.
    pub lang_hint: Option<LanguageHint>,
}
