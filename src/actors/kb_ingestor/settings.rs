//! How entries are read: the section `[kb_ingestor]` of the configuration.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::actors::system::Backoff;
use crate::extraction::{Extractor, Limits};
use crate::faults::Faults;

/// The longest pause before an address is asked again.
const RETRY_WITHIN: Duration = Duration::from_secs(3_600);

/// More would only wait for one another: each has a process.
const READERS_MAX: usize = 64;

/// How many are read, how often, and what each may take.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KbIngestorSettings {
    /// Entries that are read at once; 0 to 64, and 0 is one for each core and two at least.
    readers: usize,
    /// The program that reads documents, as a path; empty for this one.
    program: PathBuf,
    /// How often an entry is begun; 1 to 100.
    pub attempts_max: i32,
    /// The first pause before an address is asked again, in milliseconds; 10 to 3,600,000.
    retry_ms: u64,
    /// How often entries are looked for without a hint, in milliseconds; 10 to 60,000.
    sweep_ms: u64,
    /// Memory of one child, in bytes; 67,108,864 to 17,179,869,184.
    memory_bytes_max: u64,
    /// Seconds of a processor of one child; 1 to 3,600.
    cpu_seconds_max: u64,
    /// How long a child may take by the clock, in milliseconds; 100 to 3,600,000.
    read_timeout_ms: u64,
    /// Text of one entry, in bytes; 1,024 to 67,108,864.
    text_bytes_max: usize,
    /// Chunks of one entry; 1 to 1,000,000.
    chunks_max: usize,
    /// Everything that is unpacked of one document, in bytes; 1,024 to 17,179,869,184.
    unpacked_bytes_max: u64,
}

impl KbIngestorSettings {
    /// Notes what is out of range.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("readers", self.readers, 0..=READERS_MAX);
        faults.range("attempts_max", self.attempts_max, 1..=100);
        faults.range("retry_ms", self.retry_ms, 10..=3_600_000);
        faults.range("sweep_ms", self.sweep_ms, 10..=60_000);
        faults.range("memory_bytes_max", self.memory_bytes_max, 64 << 20..=16 << 30);
        faults.range("cpu_seconds_max", self.cpu_seconds_max, 1..=3_600);
        faults.range("read_timeout_ms", self.read_timeout_ms, 100..=3_600_000);
        faults.range("text_bytes_max", self.text_bytes_max, 1_024..=64 << 20);
        faults.range("chunks_max", self.chunks_max, 1..=1_000_000);
        faults.range("unpacked_bytes_max", self.unpacked_bytes_max, 1_024..=16 << 30);
    }

    /// What reads documents, and what each may take.
    ///
    /// # Errors
    /// When the system does not say which program this is.
    pub fn extractor(&self) -> io::Result<Extractor> {
        let limits = self.limits();
        if self.program.as_os_str().is_empty() {
            Extractor::of_this_program(limits)
        } else {
            Ok(Extractor { program: self.program.clone(), limits })
        }
    }

    const fn limits(&self) -> Limits {
        Limits {
            text_bytes_max: self.text_bytes_max,
            chunks_max: self.chunks_max,
            unpacked_bytes_max: self.unpacked_bytes_max,
            memory_bytes_max: self.memory_bytes_max,
            cpu_seconds_max: self.cpu_seconds_max,
            within_ms_max: self.read_timeout_ms,
        }
    }

    pub(super) fn readers(&self) -> usize {
        if self.readers > 0 {
            return self.readers;
        }
        // Two at least: one that fetches, and one that does not wait for that.
        std::thread::available_parallelism().map_or(1, usize::from).clamp(2, READERS_MAX)
    }

    pub(super) const fn sweep(&self) -> Duration {
        Duration::from_millis(self.sweep_ms)
    }

    /// The pauses before an address is asked again.
    pub(super) const fn retry(&self) -> Backoff {
        Backoff { min: Duration::from_millis(self.retry_ms), max: RETRY_WITHIN }
    }

    /// How long reading one entry may take in all: with fetching and keeping.
    pub(super) fn deadline_ms(&self, fetch: Duration) -> i64 {
        let all = Duration::from_millis(self.read_timeout_ms).saturating_add(fetch).saturating_add(KEEPING);
        i64::try_from(all.as_millis()).unwrap_or(i64::MAX)
    }
}

/// How long it may take to write twenty thousand chunks into a database that has other things to do.
const KEEPING: Duration = Duration::from_secs(120);
