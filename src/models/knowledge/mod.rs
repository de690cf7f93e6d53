//! What a knowledge base holds.

mod chunk;
mod format;

pub use chunk::Chunk;
pub use format::Format;

use super::text_enum::text_enum;

text_enum! {
    /// What kind of thing an entry is.
    pub enum EntryDataType {
        /// A text, or a file that holds one.
        Document = "document",
        /// A film, or a link to one.
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
