use crate::extraction::normalise::{Spaces, normalise};

fn folded(text: &str) -> String {
    let mut out = String::new();
    normalise(text, Spaces::Folded, usize::MAX, &mut out);
    out
}

#[test]
fn what_looks_the_same_is_written_in_one_way() {
    for (text, expected) in [
        ("nin\u{303}o", "niño"),
        ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
        ("\n\n a  \t b \n\n\n\n c\u{a0}d\u{2003}e \n\n", "a b\n\nc d e"),
        ("pass\u{200b}word \u{202e}abc\u{2069}", "password abc"),
        ("a\0b\u{7}c\u{1b}[31m", "abc[31m"),
        ("e\u{1}\u{301}", "é"),
        ("com\u{ad}pound z\u{200d}z", "compound zz"),
        ("\u{fffe}x\u{fdd0}", "x"),
        ("", ""),
        ("\u{200b}\n\u{feff}", ""),
    ] {
        assert_eq!(folded(text), expected, "{text:?}");
    }
}

#[test]
fn joiners_stay_where_they_shape_what_is_written() {
    let family = "👩\u{200d}👧";
    assert_eq!(folded(family), family);
    let persian = "می\u{200c}خواهم";
    assert_eq!(folded(persian), persian);
}

#[test]
fn a_letter_under_a_thousand_marks_keeps_some() {
    let text = folded(&["a", &"\u{301}\u{316}".repeat(5_000)].concat());
    assert!(text.chars().count() <= 17, "{}", text.chars().count());
}

#[test]
fn code_keeps_its_indentation_and_no_more() {
    let mut out = String::new();
    normalise(
        &["if x {\n\ty  =  1;   \n\n\n\n    }\n", &" ".repeat(100_000), "z"].concat(),
        Spaces::Kept,
        usize::MAX,
        &mut out,
    );
    let expected = ["if x {\n\ty  =  1;\n\n    }\n", &" ".repeat(64), "z"].concat();
    assert_eq!(out, expected);
}

#[test]
fn what_is_too_long_is_left_off_and_can_be_told() {
    let mut out = "kept ".to_owned();
    normalise(&"word ".repeat(1_000), Spaces::Folded, 20, &mut out);
    assert!((21..30).contains(&out.len()), "{out}");
}
