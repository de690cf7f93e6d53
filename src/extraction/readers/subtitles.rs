//! Subtitles, as SubRip and as the web write them: times, and below them what is said until an empty line.

use super::super::Refusal;
use super::super::draft::{Draft, Kind};

/// What stands between two times.
const ARROW: &str = "-->";

pub(in super::super) fn read(text: &str, draft: &mut Draft) -> Result<(), Refusal> {
    let mut lines = text.lines().map(str::trim).peekable();
    let mut last = None;
    while let Some(line) = lines.next() {
        // Whatever is no cue has no times: numbers, names, notes, styles, and what is broken.
        let Some((start_ms, end_ms)) = times(line) else { continue };
        let mut said = String::new();
        while let Some(line) = lines.next_if(|line| !line.is_empty() && !line.contains(ARROW)) {
            said.push_str(line);
            said.push(' ');
        }
        let said = without_marks(&said);
        if start_ms > end_ms || last.as_deref() == Some(said.trim()) {
            continue;
        }
        draft.push(Kind::Cue { start_ms, end_ms }, &said)?;
        last = Some(said.trim().to_owned());
    }
    // Something else under a wrong name, or none of it is left.
    if draft.blocks.is_empty() { Err(Refusal::Damaged) } else { Ok(()) }
}

/// The two times of a cue in milliseconds, if the line is one that begins a cue.
pub(in super::super) fn times(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once(ARROW)?;
    // Positions may follow the second time.
    let end = rest.split_whitespace().next()?;
    Some((milliseconds(start.trim())?, milliseconds(end)?))
}

/// `01:02:03,004`, `01:02:03.004` or, without hours, `02:03.004`.
fn milliseconds(time: &str) -> Option<u64> {
    let (whole, fraction) = time.split_once([',', '.'])?;
    let is_number =
        |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.len() > 3 || !is_number(fraction) {
        return None;
    }
    let mut seconds = 0;
    let mut parts = 0;
    for part in whole.split(':') {
        let number: u64 = Some(part).filter(|part| is_number(part))?.parse().ok()?;
        seconds = seconds * 60 + number;
        parts += 1;
    }
    let scale = 10_u64.pow(3 - u32::try_from(fraction.len()).ok()?);
    let thousandths = fraction.parse::<u64>().ok()? * scale;
    matches!(parts, 2 | 3).then_some(seconds * 1_000 + thousandths)
}

/// What is said, without tags (`<i>`, `<v Ana>`, `<00:01.000>`) and positions (`{\an8}`), and with entities as their letters.
fn without_marks(said: &str) -> String {
    let mut plain = String::with_capacity(said.len());
    let mut rest = said;
    while let Some(start) = rest.find(['<', '{', '&']) {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let taken = mark(rest).inspect(|(letter, _)| plain.push_str(letter)).map(|(_, length)| length);
        let length = taken.unwrap_or_else(|| {
            plain.push_str(&rest[..1]);
            1
        });
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

/// What a mark at the beginning of the text stands for, and how long it is; `None` if it is only a letter.
fn mark(text: &str) -> Option<(&'static str, usize)> {
    const TAG_BYTES_MAX: usize = 256;
    const ENTITIES: [(&str, &str); 7] = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&quot;", "\""),
        ("&lrm;", ""),
        ("&rlm;", ""),
    ];
    let close = match text.as_bytes().get(..2)? {
        [b'<', b'/' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'] => b'>',
        b"{\\" => b'}',
        [b'&', _] => {
            let found = ENTITIES.iter().find(|(entity, _)| text.starts_with(entity));
            return found.map(|(entity, letter)| (*letter, entity.len()));
        }
        _ => return None,
    };
    let end = text.bytes().take(TAG_BYTES_MAX).position(|byte| byte == close)?;
    Some(("", end + 1))
}
