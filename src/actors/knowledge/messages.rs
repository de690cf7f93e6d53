//! What `Knowledge` understands. All of it is sent by `http::user`, and says what the caller reaches: anything else does not exist.

use super::KnowledgeError;
use super::uploading::Place;
use crate::models::knowledge::{Found, KnowledgeBaseState, SearchQuery};
use crate::models::store::knowledge_files::FileId;
use crate::models::{
    Entry, EntryContent, EntryFilter, EntryId, EntryPatch, IdempotencyKey, InstanceId, Made, NewEntry,
    Origin, Page, PageLimit, Reach,
};
use actix::Message;

/// Asks for the knowledge base of an instance.
#[derive(Debug, Message)]
#[rtype(result = "Result<KnowledgeBaseState, KnowledgeError>")]
pub struct FindKnowledgeBase {
    /// What the caller reaches.
    pub reach: Reach,
    /// Whose.
    pub instance: InstanceId,
}

/// Asks for a page of entries, newest first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Page<Entry>, KnowledgeError>")]
pub struct ListEntries {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// Which of them.
    pub filter: EntryFilter,
    /// Where the page before it ended.
    pub before: Option<EntryId>,
    /// How long the page may be.
    pub limit: PageLimit,
}

/// Asks for one entry, without what stands in it.
#[derive(Debug, Message)]
#[rtype(result = "Result<Entry, KnowledgeError>")]
pub struct FindEntry {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// Which.
    pub id: EntryId,
}

/// Asks for one entry with what stands in it.
#[derive(Debug, Message)]
#[rtype(result = "Result<(Entry, EntryContent), KnowledgeError>")]
pub struct ReadEntry {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// Which.
    pub id: EntryId,
}

/// Adds an entry. Answered with the `queued` row, or, for a key that was used for it before, with the row as it was then.
#[derive(Debug, Message)]
#[rtype(result = "Result<Made<Entry>, KnowledgeError>")]
pub struct AddEntry {
    /// What the caller reaches.
    pub reach: Reach,
    /// To which instance.
    pub instance: InstanceId,
    /// The entry, whose fields keep the rules.
    pub wish: NewEntry,
    /// Its file, if it has one: as it was given by [`BeginUpload`].
    pub file: Option<FileId>,
    /// What the wish may be sent again with.
    pub key: Option<IdempotencyKey>,
}

/// Wishes for a place to send a file from.
#[derive(Debug, Message)]
#[rtype(result = "Result<Place, KnowledgeError>")]
pub struct EnterUploads {
    /// What the caller reaches.
    pub reach: Reach,
    /// To which instance.
    pub instance: InstanceId,
}

/// Begins to send a file. Refused at once if its beginning is that of something that is not read.
#[derive(Debug, Message)]
#[rtype(result = "Result<FileId, KnowledgeError>")]
pub struct BeginUpload {
    /// What the caller reaches.
    pub reach: Reach,
    /// To which instance.
    pub instance: InstanceId,
    /// What the file is called.
    pub name: Option<String>,
    /// Its first piece.
    pub first: Vec<u8>,
}

/// Sends the next piece of a file; the first one came with the wish.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), KnowledgeError>")]
pub struct AppendPiece {
    /// Which file.
    pub file: FileId,
    /// Which piece, from 1.
    pub number: i32,
    /// It.
    pub bytes: Vec<u8>,
}

/// Forgets a file that came to nothing. If nobody sends this, it is swept away an hour later.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), KnowledgeError>")]
pub struct DiscardUpload {
    /// Which.
    pub file: FileId,
}

/// Changes what the user may change of an entry. It is read anew if that changes what is found.
#[derive(Debug, Message)]
#[rtype(result = "Result<Entry, KnowledgeError>")]
pub struct ChangeEntry {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// Which.
    pub id: EntryId,
    /// What.
    pub patch: EntryPatch,
}

/// Deletes an entry, and all that is found of it.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), KnowledgeError>")]
pub struct DeleteEntry {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// Which.
    pub id: EntryId,
    /// Deletes it only while it has this revision.
    pub expected_revision: Option<i64>,
    /// The request that wishes it.
    pub origin: Origin,
}

/// What is to be done about the reading of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingOrder {
    /// Read what had failed once more. Of what is under way nothing changes.
    Retry,
    /// Stop waiting for it, or reading it.
    Cancel,
    /// Read it anew, whatever was read of it.
    Reindex,
}

/// Gives an order about the reading of an entry. Answered with the row as it is then.
#[derive(Debug, Message)]
#[rtype(result = "Result<Entry, KnowledgeError>")]
pub struct OrderReading {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// Which.
    pub id: EntryId,
    /// What.
    pub order: ReadingOrder,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Has entries that are not under way read anew. Answered with how many.
#[derive(Debug, Message)]
#[rtype(result = "Result<i64, KnowledgeError>")]
pub struct ReindexEntries {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// Which of them.
    pub filter: EntryFilter,
    /// The request that wishes it.
    pub origin: Origin,
}

/// Searches a knowledge base. Answered with the best pieces, the best first.
#[derive(Debug, Message)]
#[rtype(result = "Result<Found, KnowledgeError>")]
pub struct SearchKnowledge {
    /// What the caller reaches.
    pub reach: Reach,
    /// Of which instance.
    pub instance: InstanceId,
    /// What for.
    pub query: SearchQuery,
    /// How many; 1 to 50.
    pub limit: i64,
}
