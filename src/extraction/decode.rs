//! From bytes to characters, whoever wrote them.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::{Refusal, Seems};

/// How much of the bytes decides whether they are text, and how it is written.
const SAMPLE_BYTES: usize = 65_536;
/// How many of a thousand bytes may be control characters that no text has. A stray one is no reason to refuse a text.
const CONTROLS_PER_MILLE_MAX: usize = 5;
/// How many of a thousand bytes may be wrong for UTF-8 where its longer characters stand, too: a text that was cut or mended.
const BROKEN_PER_MILLE_MAX: usize = 5;

/// The characters of a text. What is no character in its encoding is `U+FFFD`.
///
/// # Errors
/// When the bytes are no text.
pub(super) fn characters(bytes: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let encoding = encoding_of(bytes)?;
    if encoding == UTF_8
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Ok(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)));
    }
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    Ok(text)
}

/// The characters of a text whose encoding somebody else names.
pub(super) fn characters_in<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Cow<'a, str> {
    let (text, _, _) = encoding.decode(bytes);
    text
}

/// What a text is written in: as its first bytes say, or UTF-8 if it can be, or what is most likely by its letters.
pub(super) fn encoding_of(bytes: &[u8]) -> Result<&'static Encoding, Refusal> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Ok(encoding);
    }
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    if let Some(encoding) = utf_16_without_a_mark(sample) {
        return Ok(encoding);
    }
    let is_control = |byte: &&u8| matches!(**byte, 0..=8 | 14..=26 | 28..=31 | 127);
    let controls = sample.iter().filter(is_control).count();
    if sample.contains(&0) || is_more_than(controls, CONTROLS_PER_MILLE_MAX, sample.len()) {
        return Err(Refusal::UnsupportedType { seems: Seems::Binary });
    }
    if is_utf_8(sample) {
        return Ok(UTF_8);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    Ok(detector.guess(None, Utf8Detection::Deny))
}

fn is_more_than(number: usize, per_mille: usize, of: usize) -> bool {
    number.saturating_mul(1_000) > of.saturating_mul(per_mille)
}

/// Whether it can be read as UTF-8: as a whole, or because there are characters that are nothing else and next to no faults.
fn is_utf_8(sample: &[u8]) -> bool {
    let (mut broken, mut longer) = (0, 0);
    let mut chunks = sample.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        longer += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        // The sample may end within a character.
        let is_cut = chunks.peek().is_none()
            && std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
        broken += usize::from(!chunk.invalid().is_empty() && !is_cut);
    }
    broken == 0 || (longer > broken && !is_more_than(broken, BROKEN_PER_MILLE_MAX, sample.len()))
}

/// UTF-16 shows by its zeros, which stand at every other byte of any text with spaces and line ends.
fn utf_16_without_a_mark(sample: &[u8]) -> Option<&'static Encoding> {
    let pairs = sample.len() / 2;
    let zeros = |at: usize| sample.chunks_exact(2).filter(|pair| pair[at] == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    let (is_many, is_few) = (|n: usize| n * 10 > pairs * 4, |n: usize| n * 100 <= pairs);
    match pairs {
        0..4 => None,
        _ if is_many(second) && is_few(first) => Some(UTF_16LE),
        _ if is_many(first) && is_few(second) => Some(UTF_16BE),
        _ => None,
    }
}
