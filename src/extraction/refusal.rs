use std::fmt;

use serde::{Deserialize, Serialize};

/// Why no text came of a document. What it says is said to the user, so it tells of nothing inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case", deny_unknown_fields)]
pub enum Refusal {
    /// It is of a kind that is not read.
    UnsupportedType {
        /// What it seems to be.
        seems: Seems,
    },
    /// It cannot be opened without a password.
    Encrypted,
    /// It breaks the rules of its own format.
    Damaged,
    /// It has no bytes, or none but spaces.
    Empty,
    /// There are pages, and no text on them: a scan, usually.
    NoText,
    /// Its text is longer than [`super::Limits::text_bytes_max`].
    TooMuchText,
    /// Its text makes more chunks than [`super::Limits::chunks_max`].
    TooManyChunks,
    /// It is nested deeper than any document that somebody wrote.
    TooDeep,
    /// Unpacked, it is larger than [`super::Limits::unpacked_bytes_max`], or than can be true.
    TooLargeUnpacked,
    /// It took more time of the processor than [`super::Limits::cpu_seconds_max`].
    TooSlow,
    /// It took longer than [`super::Limits::within_ms_max`], by the clock.
    TimedOut,
    /// It took more memory than [`super::Limits::memory_bytes_max`].
    OutOfMemory,
    /// Reading it ended the process that read it.
    Crashed,
    /// Somebody else, or the system, ended the process that read it.
    Killed,
    /// The process that was to read it could not be confined, and did not read it.
    NotConfined,
}

impl Refusal {
    /// The word that programs know it by; never renamed.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnsupportedType { .. } => "unsupported_type",
            Self::Encrypted => "encrypted",
            Self::Damaged => "damaged",
            Self::Empty => "empty",
            Self::NoText => "no_text",
            Self::TooMuchText => "too_much_text",
            Self::TooManyChunks => "too_many_chunks",
            Self::TooDeep => "too_deep",
            Self::TooLargeUnpacked => "too_large_unpacked",
            Self::TooSlow => "too_slow",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::Crashed => "crashed",
            Self::Killed => "killed",
            Self::NotConfined => "not_confined",
        }
    }

    /// Whether the same bytes may be read at another time.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        match self {
            // These depend on the machine and on what else runs there, not on the document alone.
            Self::TimedOut | Self::Killed | Self::NotConfined => true,
            Self::UnsupportedType { .. }
            | Self::Encrypted
            | Self::Damaged
            | Self::Empty
            | Self::NoText
            | Self::TooMuchText
            | Self::TooManyChunks
            | Self::TooDeep
            | Self::TooLargeUnpacked
            | Self::TooSlow
            | Self::OutOfMemory
            | Self::Crashed => false,
        }
    }
}

/// One sentence for the user.
impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnsupportedType { seems } => {
                return write!(formatter, "This seems to be {seems}, which cannot be read.");
            }
            Self::Encrypted => "The document is protected with a password.",
            Self::Damaged => "The document is damaged and cannot be read.",
            Self::Empty => "The document is empty.",
            Self::NoText => "There is no text in the document; it may be a scan.",
            Self::TooMuchText => "The document has more text than can be kept.",
            Self::TooManyChunks => "The document has more sections than can be kept.",
            Self::TooDeep => "The document is nested too deeply.",
            Self::TooLargeUnpacked => "The document is too large once it is unpacked.",
            Self::TooSlow => "The document is too complex to be read.",
            Self::TimedOut => "Reading the document took too long.",
            Self::OutOfMemory => "The document takes too much memory to be read.",
            Self::Crashed => "The document could not be read: reading it failed.",
            Self::Killed => "Reading the document was interrupted.",
            Self::NotConfined => "Documents cannot be read safely at the moment.",
        })
    }
}

impl std::error::Error for Refusal {}

/// What bytes that are not read seem to be. A closed list: the child that says so is not believed more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is what its words below say")]
pub enum Seems {
    Archive,
    Audio,
    Binary,
    Compressed,
    Database,
    Ebook,
    Executable,
    Font,
    Image,
    OldOffice,
    OpenDocument,
    PostScript,
    Presentation,
    RichText,
    Spreadsheet,
    Video,
    Xml,
}

impl fmt::Display for Seems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Archive => "an archive",
            Self::Audio => "an audio recording",
            Self::Binary => "a binary file",
            Self::Compressed => "a compressed file",
            Self::Database => "a database",
            Self::Ebook => "an electronic book",
            Self::Executable => "a program",
            Self::Font => "a font",
            Self::Image => "an image",
            Self::OldOffice => "a document of an old Office (.doc, .xls, .ppt)",
            Self::OpenDocument => "an OpenDocument file",
            Self::PostScript => "a PostScript file",
            Self::Presentation => "a presentation",
            Self::RichText => "a Rich Text file",
            Self::Spreadsheet => "a spreadsheet",
            Self::Video => "a video",
            Self::Xml => "an XML file",
        })
    }
}
