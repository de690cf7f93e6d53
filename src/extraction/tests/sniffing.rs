use super::making::{archive, docx, pdf};
use super::{Format, Refusal};
use crate::extraction::{HEAD_BYTES, Seems, sniff};

#[test]
fn what_is_read_is_known_by_its_bytes() {
    let docx = docx("<w:p/>", &[]);
    let pdf = pdf(&[&["Hola"]]);
    let cases: [(&[u8], Option<&str>, Format); 19] = [
        (b"Just words.", None, Format::Text),
        (b"# A title\n\nwords", None, Format::Text),
        (b"# A title\n\nwords", Some("README.md"), Format::Markdown),
        (b"# A title\n\nwords", Some("notes.MARKDOWN"), Format::Markdown),
        (b"name,age\nAda,36\n", Some("people.csv"), Format::Text),
        (b"<!DOCTYPE html><p>words", None, Format::Html),
        (b"\xef\xbb\xbf\n<!-- made by hand -->\n<html lang=es><p>words", Some("page.txt"), Format::Html),
        (b"<?xml version=\"1.0\"?><!DOCTYPE html><html/>", None, Format::Html),
        (b"<div class=x>words</div>", None, Format::Html),
        (b"<div align=center>words</div>", Some("README.md"), Format::Markdown),
        (b"words and <b>words</b>", Some("part.html"), Format::Html),
        (b"<print this and that", None, Format::Text),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", Some("film.txt"), Format::Srt),
        (b"\r\n1\r\n00:00:01.000 --> 00:00:02.000\r\nHi\r\n", None, Format::Srt),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", Some("film.srt"), Format::Vtt),
        (&pdf, None, Format::Pdf),
        (&pdf, Some("letter.txt"), Format::Pdf),
        (&docx, None, Format::Docx),
        (&docx, Some("letter.pdf"), Format::Docx),
    ];
    for (bytes, name, format) in cases {
        let head = &bytes[..bytes.len().min(HEAD_BYTES)];
        assert_eq!(sniff(head, name), Ok(format), "{name:?} {}", head.escape_ascii());
    }
}

#[test]
fn text_is_no_pdf_and_no_document_of_word_whatever_it_is_called() {
    for name in ["letter.pdf", "letter.docx", "letter.doc", "letter.exe", "letter"] {
        assert_eq!(sniff(b"Dear Ada,", Some(name)), Ok(Format::Text), "{name}");
    }
}

#[test]
fn what_is_not_read_is_refused_with_what_it_seems_to_be() {
    let xlsx = archive(&[("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")]);
    let pptx = archive(&[("[Content_Types].xml", b"<Types/>"), ("ppt/presentation.xml", b"<p/>")]);
    let files = archive(&[("photos/one.png", b"\x89PNG")]);
    let jar = archive(&[("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0")]);
    let cases: [(&[u8], Seems); 21] = [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Seems::Image),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Seems::Image),
        (b"GIF89a\x01\0\x01\0", Seems::Image),
        (b"RIFF\x24\0\0\0WEBPVP8 ", Seems::Image),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Seems::Image),
        (b"<?xml version=\"1.0\"?><svg/>", Seems::Image),
        (b"<?xml version=\"1.0\"?><feed/>", Seems::Xml),
        (b"MZ\x90\0\x03\0\0\0\x04", Seems::Executable),
        (b"\x7fELF\x02\x01\x01\0", Seems::Executable),
        (&jar, Seems::Executable),
        (b"\0\0\0\x20ftypisom\0\0\x02\0", Seems::Video),
        (b"\x1a\x45\xdf\xa3\x01\0", Seems::Video),
        (b"ID3\x03\0\0\0\0", Seems::Audio),
        (b"\x1f\x8b\x08\0\0\0\0\0", Seems::Compressed),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", Seems::OldOffice),
        (b"{\\rtf1\\ansi words}", Seems::RichText),
        (b"%!PS-Adobe-3.0\n", Seems::PostScript),
        (&xlsx, Seems::Spreadsheet),
        (&pptx, Seems::Presentation),
        (&files, Seems::Archive),
        (b"\x01\x02\x03\0\x04\x05\xfe\xff\x99", Seems::Binary),
    ];
    for (bytes, seems) in cases {
        for name in [None, Some("notes.txt"), Some("letter.pdf")] {
            assert_eq!(
                sniff(bytes, name),
                Err(Refusal::UnsupportedType { seems }),
                "{}",
                bytes.escape_ascii()
            );
        }
    }
    assert_eq!(sniff(b"", Some("notes.txt")), Err(Refusal::Empty));
}

#[test]
fn a_document_of_an_office_under_a_password_is_told_from_an_old_one() {
    let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    bytes.resize(1_024, 0);
    bytes.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(sniff(&bytes, None), Err(Refusal::Encrypted));
}

#[test]
fn a_refusal_says_one_sentence_and_has_a_code_that_is_also_sent() {
    let refusal = Refusal::UnsupportedType { seems: Seems::Spreadsheet };
    assert_eq!(refusal.to_string(), "This seems to be a spreadsheet, which cannot be read.");
    for refusal in [refusal, Refusal::TooLargeUnpacked, Refusal::NotConfined, Refusal::OutOfMemory] {
        let sent = serde_json::to_value(refusal).unwrap();
        assert_eq!(sent["code"], refusal.code());
        assert_eq!(serde_json::from_value::<Refusal>(sent).unwrap(), refusal);
    }
}
