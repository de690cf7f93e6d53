//! The parent's side: one child for one document, fed piece by piece, bounded in everything, and reaped whatever happens.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::protocol::{Answer, Job};
use super::{Extracted, Limits, Refusal, Wish, ending};
use crate::models::knowledge::EntryDataType;

/// How much of a child's last words is kept for the log, in bytes.
const LAST_WORDS_BYTES: usize = 4_096;
/// How long a child that was killed may take to be gone. The kernel only waits for a disk, which a child does not use.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// Starts the children that read documents. How many at once is for its owner to bound.
#[derive(Clone, Debug)]
pub struct Extractor {
    /// The program: this one, or one that knows the same hidden command.
    pub program: PathBuf,
    /// How much each document may take.
    pub limits: Limits,
}

/// Why there is nothing of a document; `E` is what may go wrong with whoever sends its bytes.
#[derive(Debug, Error)]
pub enum ExtractionError<E> {
    /// The document cannot be read, or not now; what it says is for the user.
    #[error("the document was refused: {0}")]
    Refused(Refusal),
    /// The bytes did not come to their end.
    #[error("the document's bytes could not be had")]
    Source(#[source] E),
    /// No child could be started or talked to: it is about this machine, and not about the document.
    #[error("no process could be started to read a document")]
    NotStarted(#[source] io::Error),
}

impl<E> From<Refusal> for ExtractionError<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E> ExtractionError<E> {
    /// Whether the same document may be read at another time. Of a source that failed, its owner knows more.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_temporary(),
            Self::Source(_) | Self::NotStarted(_) => true,
        }
    }
}

impl Extractor {
    /// Children of the program that runs now, even where its file was replaced meanwhile: another version may speak otherwise.
    ///
    /// # Errors
    /// When the system does not say which program this is.
    pub fn of_this_program(limits: Limits) -> io::Result<Self> {
        let program =
            if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
        Ok(Self { program, limits })
    }

    /// Reads a document in a child. Dropping the future kills the child.
    ///
    /// # Errors
    /// When there is no text to be had; each error says whose matter that is.
    pub async fn extract<E>(
        &self,
        wish: &Wish,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Extracted, ExtractionError<E>> {
        let mut child = self.start().map_err(ExtractionError::NotStarted)?;
        let talk = timeout(self.limits.within(), self.talk(&mut child, wish, pieces)).await;
        let spoken = match talk {
            Ok(Ok(spoken)) => spoken,
            Ok(Err(error)) => {
                end(child).await;
                return Err(error);
            }
            Err(_late) => {
                end(child).await;
                return Err(Refusal::TimedOut.into());
            }
        };
        self.judge(spoken).await.map_err(ExtractionError::Refused)
    }

    /// Shows that a child can be started and confined, and reads.
    ///
    /// # Errors
    /// What a document would be answered now.
    pub async fn probe(&self) -> Result<(), ExtractionError<io::Error>> {
        let wish = Wish { format: None, name: None, data_type: EntryDataType::Document };
        let pieces = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"probe"))]);
        let extracted = self.extract(&wish, pieces).await?;
        if extracted.text == "probe" { Ok(()) } else { Err(Refusal::Crashed.into()) }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg0("botberi")
            .arg("extract")
            .args(["--memory-bytes", &self.limits.memory_bytes_max.to_string()])
            .args(["--cpu-seconds", &self.limits.cpu_seconds_max.to_string()])
            // The configuration's secrets may be in the environment, and are none of its business.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    async fn talk<E>(
        &self,
        child: &mut Child,
        wish: &Wish,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Spoken, ExtractionError<E>> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(ExtractionError::NotStarted(io::Error::other("a child without pipes")));
        };
        let job = Job::new(wish, self.limits);
        let feeding = feed(stdin, &job, pieces);
        let answer = whole(stdout, self.limits.answer_bytes_max());
        let hearing = async { tokio::try_join!(answer, async { Ok(tail(stderr).await) }) };
        tokio::pin!(feeding, hearing);
        // A child may have seen enough before it has seen everything: then the rest is not waited for.
        let (answer, last_words) = tokio::select! {
            fed = &mut feeding => {
                fed?;
                hearing.await?
            }
            heard = &mut hearing => heard?,
        };
        let status = child.wait().await.map_err(ExtractionError::NotStarted)?;
        Ok(Spoken { answer, last_words, status })
    }

    async fn judge(&self, spoken: Spoken) -> Result<Extracted, Refusal> {
        let Spoken { answer, last_words, status } = spoken;
        if let Some(refusal) = ending::refusal(status, &last_words) {
            // Its words may quote the document, which is somebody's.
            tracing::debug!(last_words = %last_words.escape_ascii(), "what a reader of documents said at its end");
            tracing::warn!(%status, code = refusal.code(), "a reader of documents ended without an answer");
            return Err(refusal);
        }
        let limits = self.limits;
        // Megabytes of JSON take longer than others should wait on this thread.
        let understood = tokio::task::spawn_blocking(move || understand(&answer, &limits)).await;
        let understood = understood.unwrap_or(Err(Refusal::Crashed));
        match understood {
            Err(Refusal::NotConfined) => {
                tracing::error!(last_words = %last_words.escape_ascii(), "documents cannot be read: no child can be confined");
            }
            Err(Refusal::Crashed) => {
                tracing::warn!("a reader of documents gave an answer that is not credible")
            }
            Ok(_) | Err(_) => {}
        }
        understood
    }
}

/// What a child has said when it has ended.
struct Spoken {
    answer: Vec<u8>,
    last_words: Vec<u8>,
    status: ExitStatus,
}

fn understand(answer: &[u8], limits: &Limits) -> Result<Extracted, Refusal> {
    match serde_json::from_slice(answer) {
        Ok(Answer::Extracted(outline)) => outline.filled(limits).map_err(|_not_credible| Refusal::Crashed),
        Ok(Answer::Refused(refusal)) => Err(refusal),
        Err(_no_answer) => Err(Refusal::Crashed),
    }
}

/// Sends the job and the document. A child that does not listen any more has ended or will answer; that is not said here.
async fn feed<E>(
    mut stdin: ChildStdin,
    job: &Job,
    pieces: impl Stream<Item = Result<Bytes, E>>,
) -> Result<(), ExtractionError<E>> {
    let mut line = serde_json::to_vec(job).map_err(|error| ExtractionError::NotStarted(error.into()))?;
    line.push(b'\n');
    let mut listens = stdin.write_all(&line).await.is_ok();
    tokio::pin!(pieces);
    while listens && let Some(piece) = pieces.next().await {
        let piece = piece.map_err(ExtractionError::Source)?;
        listens = stdin.write_all(&piece).await.is_ok();
    }
    Ok(())
}

/// All that comes, unless it is more than any answer.
async fn whole<E>(source: impl AsyncRead + Unpin, bytes_max: usize) -> Result<Vec<u8>, ExtractionError<E>> {
    let mut bytes = Vec::new();
    let allowed = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let read = source.take(allowed.saturating_add(1)).read_to_end(&mut bytes).await;
    read.map_err(ExtractionError::NotStarted)?;
    if bytes.len() > bytes_max { Err(Refusal::Crashed.into()) } else { Ok(bytes) }
}

/// The end of what comes.
async fn tail(mut source: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = [0; LAST_WORDS_BYTES];
    while let Ok(length @ 1..) = source.read(&mut piece).await {
        kept.extend_from_slice(&piece[..length]);
        kept.drain(..kept.len().saturating_sub(LAST_WORDS_BYTES));
    }
    kept
}

/// Kills a child and waits until it is gone, so that none is left behind as a name without a process.
async fn end(mut child: Child) {
    match timeout(KILLED_WITHIN, child.kill()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a reader of documents could not be killed"),
        Err(_late) => tracing::warn!("a reader of documents does not end although it was killed"),
    }
}
