//! What comes from a peer, one frame at a time and none too large.
//!
//! The codec behind the session keeps a frame until it is whole, whatever length it announces, and takes in everything
//! that has arrived before it hands out the first frame. Here a frame that is too long ends the stream at its head, and
//! bytes are handed on only as fast as frames are taken: what is left stays in the socket, and the peer has to wait.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// The longest head of a frame that a client sends: two bytes, eight of length, four of mask.
const HEAD_BYTES_MAX: usize = 14;

/// A peer's bytes, cut at the ends of frames.
pub(super) struct Inflow<S> {
    source: S,
    frame_bytes_max: u64,
    chunk: Bytes,
    place: Place,
    at_frame_end: bool,
    too_large: Rc<Cell<bool>>,
}

/// Where in a frame the next byte belongs.
#[derive(Debug, Clone, Copy)]
enum Place {
    Head { have: [u8; HEAD_BYTES_MAX], count: usize },
    Payload { left: u64 },
}

const BEGINNING: Place = Place::Head { have: [0; HEAD_BYTES_MAX], count: 0 };

impl<S> Inflow<S> {
    /// Cuts `source`. `too_large` is set when the stream ends because of a frame of more than `frame_bytes_max`.
    pub(super) fn new(source: S, frame_bytes_max: u64, too_large: Rc<Cell<bool>>) -> Self {
        Self {
            source,
            frame_bytes_max,
            chunk: Bytes::new(),
            place: BEGINNING,
            at_frame_end: false,
            too_large,
        }
    }

    /// The bytes of the chunk up to the end of the frame, or all of them if it ends later.
    fn cut(&mut self) -> Result<Bytes, PayloadError> {
        let mut taken = 0;
        while taken < self.chunk.len() {
            match &mut self.place {
                Place::Head { have, count } => {
                    have[*count] = self.chunk[taken];
                    *count += 1;
                    taken += 1;
                    if let Some(length) = payload_length(&have[..*count]) {
                        if length > self.frame_bytes_max {
                            self.too_large.set(true);
                            return Err(PayloadError::Overflow);
                        }
                        self.place = Place::Payload { left: length };
                    }
                }
                Place::Payload { left } => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(self.chunk.len() - taken);
                    taken += here;
                    *left -= here as u64;
                }
            }
            if matches!(self.place, Place::Payload { left: 0 }) {
                self.place = BEGINNING;
                self.at_frame_end = true;
                break;
            }
        }
        Ok(self.chunk.split_to(taken))
    }
}

/// The length that a frame's head announces, once the head is whole.
fn payload_length(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let length_bytes = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask_bytes = if second & 0x80 == 0 { 0 } else { 4 };
    if head.len() < 2 + length_bytes + mask_bytes {
        return None;
    }
    let long = head[2..2 + length_bytes].iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    Some(if length_bytes == 0 { u64::from(second & 0x7f) } else { long })
}

impl<S> Stream for Inflow<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The reader has a whole frame now. It will ask again when it has taken it, so nobody needs to be woken.
        if std::mem::take(&mut self.at_frame_end) {
            return Poll::Pending;
        }
        if self.too_large.get() {
            return Poll::Ready(None);
        }
        if self.chunk.is_empty() {
            // A peer that is gone has ended the stream, whichever way it went.
            match ready!(Pin::new(&mut self.source).poll_next(context)) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(self.cut()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use proptest::prelude::*;

    use super::*;

    fn frame(payload_bytes: usize) -> Vec<u8> {
        let mut frame = vec![0x81];
        match payload_bytes {
            0..=125 => frame.push(0x80 | payload_bytes as u8),
            126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend((payload_bytes as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((payload_bytes as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.extend(vec![7; payload_bytes]);
        frame
    }

    /// What comes out between two pauses is what the codec has before it hands out a frame.
    fn pieces(chunks: &[Vec<u8>], bytes_max: u64) -> (Vec<Vec<u8>>, bool) {
        let too_large = Rc::new(Cell::new(false));
        let chunks: Vec<_> = chunks.iter().cloned().map(|chunk| Ok(Bytes::from(chunk))).collect();
        let mut inflow = Inflow::new(stream::iter(chunks), bytes_max, too_large.clone());
        let mut pieces = vec![Vec::new()];
        let mut context = Context::from_waker(std::task::Waker::noop());
        loop {
            match inflow.poll_next_unpin(&mut context) {
                Poll::Ready(Some(Ok(bytes))) => pieces.last_mut().unwrap().extend(bytes),
                Poll::Ready(Some(Err(_))) => {}
                Poll::Pending => pieces.push(Vec::new()),
                Poll::Ready(None) => return (pieces, too_large.get()),
            }
        }
    }

    proptest! {
        #[test]
        fn however_bytes_arrive_they_are_handed_on_frame_by_frame(
            lengths in prop::collection::vec(prop_oneof![0..130usize, Just(70_000)], 1..8),
            cuts in prop::collection::vec(1..200usize, 1..40),
        ) {
            let frames: Vec<Vec<u8>> = lengths.iter().map(|length| frame(*length)).collect();
            let mut rest = frames.concat();
            let mut chunks = Vec::new();
            for cut in cuts {
                let cut = cut.min(rest.len());
                chunks.push(rest.drain(..cut).collect::<Vec<u8>>());
            }
            chunks.push(rest);
            chunks.retain(|chunk| !chunk.is_empty());
            let (mut pieces, too_large) = pieces(&chunks, 70_000);
            prop_assert_eq!(pieces.pop(), Some(Vec::new()));
            prop_assert_eq!(pieces, frames);
            prop_assert!(!too_large);
        }
    }

    #[test]
    fn a_frame_that_is_too_large_ends_the_stream_at_its_head() {
        for length in [101, 60_000, 10_000_000] {
            let mut head = frame(length);
            head.truncate(50);
            let (pieces, too_large) = pieces(&[frame(100), head], 100);
            assert_eq!(pieces, [frame(100), Vec::new()]);
            assert!(too_large);
        }
    }
}
