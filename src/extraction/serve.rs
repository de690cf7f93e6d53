//! The child: confined first, then it reads its standard input, then it answers, and that is its life.

use std::io::{self, BufRead, BufWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::thread;

use super::confinement::{ChildLimits, confine};
use super::protocol::{Answer, JOB_BYTES_MAX, Job};
use super::{Extracted, Refusal, extract};

/// The stack of the thread that reads: libraries that follow what is nested should come to its end, and not to the stack's.
const STACK_BYTES: usize = 64 << 20;

/// Reads the document that comes on standard input, and writes what it says to standard output. Reads nothing else, no
/// configuration and no environment; the process can do nothing any more afterwards but end.
#[must_use]
pub fn serve(limits: ChildLimits) -> ExitCode {
    let reader = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || answer(limits));
    let answered = reader.and_then(|reader| {
        // A panic has said on standard error what it is about.
        reader.join().unwrap_or_else(|_panic| Err(io::Error::other("reading the document panicked")))
    });
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(limits: ChildLimits) -> io::Result<()> {
    let answers = take_standard_output()?;
    let read = match confine(limits, answers.as_fd()) {
        Ok(()) => read_document(),
        Err(error) => {
            _ = writeln!(io::stderr(), "error: {error}");
            Err(Refusal::NotConfined)
        }
    };
    let mut answers = BufWriter::new(std::fs::File::from(answers));
    serde_json::to_writer(&mut answers, &Answer::from(read))?;
    answers.flush()
}

/// Whatever a library prints while it reads goes to standard error from now on, and is no part of the answer.
fn take_standard_output() -> io::Result<OwnedFd> {
    let answers = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(answers)
}

fn read_document() -> Result<Extracted, Refusal> {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    // Who cannot say what is to be done is not our parent.
    input.by_ref().take(JOB_BYTES_MAX).read_until(b'\n', &mut line).map_err(|_cut| Refusal::Killed)?;
    let job: Job = serde_json::from_slice(&line).map_err(|_no_job| Refusal::Killed)?;
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::OutOfMemory => Refusal::OutOfMemory,
        _ => Refusal::Killed,
    })?;
    extract(&bytes, &job.wish, &job.limits)
}
