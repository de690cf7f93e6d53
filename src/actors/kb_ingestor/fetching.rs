//! What an address leads to. Every step of the way is judged anew: whoever may send us on may send us inside.

use bytes::Bytes;

use super::reading::Refused;
use crate::models::knowledge::Format;
use crate::outbound::{Outbound, OutboundError, OutgoingRequest};

/// How often it may be sent on.
const STEPS_MAX: usize = 5;

/// What can be read, the best first.
const READABLE: &str = "text/html, application/pdf, text/markdown, text/plain, \
    application/vnd.openxmlformats-officedocument.wordprocessingml.document, text/vtt, */*;q=0.5";

/// What was there.
pub(super) struct Fetched {
    pub(super) bytes: Bytes,
    /// The last part of the path that it came from: it may have the name of a file.
    pub(super) name: Option<String>,
    /// What the other side says that it is, if that is something that bytes alone do not tell.
    pub(super) format: Option<Format>,
}

pub(super) async fn fetch(outbound: &Outbound, address: &str) -> Result<Fetched, Refused> {
    let mut address = address.to_owned();
    for _step in 0..=STEPS_MAX {
        let url =
            outbound.check("source_url", &address).map_err(|error| Refused::lasting(error.to_string()))?;
        let name = file_name(&address);
        let request = OutgoingRequest::get(url, READABLE);
        let answer = outbound.send(request).await.map_err(|error| not_sent(&error))?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let status = answer.status();
        if status.is_redirection()
            && let Some(next) = header("location")
        {
            address = onwards(&address, next)?;
            continue;
        }
        if !status.is_success() {
            return Err(answered(status.as_u16()));
        }
        let format = header("content-type").and_then(format_of);
        let bytes = answer.whole().await.map_err(|error| not_sent(&error))?;
        return Ok(Fetched { bytes: bytes.into(), name, format });
    }
    Err(Refused::lasting(format!("The address led on more than {STEPS_MAX} times.")))
}

fn format_of(media_type: &str) -> Option<Format> {
    let essence = media_type.split(';').next().unwrap_or(media_type).trim();
    match essence.to_ascii_lowercase().as_str() {
        "text/html" | "application/xhtml+xml" => Some(Format::Html),
        "text/markdown" => Some(Format::Markdown),
        "text/vtt" => Some(Format::Vtt),
        "application/x-subrip" => Some(Format::Srt),
        "application/pdf" => Some(Format::Pdf),
        _ => None,
    }
}

fn onwards(address: &str, next: &str) -> Result<String, Refused> {
    let next = url::Url::parse(address).ok().and_then(|address| address.join(next).ok());
    next.map(String::from).ok_or_else(|| Refused::lasting("The address led on to nowhere."))
}

fn file_name(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let last = url.path_segments()?.next_back()?;
    (!last.is_empty() && last.len() <= 200).then(|| last.to_owned())
}

/// Too many requests, too slow a one, and whatever is the server's own fault: these pass.
fn answered(status: u16) -> Refused {
    let is_temporary = status >= 500 || matches!(status, 408 | 429);
    Refused { reason: format!("The address answered {status}."), is_temporary }
}

fn not_sent(error: &OutboundError) -> Refused {
    let is_temporary = match error {
        OutboundError::Busy
        | OutboundError::Unreachable
        | OutboundError::TimedOut(_)
        | OutboundError::Broken => true,
        OutboundError::NotAllowed(_)
        | OutboundError::RequestTooLarge { .. }
        | OutboundError::Untrusted
        | OutboundError::AnswerTooLarge { .. } => false,
    };
    Refused { reason: format!("The address could not be read: {error}."), is_temporary }
}
