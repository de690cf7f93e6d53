use std::time::{Duration, Instant};

use botberi::extraction::{ExtractionError, Limits, Refusal};

use super::making::forms;
use super::{child, endless, eventually, extractor, is_there, marked, refusal, wish};

#[tokio::test]
async fn a_document_that_takes_more_memory_than_it_may_is_refused() {
    let limits = Limits { memory_bytes_max: 32 << 20, text_bytes_max: 128 << 20, ..Limits::default() };
    // Too large to be held, and too large only once it is read.
    for bytes in [vec![b'x'; 120 << 20], b"x\n\n".repeat(4 << 20)] {
        assert_eq!(refusal(&bytes, limits).await, Refusal::OutOfMemory, "{}", bytes.len());
    }
}

#[tokio::test]
async fn a_document_that_takes_more_time_of_the_processor_than_it_may_is_refused() {
    let limits = Limits { cpu_seconds_max: 1, ..Limits::default() };
    let begun = Instant::now();
    // A form that is shown 2^50 times.
    assert_eq!(refusal(&forms(50, None), limits).await, Refusal::TooSlow);
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn a_document_that_takes_longer_than_it_may_is_refused_and_its_child_is_gone() {
    let limits = Limits { within_ms_max: 1_500, ..marked(1) };
    let extractor = extractor(limits);
    let wish = wish();
    let (refused, process) = tokio::join!(extractor.extract(&wish, endless()), eventually(|| child(limits)));
    assert!(matches!(refused, Err(ExtractionError::Refused(Refusal::TimedOut))), "{refused:?}");
    assert!(!is_there(process));
}

#[tokio::test]
async fn a_document_that_ends_the_process_that_reads_it_is_refused() {
    // A form that shows itself is followed until the stack ends.
    assert_eq!(refusal(&forms(1, Some(0)), Limits::default()).await, Refusal::Crashed);
}

#[tokio::test]
async fn more_text_than_there_may_be_is_refused() {
    let limits = Limits { text_bytes_max: 1_000, ..Limits::default() };
    assert_eq!(refusal(&vec![b'x'; 1_001], limits).await, Refusal::TooMuchText);
}
