//! The documents that users see of knowledge bases.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::models::knowledge::{
    Citation, EmbeddingState, Found, Hit, KnowledgeBaseState, SnippetPart, VectorUse,
};
use crate::models::{
    Entry, EntryContent, EntryDataType, EntryId, EntrySource, EntryStatus, InstanceId, KnowledgeBaseId,
    LanguageHint,
};

/// The knowledge base of an instance.
#[derive(Serialize, ToSchema)]
#[schema(as = KnowledgeBase, example = json!({
    "id": "0199a3f0-11f2-7b6e-9d57-0c3b6a2e7d03", "instance_id": "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02",
    "entries": {"queued": 1, "processing": 1, "ready": 12, "failed": 0}, "bytes": 1843200, "chunks": 1912,
    "embeddings": {"model": "nomic-embed-text", "waiting": 0, "reason": null},
    "created_at": "2026-11-20T09:12:30.5Z"
}))]
pub(super) struct KnowledgeBaseView {
    id: KnowledgeBaseId,
    instance_id: InstanceId,
    entries: EntryCountsView,
    /// What the entries take of the quota of whoever made the instance.
    #[schema(minimum = 0)]
    bytes: i64,
    /// How many pieces can be found.
    #[schema(minimum = 0)]
    chunks: i64,
    /// How far the vectors of the pieces are, by which a search also finds what means the same; `null` where the platform has no
    /// provider of embeddings.
    embeddings: Option<EmbeddingStateView>,
    created_at: Timestamp,
}

/// How far vectors are.
#[derive(Serialize, ToSchema)]
#[schema(as = EmbeddingState)]
struct EmbeddingStateView {
    /// Of which model they are.
    model: String,
    /// Entries whose pieces have not all got one yet; they are found by their words meanwhile.
    #[schema(minimum = 0)]
    waiting: i64,
    /// Why one of them still waits, if something went wrong.
    reason: Option<String>,
}

impl From<EmbeddingState> for EmbeddingStateView {
    fn from(EmbeddingState { model, waiting, reason }: EmbeddingState) -> Self {
        Self { model, waiting, reason }
    }
}

/// How many entries have come how far.
#[derive(Serialize, ToSchema)]
#[schema(as = EntryCounts)]
struct EntryCountsView {
    #[schema(minimum = 0)]
    queued: i64,
    #[schema(minimum = 0)]
    processing: i64,
    #[schema(minimum = 0)]
    ready: i64,
    #[schema(minimum = 0)]
    failed: i64,
}

impl From<KnowledgeBaseState> for KnowledgeBaseView {
    fn from(state: KnowledgeBaseState) -> Self {
        let KnowledgeBaseState { base, queued, processing, ready, failed, bytes, chunks, embeddings } = state;
        Self {
            id: base.id,
            instance_id: base.instance_id,
            entries: EntryCountsView { queued, processing, ready, failed },
            bytes,
            chunks,
            embeddings: embeddings.map(EmbeddingStateView::from),
            created_at: base.created_at,
        }
    }
}

/// An entry of a knowledge base, without what stands in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Entry, example = json!({
    "id": "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04", "knowledge_base_id": "0199a3f0-11f2-7b6e-9d57-0c3b6a2e7d03",
    "instance_id": "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02", "data_type": "document", "lang_hint": "en", "source": "file",
    "source_url": null, "title": "Price list", "file_name": "prices.pdf", "format": "pdf", "bytes": 81920,
    "status": "ready", "status_reason": null, "revision": 3, "chunks": 42, "attempts": 0, "retry_at": null,
    "created_at": "2026-11-20T09:15:02Z", "updated_at": "2026-11-20T09:15:03.1Z"
}))]
pub(super) struct EntryView {
    id: EntryId,
    knowledge_base_id: KnowledgeBaseId,
    instance_id: InstanceId,
    data_type: EntryDataType,
    lang_hint: LanguageHint,
    source: EntrySource,
    /// The address that it is fetched from, or that is named as its source.
    source_url: Option<String>,
    /// What it is called: by you, or by itself.
    title: Option<String>,
    /// The name of the file that was uploaded.
    file_name: Option<String>,
    /// What its bytes were taken for, once it was read: `text`, `markdown`, `html`, `pdf`, `docx`, `srt` or `vtt`.
    format: Option<String>,
    /// What it takes of the quota.
    #[schema(minimum = 0)]
    bytes: i64,
    status: EntryStatus,
    /// Why it stands there, where there is something to say; for people.
    status_reason: Option<String>,
    /// Grows by one with each change.
    revision: i64,
    /// How many pieces of it can be found.
    #[schema(minimum = 0)]
    chunks: i32,
    /// How often it was begun to be read since you last wished it.
    #[schema(minimum = 0)]
    attempts: i32,
    /// When it is tried again, if it waits for that.
    retry_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let waits_for_retry = entry.status == EntryStatus::Queued && entry.attempts > 0;
        Self {
            id: entry.id,
            knowledge_base_id: entry.knowledge_base_id,
            instance_id: entry.instance_id,
            data_type: entry.data_type,
            lang_hint: entry.lang_hint,
            source: entry.source,
            source_url: entry.source_url,
            title: entry.title,
            file_name: entry.file_name,
            format: entry.format,
            bytes: entry.bytes,
            status: entry.status,
            status_reason: entry.status_reason,
            revision: entry.revision,
            chunks: entry.chunk_count,
            attempts: entry.attempts,
            retry_at: waits_for_retry.then_some(entry.due_at),
            created_at: entry.created_at,
            updated_at: entry.updated_at,
        }
    }
}

/// An entry of a knowledge base with what stands in it.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeEntry, example = json!({
    "id": "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04", "knowledge_base_id": "0199a3f0-11f2-7b6e-9d57-0c3b6a2e7d03",
    "instance_id": "0199a3f0-11f2-7b6e-9d57-0c3a8e5d4f02", "data_type": "document", "lang_hint": "en", "source": "text",
    "source_url": null, "title": "Shipping", "file_name": null, "format": "markdown", "bytes": 45,
    "status": "ready", "status_reason": null, "revision": 3, "chunks": 1, "attempts": 0, "retry_at": null,
    "created_at": "2026-11-20T09:15:02Z", "updated_at": "2026-11-20T09:15:03.1Z",
    "content": "Orders above **500 €** are sent free of charge.", "text": "Orders above 500 € are sent free of charge."
}))]
pub(super) struct WholeEntryView {
    #[serde(flatten)]
    entry: EntryView,
    /// What was sent; of a file or an address what was read out of it, and nothing until it was read.
    content: String,
    /// The text that places in citations count in, where that is another than `content`: without the marks of its format.
    text: Option<String>,
}

impl From<(Entry, EntryContent)> for WholeEntryView {
    fn from((entry, EntryContent { content, extracted }): (Entry, EntryContent)) -> Self {
        Self { entry: entry.into(), content, text: extracted }
    }
}

/// How many entries are going to be read anew.
#[derive(Serialize, ToSchema)]
#[schema(as = Reindexed, example = json!({"queued": 12}))]
pub(super) struct ReindexedView {
    #[schema(minimum = 0)]
    pub(super) queued: i64,
}

/// What a search has found.
#[derive(Serialize, ToSchema)]
#[schema(as = Found, example = json!({"hits": [{
    "entry_id": "0199a3f0-2b1c-7f3a-8e21-5d0c9b7a6e04", "chunk": 7, "score": 4.71,
    "text": "Orders above 500 € are sent free of charge.",
    "snippet": [{"text": "Orders above 500 € are ", "is_match": false}, {"text": "sent", "is_match": true},
        {"text": " ", "is_match": false}, {"text": "free", "is_match": true}, {"text": " of charge.", "is_match": false}],
    "citation": {
        "title": "Price list", "file_name": "prices.pdf", "source_url": null, "data_type": "document", "lang_hint": "en",
        "headings": ["Shipping"], "start": 5120, "end": 5163, "page": 3, "start_ms": null, "end_ms": null
    }
}], "vectors": "used"}))]
pub(super) struct FoundView {
    /// The best first.
    hits: Vec<HitView>,
    vectors: VectorUse,
}

/// A piece of an entry that answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Hit)]
struct HitView {
    entry_id: EntryId,
    /// Which piece of the entry, from 0.
    #[schema(minimum = 0)]
    chunk: i32,
    /// How well it answers; comparable within one answer only.
    score: f64,
    text: String,
    /// The text once more, cut where what was looked for begins and ends: to be shown part by part.
    snippet: Vec<SnippetPartView>,
    citation: CitationView,
}

/// A part of a text.
#[derive(Serialize, ToSchema)]
#[schema(as = SnippetPart)]
struct SnippetPartView {
    text: String,
    /// Whether it is what was looked for.
    is_match: bool,
}

/// Where a piece stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Citation)]
struct CitationView {
    title: Option<String>,
    file_name: Option<String>,
    source_url: Option<String>,
    data_type: EntryDataType,
    lang_hint: LanguageHint,
    /// The headings above the piece, the outermost first.
    headings: Vec<String>,
    /// Where it begins in the entry's text, in characters (Unicode code points).
    #[schema(minimum = 0)]
    start: i32,
    /// Where it ends: the first character that is no longer part of it.
    #[schema(minimum = 0)]
    end: i32,
    /// The page that it begins on, from 1.
    #[schema(minimum = 1)]
    page: Option<i32>,
    /// When it begins in a recording, in milliseconds.
    #[schema(minimum = 0)]
    start_ms: Option<i64>,
    /// When it ends there.
    #[schema(minimum = 0)]
    end_ms: Option<i64>,
}

impl From<Found> for FoundView {
    fn from(Found { hits, vectors }: Found) -> Self {
        Self { hits: hits.into_iter().map(HitView::from).collect(), vectors }
    }
}

impl From<Hit> for HitView {
    fn from(Hit { entry_id, chunk, score, text, snippet, citation }: Hit) -> Self {
        let part = |SnippetPart { text, is_match }| SnippetPartView { text, is_match };
        Self {
            entry_id,
            chunk,
            score,
            text,
            snippet: snippet.into_iter().map(part).collect(),
            citation: citation.into(),
        }
    }
}

impl From<Citation> for CitationView {
    fn from(citation: Citation) -> Self {
        let Citation {
            title,
            file_name,
            source_url,
            data_type,
            lang_hint,
            headings,
            start,
            end,
            page,
            start_ms,
            end_ms,
        } = citation;
        Self {
            title,
            file_name,
            source_url,
            data_type,
            lang_hint,
            headings,
            start,
            end,
            page,
            start_ms,
            end_ms,
        }
    }
}
