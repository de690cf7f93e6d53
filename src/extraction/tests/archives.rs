//! Archives and XML that unpack into more than they are.

use super::making::{archive, docx, docx_of};
use super::{Refusal, read, wish};
use crate::extraction::{Limits, Seems, extract};

#[test]
fn a_document_that_unpacks_into_gigabytes_is_refused_before_it_does() {
    let zeros = vec![b' '; 64 << 20];
    let bytes = docx_of(&zeros, &[]);
    assert!(bytes.len() < 200_000);
    assert_eq!(read(&bytes), Err(Refusal::TooLargeUnpacked));
    // What only lies about its size, in its header and in the archive's list, has an end within its elements.
    let text = format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "words ".repeat(100_000));
    let mut bytes = docx(&text, &[]);
    let honest = u32::try_from(text.len() + 112).unwrap();
    let mut lies = 0;
    for place in 0..bytes.len() - 4 {
        let size = u32::from_le_bytes(bytes[place..place + 4].try_into().unwrap());
        if size.abs_diff(honest) < 64 {
            bytes[place..place + 4].copy_from_slice(&100_u32.to_le_bytes());
            lies += 1;
        }
    }
    assert!(lies >= 1);
    assert_eq!(read(&bytes), Err(Refusal::Damaged));
}

#[test]
fn the_parts_of_a_document_are_bounded_together() {
    let text = format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "x".repeat(10_000));
    let limits = Limits { unpacked_bytes_max: 5_000, ..Limits::default() };
    assert_eq!(extract(&docx(&text, &[]), &wish(), &limits), Err(Refusal::TooLargeUnpacked));
}

#[test]
fn entities_of_a_documents_own_are_not_followed() {
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>
        <w:document xmlns:w="w"><w:body><w:p><w:r><w:t>&b;&x;</w:t></w:r></w:p></w:body></w:document>"#;
    assert_eq!(read(&docx_of(bomb.as_bytes(), &[])), Err(Refusal::Damaged));
    assert_eq!(read(&docx("<w:p><w:r><w:t>&undeclared;</w:t></w:r></w:p>", &[])), Err(Refusal::Damaged));
}

#[test]
fn elements_a_hundred_thousand_deep_are_refused() {
    let deep = ["<p>".repeat(100_000), "</p>".repeat(100_000)].concat();
    assert_eq!(read(&docx(&deep, &[])), Err(Refusal::TooDeep));
}

#[test]
fn an_archive_that_only_begins_like_a_document_is_refused() {
    let types = ("[Content_Types].xml", b"<Types/>".as_slice());
    let seems = |seems| Err(Refusal::UnsupportedType { seems });
    assert_eq!(
        read(&archive(&[types, ("docProps/app.xml", b"<x/>"), ("a.xml", b"<x/>")])),
        seems(Seems::Archive)
    );
    let mut cut = docx("<w:p><w:r><w:t>words</w:t></w:r></w:p>", &[]);
    cut.truncate(cut.len() / 2);
    assert_eq!(read(&cut), Err(Refusal::Damaged));
}
