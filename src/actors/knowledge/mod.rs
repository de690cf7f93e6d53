//! Knowledge bases: what is put into them, changed and taken out, and what is found in them.
//!
//! - **Owns:** the way to the rows of entries on behalf of users, how much a user may keep, and how many uploads and searches this
//!   process has under way.
//! - **Receives:** the messages of `messages.rs` from `http::user`; every one of them says what the caller reaches.
//! - **Sends:** `Ring` to the bell after each commit; the triggers tell the rest through the outbox, and a `kb_ingestor` of any
//!   replica reads what is queued.
//! - **Invariant:** nobody touches, sees or finds what is neither theirs nor their team's; the same thing is kept once in a
//!   knowledge base; nobody has more than their quota; a search sees an entry as a whole or not at all.
//! - **On failure:** keeps no state. An upload that broke off is swept away an hour later.

mod changing;
mod error;
mod meaning;
mod messages;
mod places;
mod plan;
pub mod rules;
mod searching;
mod settings;
mod uploading;

pub use error::KnowledgeError;
pub use messages::{
    AddEntry, AppendPiece, BeginUpload, ChangeEntry, DeleteEntry, DiscardUpload, EnterUploads, FindEntry,
    FindKnowledgeBase, ListEntries, OrderReading, ReadEntry, ReadingOrder, ReindexEntries, SearchKnowledge,
};
pub use settings::KnowledgeSettings;

use actix::{Actor, Context, Handler};

use self::meaning::Meaning;
use self::places::SearchPlaces;
pub use self::uploading::Place;
use self::uploading::Uploads;
use super::bell::{self, Bell};
use super::instances::{KNOWLEDGE_BYTES, KNOWLEDGE_ENTRIES, QuotaSettings};
use super::system::{Answer, Handle, Lifeline};
use crate::embeddings::Embedder;
use crate::models::knowledge::{Found, KnowledgeBase, KnowledgeBaseState};
use crate::models::store::knowledge_files::FileId;
use crate::models::store::{
    Session, SharedDb, SharedSide, knowledge_bases as bases, knowledge_entries as entries,
    knowledge_vectors as vectors,
};
use crate::models::{Entry, EntryContent, InstanceId, Made, Page, Reach};
use crate::outbound::Outbound;

/// What a knowledge actor is made of.
#[derive(Clone)]
pub struct KnowledgeParts {
    /// Where knowledge bases are.
    pub shared_db: SharedDb,
    /// Told after each commit.
    pub bell: Handle<Bell>,
    /// Knows what addresses may be fetched.
    pub outbound: Outbound,
    /// How much a user may have.
    pub quotas: QuotaSettings,
    /// How much is taken in.
    pub settings: KnowledgeSettings,
    /// What makes vectors, if anything does.
    pub embedder: Option<Embedder>,
}

/// The actor. All of its answers overlap: the pool is the bound, and the database keeps writers of one row apart.
pub struct Knowledge {
    works: Works,
    lifeline: Lifeline,
}

#[derive(Clone)]
struct Works {
    shared_db: SharedDb,
    bell: Handle<Bell>,
    outbound: Outbound,
    quotas: QuotaSettings,
    uploads: Uploads,
    searches: SearchPlaces,
    meaning: Option<Meaning>,
}

impl Knowledge {
    /// The name of its handle.
    pub const NAME: &'static str = "knowledge";

    /// An actor that connects to nothing before it is asked.
    #[must_use]
    pub fn new(parts: KnowledgeParts, lifeline: Lifeline) -> Self {
        let KnowledgeParts { shared_db, bell, outbound, quotas, settings, embedder } = parts;
        let uploads = Uploads::new(settings.uploads_max);
        let searches = SearchPlaces::new(settings.searches_max);
        let meaning = embedder.map(Meaning::new);
        Self { works: Works { shared_db, bell, outbound, quotas, uploads, searches, meaning }, lifeline }
    }
}

impl Actor for Knowledge {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.lifeline.ready();
    }
}

/// Each message is answered by a function of [`Works`].
macro_rules! answered_by {
    ($($message:ty => $function:ident -> $answer:ty;)+) => {$(
        impl Handler<$message> for Knowledge {
            type Result = Answer<Result<$answer, KnowledgeError>>;

            fn handle(&mut self, message: $message, _context: &mut Self::Context) -> Self::Result {
                let works = self.works.clone();
                self.lifeline.answer(async move { works.$function(message).await })
            }
        }
    )+};
}

answered_by! {
    FindKnowledgeBase => state -> KnowledgeBaseState;
    ListEntries => list -> Page<Entry>;
    FindEntry => find -> Entry;
    ReadEntry => read -> (Entry, EntryContent);
    AddEntry => add -> Made<Entry>;
    EnterUploads => enter_uploads -> Place;
    BeginUpload => begin_upload -> FileId;
    AppendPiece => append -> ();
    DiscardUpload => discard -> ();
    ChangeEntry => change -> Entry;
    DeleteEntry => delete -> ();
    OrderReading => order -> Entry;
    ReindexEntries => reindex -> i64;
    SearchKnowledge => search -> Found;
}

impl Works {
    async fn state(&self, question: FindKnowledgeBase) -> Result<KnowledgeBaseState, KnowledgeError> {
        let FindKnowledgeBase { reach, instance } = question;
        let session = self.shared_db.connection().await?;
        let base = seen(bases::find(&session, reach, instance).await?, instance)?;
        let id = base.id;
        let mut state = bases::state(&session, base).await?;
        if let Some(meaning) = &self.meaning {
            state.embeddings = Some(vectors::state(&session, id, meaning.model()).await?);
        }
        Ok(state)
    }

    async fn list(&self, question: ListEntries) -> Result<Page<Entry>, KnowledgeError> {
        let ListEntries { reach, instance, filter, before, limit } = question;
        let session = self.shared_db.connection().await?;
        let base = seen(bases::find(&session, reach, instance).await?, instance)?;
        Ok(entries::list(&session, &base, filter, before, limit).await?)
    }

    async fn find(&self, FindEntry { reach, instance, id }: FindEntry) -> Result<Entry, KnowledgeError> {
        let session = self.shared_db.connection().await?;
        let base = seen(bases::find(&session, reach, instance).await?, instance)?;
        entries::find(&session, &base, id).await?.ok_or(KnowledgeError::EntryNotFound(id))
    }

    async fn read(&self, question: ReadEntry) -> Result<(Entry, EntryContent), KnowledgeError> {
        let ReadEntry { reach, instance, id } = question;
        let session = self.shared_db.connection().await?;
        let base = seen(bases::find(&session, reach, instance).await?, instance)?;
        entries::read(&session, &base, id).await?.ok_or(KnowledgeError::EntryNotFound(id))
    }

    /// The knowledge base, for somebody who is about to change what is in it. Whoever may only see the instance is told that
    /// their role lets them do no more; for anybody else there is none.
    async fn enter(
        db: &impl Session<SharedSide>,
        reach: Reach,
        instance: InstanceId,
    ) -> Result<KnowledgeBase, KnowledgeError> {
        if let Some(base) = bases::enter(db, reach, instance).await? {
            return Ok(base);
        }
        let may_see = reach.to_see() != reach && bases::find(db, reach.to_see(), instance).await?.is_some();
        Err(if may_see { KnowledgeError::RoleTooLow } else { KnowledgeError::InstanceNotFound(instance) })
    }

    fn told(&self) {
        bell::ring(&self.bell);
    }
}

fn seen(base: Option<KnowledgeBase>, instance: InstanceId) -> Result<KnowledgeBase, KnowledgeError> {
    base.ok_or(KnowledgeError::InstanceNotFound(instance))
}
