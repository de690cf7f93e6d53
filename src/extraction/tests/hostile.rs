use std::fmt::Write;

use super::making::{pdf, pdf_with};
use super::{Format, Limits, Refusal, extract, read, read_as, wish};
use pdf_extract::{Object, dictionary};

#[test]
fn a_pdf_that_is_cut_anywhere_is_read_or_refused() {
    let whole = pdf(&[&["Some words"], &["and more"]]);
    for length in (0..whole.len()).step_by(37) {
        let read = read(&whole[..length]);
        let is_orderly = matches!(read, Ok(_) | Err(Refusal::Damaged | Refusal::NoText | Refusal::Empty));
        assert!(is_orderly || length < 8, "{length}: {read:?}");
    }
}

#[test]
fn pages_that_are_their_own_parents_are_refused() {
    let bytes = pdf_with(&[&["words"]], |document| {
        let pages = document.catalog().unwrap().get(b"Pages").unwrap().as_reference().unwrap();
        document.get_dictionary_mut(pages).unwrap().set("Parent", pages);
    });
    assert_eq!(read(&bytes), Err(Refusal::TooDeep));
    let bytes = pdf_with(&[&["words"]], |document| {
        let pages = document.catalog().unwrap().get(b"Pages").unwrap().as_reference().unwrap();
        document.get_dictionary_mut(pages).unwrap().set("Kids", vec![Object::Reference(pages); 3]);
    });
    assert_eq!(read(&bytes), Err(Refusal::Damaged));
}

#[test]
fn the_21_kilobytes_that_ended_processes_are_refused() {
    // RUSTSEC-2026-0187: lists within lists, ten thousand deep.
    let nested = format!("{}{}", "[".repeat(10_380), "]".repeat(10_380));
    let mut bytes = String::from("%PDF-1.5\n");
    let catalog = bytes.len();
    write!(bytes, "1 0 obj\n<</Type/Catalog/Pages 2 0 R/X {nested}>>\nendobj\n").unwrap();
    let start = bytes.len();
    write!(bytes, "xref\n0 2\n0000000000 65535 f \n{catalog:010} 00000 n \ntrailer\n<</Size 2/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").unwrap();
    assert_eq!(read(bytes.as_bytes()), Err(Refusal::Damaged));
}

#[test]
fn a_page_that_makes_the_library_panic_costs_itself() {
    let bytes = pdf_with(&[&["The first page."], &["lost"], &["The third page."]], |document| {
        let second = document.get_pages()[&2];
        let content =
            document.add_object(pdf_extract::Stream::new(dictionary! {}, b"(x) Tj (y) cm 1 0 Td".to_vec()));
        document.get_dictionary_mut(second).unwrap().set("Contents", content);
    });
    assert_eq!(read(&bytes).unwrap().text, "The first page.\n\nThe third page.");
}

#[test]
fn a_hundred_thousand_nested_tags_are_only_their_text() {
    for element in ["div", "b", "ul><li", "table><tr><td", "blockquote", "svg", "nav"] {
        let page = format!("<!doctype html>words{}", format!("<{element}>").repeat(100_000));
        assert!(read(page.as_bytes()).unwrap().text.starts_with("words"), "{element}");
    }
}

#[test]
fn markdown_that_is_nested_without_end_is_read_in_time() {
    for (text, times) in
        [("> ", 10_000), ("[", 50_000), ("*a **b", 10_000), ("- ", 2_000), ("`", 50_000), ("<a ", 50_000)]
    {
        let text = format!("words\n\n{}x", text.repeat(times));
        assert!(read_as(text.as_bytes(), Format::Markdown).is_ok(), "{text:.10}");
    }
}

#[test]
fn sixty_four_megabytes_of_one_character_are_too_much_text() {
    assert_eq!(read(&vec![b'a'; 64 << 20]), Err(Refusal::TooMuchText));
    for format in [Format::Markdown, Format::Html] {
        assert_eq!(read_as(&vec![b'a'; 10 << 20], format), Err(Refusal::TooMuchText), "{format}");
    }
}

#[test]
fn more_chunks_than_there_may_be_are_refused() {
    let text = "# Heading\n\nwords\n\n".repeat(50);
    let limits = Limits { chunks_max: 49, ..Limits::default() };
    let wish = super::Wish { format: Some(Format::Markdown), ..wish() };
    assert_eq!(extract(text.as_bytes(), &wish, &limits), Err(Refusal::TooManyChunks));
}

#[test]
fn a_file_under_a_wrong_name_is_what_it_is() {
    let bytes = pdf(&[&["words"]]);
    assert_eq!(read_as(&bytes, Format::Srt).unwrap().format, Format::Pdf);
    assert_eq!(read_as(b"words", Format::Pdf).unwrap().format, Format::Text);
    assert!(matches!(read_as(b"\x89PNG\r\n\x1a\n\0", Format::Text), Err(Refusal::UnsupportedType { .. })));
}
