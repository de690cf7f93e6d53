//! Documents and the children that read them. These tests need no servers.

mod children;
mod documents;
mod limits;
mod making;

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use botberi::extraction::{Extracted, ExtractionError, Extractor, Limits, Refusal, Wish};
use botberi::models::knowledge::EntryDataType;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

fn extractor(limits: Limits) -> Extractor {
    Extractor { program: env!("CARGO_BIN_EXE_botberi").into(), limits }
}

fn wish() -> Wish {
    Wish { format: None, name: None, data_type: EntryDataType::Document }
}

/// Bytes as they come from somewhere: piece by piece.
fn pieces(bytes: &[u8]) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    let pieces: Vec<io::Result<Bytes>> =
        bytes.chunks(50_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

/// A document that begins and of which no more comes.
fn endless() -> impl Stream<Item = io::Result<Bytes>> {
    pieces(b"The beginning.").chain(stream::pending())
}

async fn read(bytes: &[u8], limits: Limits) -> Result<Extracted, ExtractionError<io::Error>> {
    extractor(limits).extract(&wish(), pieces(bytes)).await
}

/// What a document is refused with.
async fn refusal(bytes: &[u8], limits: Limits) -> Refusal {
    match read(bytes, limits).await {
        Err(ExtractionError::Refused(refusal)) => refusal,
        Err(error) => panic!("{error}"),
        Ok(extracted) => panic!("{} bytes were read", extracted.text.len()),
    }
}

/// Limits by which the one child that has them is known among all processes.
fn marked(mark: u64) -> Limits {
    Limits {
        memory_bytes_max: (256 << 20) + (u64::from(std::process::id()) << 4) + mark,
        ..Limits::default()
    }
}

/// The child with these limits, if there is one; one that has ended and was not reaped is one.
fn child(limits: Limits) -> Option<u32> {
    let mark = limits.memory_bytes_max.to_string();
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.into_iter().find(|process: &u32| {
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).any(|word| word == mark.as_bytes())
    })
}

/// Whether there is a process of this id that has not been reaped.
fn is_there(process: u32) -> bool {
    fs::exists(format!("/proc/{process}/stat")).unwrap()
}

/// Waits until something is there.
async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it did not come");
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

/// A line of a file of `/proc` that begins like this.
fn line(process: u32, file: &str, start: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>().join(" "));
    lines.find(|line| line.starts_with(start))
}
