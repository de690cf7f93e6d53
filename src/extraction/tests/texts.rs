use super::{Format, Refusal, read, read_as};
use crate::extraction::Seems;

const SPANISH: &str = "El niño pidió piñas.\r\nMañana volverá.\r\n\r\n¿Y la acción? «Sí», dijo Ángel.";

#[test]
fn a_text_is_its_paragraphs_in_english_and_in_spanish() {
    let extracted = read(b"One line\nand another.\n\n\n\n  A second paragraph.  \n").unwrap();
    assert_eq!(extracted.text, "One line\nand another.\n\nA second paragraph.");
    assert_eq!((extracted.format, extracted.title), (Format::Text, None));
    let expected = "El niño pidió piñas.\nMañana volverá.\n\n¿Y la acción? «Sí», dijo Ángel.";
    assert_eq!(read(SPANISH.as_bytes()).unwrap().text, expected);
}

#[test]
fn a_text_is_read_in_whatever_encoding_it_was_written() {
    let expected = read(SPANISH.as_bytes()).unwrap().text;
    let little: Vec<u8> = SPANISH.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = SPANISH.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (windows, _, _) = encoding_rs::WINDOWS_1252.encode(SPANISH);
    let cases: [(&str, Vec<u8>); 6] = [
        ("UTF-8 with a mark", ["\u{feff}", SPANISH].concat().into_bytes()),
        ("UTF-16LE with a mark", [b"\xff\xfe", little.as_slice()].concat()),
        ("UTF-16BE with a mark", [b"\xfe\xff", big.as_slice()].concat()),
        ("UTF-16LE", little),
        ("UTF-16BE", big),
        ("Windows-1252", windows.into_owned()),
    ];
    for (encoding, bytes) in cases {
        assert_eq!(read(&bytes).unwrap().text, expected, "{encoding}");
    }
}

#[test]
fn a_broken_character_in_utf_8_is_one_sign_and_the_others_stay() {
    let mut bytes = SPANISH.repeat(20).into_bytes();
    let cut = bytes.iter().rposition(|byte| *byte == 0xc3).unwrap();
    bytes.remove(cut);
    let text = read(&bytes).unwrap().text;
    assert!(text.starts_with("El niño"), "{text}");
    assert_eq!(text.matches('\u{fffd}').count(), 1);
}

#[test]
fn an_empty_text_and_a_binary_one_are_refused() {
    assert_eq!(read(b""), Err(Refusal::Empty));
    assert_eq!(read(b" \n\t\r\n"), Err(Refusal::Empty));
    assert_eq!(read("\u{feff}\u{200b}".as_bytes()), Err(Refusal::Empty));
    let binary = Err(Refusal::UnsupportedType { seems: Seems::Binary });
    assert_eq!(read_as(b"words\0and more words", Format::Text), binary);
    let noise: Vec<u8> = (0..4_096_u32).map(|number| u8::try_from(number * 7 % 251).unwrap()).collect();
    assert_eq!(read_as(&noise, Format::Markdown), binary);
}
