//! What requests hold of this process's memory: their bodies while they are read and served, and large answers until they
//! are written. All listeners together: 20,000 connections with a megabyte each would be twenty gigabytes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one value of a JSON document takes in memory beside its text, and what an object's first field does: the parts of
/// `serde_json` at their worst. Ten bytes of `{"":0}` become seven hundred.
const VALUE_BYTES: usize = 40;
const OBJECT_BYTES: usize = 680;

/// Answers that are smaller are not counted: there are at most as many as connections, and those that tell how things are
/// must come through when memory is short.
const SMALL_ANSWER_BYTES: usize = 16 * 1024;

/// How much of a large answer is handed to the web server at once. It copies what it is given, and asks for more when that
/// is nearly written: a larger piece is held twice, a smaller one costs a turn more.
const PIECE_BYTES: usize = 32 * 1024;

/// The room that all requests share. Clones are the same room.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    room: Arc<Semaphore>,
    bytes_max: usize,
}

/// There is no room. Nothing waits for it: what would wait holds memory, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// A part of the room, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    memory: Memory,
    permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    pub(super) fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(bytes_max)), bytes_max }
    }

    /// Nothing yet.
    pub(super) fn hold(&self) -> Held {
        Held { memory: self.clone(), permit: None }
    }

    /// How much is held.
    fn in_use(&self) -> usize {
        self.bytes_max.saturating_sub(self.room.available_permits())
    }

    fn show(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact beyond 2^52 bytes")]
        metrics::gauge!("botberi_http_bytes_in_flight").set(self.in_use() as f64);
    }
}

impl Held {
    /// Takes more. What alone is larger than the whole room may have the whole room: else it could never be served.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let bytes = bytes.min(self.memory.bytes_max.saturating_sub(held));
        let more = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(more) = self.memory.room.clone().try_acquire_many_owned(more) else {
            metrics::counter!("botberi_http_requests_without_room_total").increment(1);
            return Err(NoRoom);
        };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        self.memory.show();
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.permit.take().is_some() {
            self.memory.show();
        }
    }
}

/// What a JSON text may take once it is read, beside the text: at least that, for what stands in a text is counted, too.
pub(super) fn footprint(json: &[u8]) -> usize {
    let of = |byte: u8| match byte {
        b'{' => OBJECT_BYTES,
        b',' | b'[' => VALUE_BYTES,
        _ => 0,
    };
    // Of an object's eleven fields all lie in one part of memory; of more than that, some do.
    json.iter().map(|byte| of(*byte)).sum()
}

/// The same answer, counted until it is written. An answer that has no room is given back as it is.
pub(super) fn count_answer(memory: &Memory, answer: HttpResponse) -> Result<HttpResponse, Box<HttpResponse>> {
    let BodySize::Sized(bytes) = answer.body().size() else { return Ok(answer) };
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    if bytes < SMALL_ANSWER_BYTES {
        return Ok(answer);
    }
    let mut held = memory.hold();
    if held.take(bytes).is_err() {
        return Err(Box::new(answer));
    }
    Ok(answer.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(Counted { bytes, _held: held }),
        Err(body) => body,
    }))
}

/// The bytes of a large answer, piece by piece.
struct Counted {
    bytes: Bytes,
    _held: Held,
}

impl MessageBody for Counted {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.bytes.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(self.bytes.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_fn;

    use super::*;

    #[test]
    fn what_is_held_is_no_more_than_there_is_and_comes_back() {
        let memory = Memory::new(100);
        let (mut one, mut other) = (memory.hold(), memory.hold());
        one.take(60).unwrap();
        other.take(30).unwrap();
        assert_eq!(other.take(20), Err(NoRoom));
        assert_eq!(memory.in_use(), 90, "a refusal takes nothing");
        drop(one);
        other.take(20).unwrap();
        assert_eq!(memory.in_use(), 50);
        drop(other);
        assert_eq!(memory.in_use(), 0);
    }

    #[test]
    fn what_is_larger_than_the_room_is_served_alone() {
        let memory = Memory::new(100);
        let mut large = memory.hold();
        large.take(60).unwrap();
        large.take(1_000_000).unwrap();
        assert_eq!(memory.in_use(), 100);
        assert_eq!(memory.hold().take(1), Err(NoRoom));
    }

    #[test]
    fn what_a_document_takes_is_not_underestimated_tenfold() {
        let many_objects = format!("[{}]", vec![r#"{"":0}"#; 1_000].join(","));
        assert!(footprint(many_objects.as_bytes()) > 600_000);
        let numbers = format!("[{}]", vec!["0"; 1_000].join(","));
        assert!(footprint(numbers.as_bytes()) > 32_000);
        assert_eq!(footprint(br#""a long text that is nothing but a text""#), 0);
    }

    #[actix_web::test]
    async fn a_large_answer_is_counted_until_its_last_piece_and_says_the_same() {
        let memory = Memory::new(1_000_000);
        let text = "x".repeat(100_000);
        let answer = count_answer(&memory, HttpResponse::Ok().body(text.clone())).unwrap();
        assert_eq!(memory.in_use(), 100_000);
        let mut body = Box::pin(answer.into_body());
        assert_eq!(body.size(), BodySize::Sized(100_000));
        let mut read = Vec::new();
        while let Some(piece) = poll_fn(|context| body.as_mut().poll_next(context)).await {
            let piece = piece.unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            read.extend_from_slice(&piece);
        }
        assert_eq!(read, text.as_bytes());
        drop(body);
        assert_eq!(memory.in_use(), 0);

        assert!(count_answer(&Memory::new(10), HttpResponse::Ok().body("small")).is_ok());
        let mut all = memory.hold();
        all.take(1_000_000).unwrap();
        assert!(count_answer(&memory, HttpResponse::Ok().body(text)).is_err());
    }
}
