//! What a knowledge base holds, and how it is searched.

mod base;
mod chunk;
mod entry;
mod fingerprint;
mod format;
mod hit;
mod query;
mod vector;

pub use base::{EmbeddingState, KnowledgeBase, KnowledgeBaseState};
pub use chunk::Chunk;
pub use entry::{
    Entry, EntryContent, EntryDataType, EntryFilter, EntryPatch, EntrySource, EntryStatus, LanguageHint,
    NewEntry,
};
pub use fingerprint::{ContentHash, ContentHasher};
pub use format::Format;
pub use hit::{Citation, Found, Hit, SnippetPart, VectorUse};
pub use query::{SearchQuery, Term, TermKind};
pub use vector::Vector;
