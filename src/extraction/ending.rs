//! How a child ended, and what that says about the document.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::Refusal;

/// What Rust's allocator says before it aborts.
const NO_MEMORY: &[u8] = b"memory allocation of ";

/// Why there is no answer of a child that ended like this; `None` when there should be one.
pub(super) fn refusal(status: ExitStatus, last_words: &[u8]) -> Option<Refusal> {
    match status.signal() {
        None => (!status.success()).then_some(Refusal::Crashed),
        Some(libc::SIGXCPU) => Some(Refusal::TooSlow),
        // The kernel where memory has run out, or an operator: the next time may be better.
        Some(libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP) => Some(Refusal::Killed),
        Some(libc::SIGABRT) if contains(last_words, NO_MEMORY) => Some(Refusal::OutOfMemory),
        Some(_) => Some(Refusal::Crashed),
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}
