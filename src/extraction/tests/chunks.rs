use super::{Format, read, read_as};
use crate::models::knowledge::Chunk;

fn sentences(number: usize) -> String {
    (0..number).map(|number| format!("Sentence {number} says a little more than the one before. ")).collect()
}

#[test]
fn chunks_overlap_end_with_sentences_and_leave_nothing_out() {
    let extracted = read(sentences(200).as_bytes()).unwrap();
    assert!(extracted.chunks.len() > 8);
    for pair in extracted.chunks.windows(2) {
        let [chunk, next] = pair else { unreachable!() };
        assert!((600..=1_500).contains(&chunk.text.chars().count()), "{}", chunk.text.len());
        assert!(chunk.text.starts_with("Sentence") && chunk.text.ends_with("before."), "{}", chunk.text);
        let shared = chunk.end - next.start;
        assert!((50..=250).contains(&shared), "{shared}");
    }
    assert_eq!(extracted.chunks[0].start, 0);
    let length = u32::try_from(extracted.text.chars().count()).unwrap();
    assert_eq!(extracted.chunks.last().map(|chunk| chunk.end), Some(length));
}

#[test]
fn a_heading_begins_a_chunk_and_is_part_of_it() {
    let text = format!("# Guide\n\n## One\n\n{}\n\n## Two\n\nShort.\n\n# Other\n\nEnd.", sentences(40));
    let extracted = read_as(text.as_bytes(), Format::Markdown).unwrap();
    let begins = |chunk: &Chunk| (chunk.headings.join("/"), chunk.text.lines().next().unwrap().to_owned());
    let begun: Vec<(String, String)> = extracted.chunks.iter().map(begins).collect();
    assert_eq!(begun[0], ("Guide/One".to_owned(), "Guide".to_owned()));
    assert!(extracted.chunks[0].text.starts_with("Guide\n\nOne\n\nSentence 0"));
    let last = &begun[begun.len() - 2..];
    assert_eq!(last, [("Guide/Two".to_owned(), "Two".to_owned()), ("Other".to_owned(), "Other".to_owned())]);
    assert!(begun[1..begun.len() - 2].iter().all(|(headings, _)| headings == "Guide/One"));
}

#[test]
fn a_text_a_little_longer_than_a_chunk_becomes_two_that_are_alike() {
    let extracted = read(sentences(30).as_bytes()).unwrap();
    let lengths: Vec<usize> = extracted.chunks.iter().map(|chunk| chunk.text.chars().count()).collect();
    assert!(lengths.len() == 2 && lengths.iter().all(|length| *length > 600), "{lengths:?}");
}

#[test]
fn one_line_of_ten_megabytes_is_cut_in_linear_time() {
    // Anything that is not linear takes hours, and whoever runs the tests ends it.
    let limits = super::Limits { text_bytes_max: 32 << 20, ..super::Limits::default() };
    for text in
        ["x".repeat(10 << 20), "🇪🇸".repeat(1 << 18), "\u{1100}".repeat(1 << 18), "👩\u{200d}".repeat(1 << 18)]
    {
        let extracted = super::extract(text.as_bytes(), &super::wish(), &limits).unwrap();
        assert!(extracted.chunks.iter().all(|chunk| chunk.end - chunk.start <= 1_500));
    }
}
