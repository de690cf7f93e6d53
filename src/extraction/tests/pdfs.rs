use pdf_extract::{EncryptionState, EncryptionVersion, Object, Permissions, StringFormat, dictionary};

use super::making::{pdf, pdf_with};
use super::{Format, Refusal, named, read};
use crate::extraction::{Limits, extract};

#[test]
fn a_pdf_is_running_text_and_its_chunks_know_their_pages() {
    let pages: [&[&str]; 2] = [
        &[
            "El informe de la com-",
            "pañía dice que todo",
            "va bien.",
            "",
            "",
            "Segundo párrafo, más",
            "largo que una línea.",
        ],
        &["Page two is in English."],
    ];
    let bytes = pdf_with(&pages, |document| {
        let title = Object::String(b"\xfe\xff\0A\0\xf1\0o".to_vec(), StringFormat::Literal);
        let information = document.add_object(dictionary! { "Title" => title });
        document.trailer.set("Info", information);
    });
    // The name lies.
    let extracted = extract(&bytes, &named("notes.txt"), &Limits::default()).unwrap();
    assert_eq!(extracted.format, Format::Pdf);
    assert_eq!(extracted.title.as_deref(), Some("Año"));
    let expected = "El informe de la compañía dice que todo va bien.\n\nSegundo párrafo, más largo que una línea.\n\n\
                    Page two is in English.";
    assert_eq!(extracted.text, expected);
    assert_eq!(extracted.chunks[0].page, Some(1));
}

#[test]
fn the_chunks_of_a_long_pdf_begin_on_their_pages() {
    let line = "Words of a page that go on for a while so that a chunk is filled.";
    let page: Vec<&str> = std::iter::repeat_n(line, 40).collect();
    let pages: Vec<&[&str]> = std::iter::repeat_n(page.as_slice(), 4).collect();
    let extracted = read(&pdf(&pages)).unwrap();
    let on: Vec<u32> = extracted.chunks.iter().map(|chunk| chunk.page.unwrap()).collect();
    assert!(on.is_sorted() && on.first() == Some(&1) && on.last() == Some(&4), "{on:?}");
}

#[test]
fn a_scan_has_no_text() {
    assert_eq!(read(&pdf(&[&[], &[]])), Err(Refusal::NoText));
}

#[test]
fn a_pdf_under_a_password_is_refused_and_one_under_an_empty_password_is_read() {
    let encrypted = |password: &'static str| {
        pdf_with(&[&["Secret words"]], |document| {
            let id = Object::String(b"0123456789abcdef".to_vec(), StringFormat::Literal);
            document.trailer.set("ID", vec![id.clone(), id]);
            let permissions = Permissions::all();
            let version = EncryptionVersion::V2 {
                document,
                owner_password: "owner",
                user_password: password,
                key_length: 128,
                permissions,
            };
            let state = EncryptionState::try_from(version).unwrap();
            document.encrypt(&state).unwrap();
        })
    };
    assert_eq!(read(&encrypted("user")), Err(Refusal::Encrypted));
    assert_eq!(read(&encrypted("")).unwrap().text, "Secret words");
}
