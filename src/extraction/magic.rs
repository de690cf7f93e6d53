//! The first bytes of what is not read, and of what comes in an archive.

use super::{Refusal, Seems};
use crate::models::knowledge::Format;

/// Where a kind shows, by what, and which it is.
const MAGIC: &[(usize, &[u8], Seems)] = &[
    (0, b"\x7fELF", Seems::Executable),
    (0, b"\xfe\xed\xfa\xce", Seems::Executable),
    (0, b"\xfe\xed\xfa\xcf", Seems::Executable),
    (0, b"\xce\xfa\xed\xfe", Seems::Executable),
    (0, b"\xcf\xfa\xed\xfe", Seems::Executable),
    (0, b"\xca\xfe\xba\xbe", Seems::Executable),
    (0, b"\0asm", Seems::Executable),
    (0, b"\x89PNG\r\n\x1a\n", Seems::Image),
    (0, b"\xff\xd8\xff", Seems::Image),
    (0, b"GIF87a", Seems::Image),
    (0, b"GIF89a", Seems::Image),
    (0, b"II*\0", Seems::Image),
    (0, b"MM\0*", Seems::Image),
    (8, b"WEBP", Seems::Image),
    (4, b"ftypheic", Seems::Image),
    (4, b"ftypavif", Seems::Image),
    (4, b"ftypM4A", Seems::Audio),
    (4, b"ftyp", Seems::Video),
    (8, b"AVI ", Seems::Video),
    (8, b"WAVE", Seems::Audio),
    (0, b"\x1a\x45\xdf\xa3", Seems::Video),
    (0, b"FLV\x01", Seems::Video),
    (0, b"\0\0\x01\xba", Seems::Video),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Seems::Video),
    (0, b"OggS", Seems::Audio),
    (0, b"fLaC", Seems::Audio),
    (0, b"ID3", Seems::Audio),
    (0, b"\xff\xfb", Seems::Audio),
    (0, b"\xff\xf3", Seems::Audio),
    (0, b"\x1f\x8b", Seems::Compressed),
    (0, b"BZh", Seems::Compressed),
    (0, b"\xfd7zXZ\0", Seems::Compressed),
    (0, b"\x28\xb5\x2f\xfd", Seems::Compressed),
    (0, b"7z\xbc\xaf\x27\x1c", Seems::Archive),
    (0, b"Rar!\x1a\x07", Seems::Archive),
    (257, b"ustar", Seems::Archive),
    (0, b"PK\x05\x06", Seems::Archive),
    (0, b"PK\x07\x08", Seems::Archive),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Seems::OldOffice),
    (0, b"SQLite format 3\0", Seems::Database),
    (0, b"wOFF", Seems::Font),
    (0, b"wOF2", Seems::Font),
    (0, b"OTTO\0", Seems::Font),
    (0, b"\0\x01\0\0\0", Seems::Font),
];

/// What the bytes seem to be, if it is something that is known and not read.
pub(super) fn seems(head: &[u8]) -> Option<Seems> {
    let is_at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    // Two letters may begin any text; a program for Windows has zeros close by.
    if is_at(0, b"MZ") && head[..head.len().min(64)].contains(&0) {
        return Some(Seems::Executable);
    }
    // So may `BM`, and a bitmap has zeros where its size ends.
    if is_at(0, b"BM") && head.get(6..10) == Some(b"\0\0\0\0") {
        return Some(Seems::Image);
    }
    MAGIC.iter().find(|(offset, magic, _)| is_at(*offset, magic)).map(|(_, _, seems)| *seems)
}

/// What an archive is by the names of its first files: they stand before the files themselves.
pub(super) fn office(head: &[u8]) -> Result<Format, Refusal> {
    let mut is_of_office = false;
    for place in memchr::memmem::find_iter(head, b"PK\x03\x04") {
        let Some((name, content)) = file_in_archive(&head[place..]) else { break };
        if name.starts_with(b"word/") {
            return Ok(Format::Docx);
        }
        is_of_office |= matches!(name, b"[Content_Types].xml" | b"_rels/.rels");
        if let Some(seems) = by_file_name(name, content) {
            return Err(Refusal::UnsupportedType { seems });
        }
    }
    // Any document of the Office may begin like this; whoever reads it finds out.
    if is_of_office { Ok(Format::Docx) } else { Err(Refusal::UnsupportedType { seems: Seems::Archive }) }
}

/// The name of a file and what is seen of its content, from its header on.
fn file_in_archive(header: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u16::from_le_bytes([*header.get(26)?, *header.get(27)?]);
    let rest = header.get(30..)?;
    Some(rest.split_at(usize::from(length).min(rest.len())))
}

fn by_file_name(name: &[u8], content: &[u8]) -> Option<Seems> {
    match name {
        b"mimetype" if content.starts_with(b"application/epub") => Some(Seems::Ebook),
        b"mimetype" => Some(Seems::OpenDocument),
        b"META-INF/MANIFEST.MF" | b"AndroidManifest.xml" => Some(Seems::Executable),
        _ if name.starts_with(b"xl/") => Some(Seems::Spreadsheet),
        _ if name.starts_with(b"ppt/") => Some(Seems::Presentation),
        _ => None,
    }
}
