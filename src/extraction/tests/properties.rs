use proptest::collection::vec;
use proptest::prelude::*;
use unicode_normalization::is_nfc;
use unicode_segmentation::UnicodeSegmentation;

use super::making::{docx_of, pdf};
use super::{Extracted, Format, Limits, Wish, extract, wish};

const LIMITS: Limits = Limits {
    text_bytes_max: 20_000,
    chunks_max: 100,
    unpacked_bytes_max: 1 << 20,
    memory_bytes_max: 0,
    cpu_seconds_max: 0,
    within_ms_max: 0,
};

/// What is true of whatever was extracted.
fn check(extracted: &Extracted) {
    let Extracted { text, chunks, .. } = extracted;
    assert!(text.len() <= LIMITS.text_bytes_max && chunks.len() <= LIMITS.chunks_max && !chunks.is_empty());
    assert!(!text.contains(['\0', '\r', '\u{202e}', '\u{200b}']) && !text.contains("\n\n\n"));
    assert_eq!(text.trim_matches('\n'), text);
    let letters: Vec<char> = text.chars().collect();
    let mut covered = 0;
    let mut before = 0;
    for chunk in chunks {
        let (start, end) = (usize::try_from(chunk.start).unwrap(), usize::try_from(chunk.end).unwrap());
        assert_eq!(letters[start..end].iter().collect::<String>(), chunk.text);
        assert!((1..=1_500).contains(&(end - start)) && !chunk.text.trim().is_empty());
        assert!(start >= before && (start > before || before == 0), "chunks go on");
        let gap: String = letters[covered.min(start)..start].iter().collect();
        assert!(gap.trim().is_empty(), "{gap:?} is in no chunk");
        (before, covered) = (start, covered.max(end));
    }
    assert!(letters[covered..].iter().all(|letter| letter.is_whitespace()));
}

fn formats() -> impl Strategy<Value = Option<Format>> {
    prop::option::of(prop::sample::select(Format::ALL))
}

/// What documents are made of, and what breaks them.
fn scraps() -> impl Strategy<Value = String> {
    let scraps = prop::sample::select(vec![
        "# ",
        "\n\n",
        "\n",
        "- ",
        "1. ",
        "| a | b |\n|---|---|\n",
        "```\n",
        "<p>",
        "</p>",
        "<table><tr><td>",
        "</table>",
        "<li>",
        "<pre>",
        "<nav>",
        "<div hidden>",
        "<!--",
        "&amp;",
        "&#x0;",
        "<title>",
        "00:00:01,000 --> 00:00:02,000\n",
        "WEBVTT\n\n",
        "{\\an8}",
        "<i>",
        "palabra ",
        "niño. ",
        "A\u{301}\u{301}",
        "🇪🇸🇪🇸",
        "👩\u{200d}👧 ",
        "\u{202e}",
        "\u{0}",
        "\u{feff}",
        "\u{1100}\u{1161}",
        "  ",
        "\t",
        "---\n",
        "%PDF-",
        "PK\u{3}\u{4}",
    ]);
    vec(prop_oneof![4 => scraps.prop_map(str::to_owned), 1 => ".{0,40}", 1 => "[a-z]{1,2000}"], 0..60)
        .prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic_and_every_limit_is_kept(bytes in vec(any::<u8>(), 0..3_000), format in formats()) {
        if let Ok(extracted) = extract(&bytes, &Wish { format, ..wish() }, &LIMITS) {
            check(&extracted);
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_chunks_are_what_stands_where_they_say(text in scraps(), format in formats()) {
        if let Ok(extracted) = extract(text.as_bytes(), &Wish { format, ..wish() }, &LIMITS) {
            check(&extracted);
            prop_assert!(is_nfc(&extracted.text));
        }
    }

    #[test]
    fn no_change_of_a_pdf_or_of_a_document_of_word_makes_it_panic(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let document = br#"<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>words</w:t></w:r></w:p></w:body></w:document>"#;
        for mut bytes in [pdf(&[&["Some words"], &["and more"]]), docx_of(document, &[])] {
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            bytes.truncate(bytes.len() - cut.index(bytes.len()) / 8);
            if let Ok(extracted) = extract(&bytes, &wish(), &LIMITS) {
                check(&extracted);
            }
        }
    }

    #[test]
    fn nothing_that_is_seen_as_one_character_is_parted(letters in vec(prop::sample::select(vec![
        "e\u{301}", "🇪🇸", "👩\u{200d}👧\u{200d}👦", "각", "x", "ñ", "👍🏽", " ",
    ]), 1_600..6_000)) {
        let text = letters.concat();
        let Ok(extracted) = extract(text.as_bytes(), &wish(), &Limits::default()) else { return Ok(()) };
        let mut chars = 0;
        let borders: std::collections::HashSet<usize> = extracted.text.graphemes(true).map(|grapheme| {
            let start = chars;
            chars += grapheme.chars().count();
            start
        }).collect();
        for chunk in &extracted.chunks {
            let (start, end) = (usize::try_from(chunk.start).unwrap(), usize::try_from(chunk.end).unwrap());
            prop_assert!(borders.contains(&start) && (end == chars || borders.contains(&end)));
        }
    }
}
