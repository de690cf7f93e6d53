//! How the bytes of an entry are written.

use crate::models::text_enum::text_enum;

text_enum! {
    /// What the bytes of an entry are taken for.
    pub enum Format {
        /// Text without any structure but lines.
        Text = "text",
        /// Text with the marks of Markdown.
        Markdown = "markdown",
        /// A page of the web.
        Html = "html",
        /// A PDF.
        Pdf = "pdf",
        /// A document of Word (Office Open XML).
        Docx = "docx",
        /// Subtitles as SubRip writes them.
        Srt = "srt",
        /// Subtitles of the web.
        Vtt = "vtt",
    }
}
