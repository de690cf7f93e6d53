//! What a panic leaves behind: one log line, with where it happened and nothing that should not be seen.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::thread;

/// A message is cut here: whatever is longer is a dump of somebody's data.
const MESSAGE_CHARS_MAX: usize = 300;

/// Replaces the standard hook, so that a panic is told once and in the form of every other line.
pub(super) fn install() {
    panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let current = thread::current();
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = presentable(message_of(panic.payload()));
    // Captured only when RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());

    tracing::error!(
        thread.name = current.name().unwrap_or("unnamed"),
        panic.location = location,
        panic.message = message,
        panic.backtrace = backtrace,
        "panicked"
    );
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a payload that is no text"
    }
}

/// The first line, shortened, without the parts of it that look like credentials.
fn presentable(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let masked: String = line.split_inclusive(is_boundary).map(mask).collect();
    masked.chars().take(MESSAGE_CHARS_MAX).collect()
}

fn is_boundary(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | '(' | ')' | ',')
}

/// Masks one word, which may end with the boundary that follows it.
fn mask(word: &str) -> String {
    let core = word.trim_end_matches(is_boundary);
    let end = word.strip_prefix(core).unwrap_or_default();

    let account = core.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1)));
    if let Some((scheme, place)) = account {
        return format!("{scheme}://***@{place}{end}");
    }
    // API keys, and JWTs, whose header is always an object.
    if core.starts_with("sk-") || core.starts_with("eyJ") {
        return format!("***{end}");
    }
    if let Some((name, _)) = core.split_once('=')
        && name.to_lowercase().ends_with("password")
    {
        return format!("{name}=***{end}");
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::process::Command;

    use crate::telemetry::{self, LogFormat, TelemetrySettings};

    const CHILD: &str = "telemetry::panic_hook::tests::child_that_panics";

    #[test]
    #[ignore = "the hook is the process's: run by the next test in a process of its own"]
    fn child_that_panics() {
        telemetry::init(&TelemetrySettings { format: LogFormat::Json, filter: "info".to_owned() }).unwrap();
        let thread = thread::Builder::new().name("unlucky".to_owned());
        let unlucky = thread.spawn(|| panic!("no answer from amqp://guest:hunter2@127.0.0.1/")).unwrap();
        unlucky.join().unwrap_err();
    }

    #[test]
    fn a_panic_is_told_once_with_its_thread_and_place_and_without_credentials() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", CHILD, "--ignored", "--nocapture"]).output().unwrap();

        let stderr = String::from_utf8(output.stderr).unwrap();
        let told: Vec<&str> = stderr.lines().filter(|line| line.contains("panicked")).collect();
        assert_eq!(told.len(), 1, "{stderr}");
        let line: serde_json::Value = serde_json::from_str(told[0]).unwrap();
        assert_eq!(line["thread.name"], "unlucky");
        assert_eq!(line["panic.message"], "no answer from amqp://***@127.0.0.1/");
        assert!(line["panic.location"].as_str().unwrap().starts_with(file!()), "{line}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }

    #[test]
    fn credentials_are_masked_in_a_panics_message() {
        let message =
            "cannot reach `postgres://botberi:hunter2@127.0.0.1/x`, sk-abc123 password=hunter3 (eyJhbGciOi)";
        assert_eq!(presentable(message), "cannot reach `postgres://***@127.0.0.1/x`, *** password=*** (***)");
    }

    #[test]
    fn an_ordinary_message_stays_as_it_is() {
        let message = "index out of bounds: the len is 3 but the index is 99";
        assert_eq!(presentable(message), message);
    }

    #[test]
    fn only_the_first_line_is_told_and_not_all_of_a_long_one() {
        assert_eq!(presentable("one\ntwo"), "one");
        assert_eq!(presentable(&"x".repeat(1_000)).len(), MESSAGE_CHARS_MAX);
    }
}
