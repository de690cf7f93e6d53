use botberi::extraction::{Extracted, Format, Limits, Refusal, Seems, Wish, extract};

use super::{extractor, pieces, read, refusal, wish};

#[tokio::test]
async fn a_child_says_what_would_have_been_read_here() {
    let guide = format!(
        "# Guía\n\n{}\n\n## Más\n\n- uno\n- dos\n",
        "El niño dijo «sí» y se fue a casa. ".repeat(5_000)
    );
    let named = Wish { name: Some("guía.md".to_owned()), ..wish() };
    for bytes in [
        guide.as_bytes(),
        b"words",
        b"<html><title>T</title><p>words",
        b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n",
    ] {
        let here = extract(bytes, &named, &Limits::default()).unwrap();
        let there: Extracted = extractor(Limits::default()).extract(&named, pieces(bytes)).await.unwrap();
        assert_eq!(there, here);
    }
}

#[tokio::test]
async fn a_probe_shows_that_children_can_be_confined_and_read() {
    extractor(Limits::default()).probe().await.unwrap();
}

#[tokio::test]
async fn a_child_refuses_what_would_have_been_refused_here() {
    let limits = Limits::default();
    assert_eq!(refusal(b"", limits).await, Refusal::Empty);
    let image = Refusal::UnsupportedType { seems: Seems::Image };
    assert_eq!(refusal(b"\x89PNG\r\n\x1a\n\0\0", limits).await, image);
    assert_eq!(refusal(b"%PDF-1.7 and no more", limits).await, Refusal::Damaged);
    assert_eq!(read(b"words", limits).await.unwrap().format, Format::Text);
}
