use super::{Format, Refusal, read, read_as};

const SRT: &str = "\u{feff}1\r\n00:00:01,500 --> 00:00:03,000 X1:40\r\n<i>¿Dónde estás?</i>\r\n{\\an8}Aquí.\r\n\r\n\
                   2\r\n00:00:04,000 --> 00:00:03,000\r\nbackwards\r\n\r\n3\r\nnonsense --> 00:00:05,000\r\nlost\r\n\r\n\
                   4\r\n01:00:00,000 --> 01:00:02,250\r\nI &lt;3 R&amp;D\r\n";

#[test]
fn cues_are_what_is_said_with_its_times_and_what_is_broken_is_passed_over() {
    let extracted = read(SRT.as_bytes()).unwrap();
    assert_eq!(extracted.format, Format::Srt);
    assert_eq!(extracted.text, "¿Dónde estás? Aquí.\nI <3 R&D");
    let [chunk] = extracted.chunks.as_slice() else { panic!("{:?}", extracted.chunks) };
    assert_eq!((chunk.start_ms, chunk.end_ms), (Some(1_500), Some(3_602_250)));
}

#[test]
fn notes_styles_and_voices_of_the_web_are_not_said() {
    let vtt = "WEBVTT - a film\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot said\n\nintro\n\
               00:01.000 --> 00:02.000 line:0 align:start\n<v Ana>Good <00:01.500><c.loud>morning</c>\n\n\
               00:02.000 --> 00:03.000\nGood morning\n\n00:03.000 --> 00:04.5\nBye\n";
    let extracted = read(vtt.as_bytes()).unwrap();
    assert_eq!(extracted.format, Format::Vtt);
    assert_eq!(extracted.text, "Good morning\nBye");
}

#[test]
fn a_long_film_is_cut_between_cues_and_each_chunk_knows_its_times() {
    let mut srt = String::new();
    for cue in 0..600 {
        let (minutes, seconds) = (cue / 60, cue % 60);
        srt.push_str(&format!(
            "{}\n00:{minutes:02}:{seconds:02},000 --> 00:{minutes:02}:{seconds:02},900\nThis is what is said at {cue}.\n\n",
            cue + 1
        ));
    }
    let extracted = read(srt.as_bytes()).unwrap();
    assert!(extracted.chunks.len() > 10);
    for chunk in &extracted.chunks {
        let first: u64 = chunk
            .text
            .lines()
            .next()
            .unwrap()
            .trim_end_matches('.')
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let last: u64 = chunk
            .text
            .lines()
            .last()
            .unwrap()
            .trim_end_matches('.')
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(chunk.text.lines().all(|line| line.starts_with("This is")), "{}", chunk.text);
        assert_eq!((chunk.start_ms, chunk.end_ms), (Some(first * 1_000), Some(last * 1_000 + 900)));
    }
}

#[test]
fn a_file_without_a_cue_is_refused() {
    assert_eq!(read(b"WEBVTT\n\nNOTE nothing\n"), Err(Refusal::Damaged));
    assert_eq!(read_as(b"Just a text.\n", Format::Srt), Err(Refusal::Damaged));
}
