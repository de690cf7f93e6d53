//! What users may write, and what they may not.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::stand::{client, settings};
use crate::outbound::{Outbound, Refusal};

/// Whatever leads to this machine, its network, a cloud's metadata or nowhere, in every spelling that is known.
const CLOSED_HOSTS: [&str; 63] = [
    "127.0.0.1",
    "127.0.0.1.",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0x7F.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "127.00.0.01",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0x0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:127.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::1]",
    "0.0.0.0",
    "0",
    "00",
    "0x0",
    "[::]",
    "10.0.0.1",
    "10.1",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "169.254.43518",
    "169.254.169.254.",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fc00::1]",
    "[::ffff:169.254.169.254]",
    "[ff02::1]",
    "198.18.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "240.0.0.1",
    "255.255.255.255",
    "224.0.0.1",
    "168.63.129.16",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "metadata.google.internal",
    "printer.local",
];

/// The same with letters that only look like digits and dots, as browsers read them.
const CLOSED_LETTERS: [&str; 6] =
    ["127。0。0。1", "１２７.0.0.1", "①②⑦.⓪.⓪.①", "%31%32%37.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "loc\u{ad}alhost"];

/// One for all: reading the system's certificates takes longer than a thousand addresses.
static CLIENT: LazyLock<Outbound> = LazyLock::new(|| client(&settings()));

fn refusal(text: &str) -> Option<Refusal> {
    CLIENT.check("source_url", text).err().map(|error| error.refusal)
}

#[test]
fn a_host_that_is_closed_is_refused_in_every_spelling() {
    for host in CLOSED_HOSTS.iter().chain(&CLOSED_LETTERS) {
        for text in
            [format!("http://{host}/"), format!("https://{host}:443/a?b"), format!("http:\\\\{host}\\a")]
        {
            assert_eq!(refusal(&text), Some(Refusal::Host), "{text}");
        }
    }
}

#[test]
fn what_is_no_plain_web_address_is_refused_with_the_reason() {
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    let long_in_bytes = format!("https://example.com/{}", "ä".repeat(500));
    for (text, reason) in [
        ("ftp://example.com/", Refusal::Scheme),
        ("file:///etc/passwd", Refusal::Scheme),
        ("gopher://example.com:80/_x", Refusal::Scheme),
        ("javascript:alert(1)", Refusal::Scheme),
        ("data:text/plain,x", Refusal::Scheme),
        ("unix:/var/run/docker.sock", Refusal::Scheme),
        ("http://user@example.com/", Refusal::Account),
        ("http://user:secret@example.com/", Refusal::Account),
        ("http://:secret@example.com/", Refusal::Account),
        ("http://example.com@127.0.0.1/", Refusal::Account),
        ("http://example.com:22/", Refusal::Port),
        ("http://example.com:0/", Refusal::Port),
        ("https://example.com:5432/", Refusal::Port),
        ("http://127.0.0.1:5672/", Refusal::Port),
        ("http://example.com:65536/", Refusal::NotAUrl),
        ("", Refusal::NotAUrl),
        ("example.com", Refusal::NotAUrl),
        ("//example.com/", Refusal::NotAUrl),
        ("http://", Refusal::NotAUrl),
        ("http://1.2.3.4.5/", Refusal::NotAUrl),
        ("http://256.0.0.1/", Refusal::NotAUrl),
        ("http://[::1%25eth0]/", Refusal::NotAUrl),
        ("http://[fe80::1%eth0]/", Refusal::NotAUrl),
        ("http://a b/", Refusal::NotAUrl),
        ("http://example.com/a\r\nX-Evil: 1", Refusal::NotAUrl),
        ("http://exam\tple.com/", Refusal::NotAUrl),
        (" http://example.com/", Refusal::NotAUrl),
        ("http://example.com/\u{0}", Refusal::NotAUrl),
        ("http://example.com/\u{2028}", Refusal::NotAUrl),
        (&long, Refusal::TooLong { bytes_max: 2_048 }),
        (&long_in_bytes, Refusal::TooLong { bytes_max: 2_048 }),
    ] {
        assert_eq!(refusal(text), Some(reason), "{text}");
    }
}

#[test]
fn an_address_of_the_internet_is_read_and_written_in_one_way() {
    for (text, written) in [
        ("https://example.com/a?b=c#d", "https://example.com/a?b=c"),
        ("HTTP://EXAMPLE.com:80", "http://example.com/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("http://134744072/", "http://8.8.8.8/"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "https://[2606:4700:4700::1111]/"),
        ("http:\\\\example.com\\a", "http://example.com/a"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("http://127.0.0.1.nip.io/", "http://127.0.0.1.nip.io/"),
        ("http://local.example.com./", "http://local.example.com./"),
    ] {
        assert_eq!(CLIENT.check("url", text).unwrap().as_str(), written);
    }
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_a_refusal(text in ".{0,100}", host in "[0-9a-fx.:%\\[\\]@/\\\\]{0,40}") {
            for text in [text, format!("http://{host}/")] {
            if let Ok(read) = CLIENT.check("url", &text) {
                // What is written is read back as the same, so that what was stored is what was checked.
                let again = CLIENT.check("url", read.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), read.as_str());
            }
        }
    }

    #[test]
    fn every_spelling_of_an_ipv4_address_is_judged_as_the_address(bits in any::<u32>(), spelling in 0..7_u8) {
        let [a, b, c, d] = bits.to_be_bytes();
        let host = match spelling {
            0 => format!("{bits}"),
            1 => format!("0x{bits:x}"),
            2 => format!("0{bits:o}"),
            3 => format!("0{a:o}.0x{b:X}.{c}.{d}."),
            4 => format!("{a}.{}", bits & 0xff_ffff),
            5 => format!("{a}.{b}.{}", bits & 0xffff),
            _ => format!("[::ffff:{a}.{b}.{c}.{d}]"),
        };
        let plain = format!("http://{a}.{b}.{c}.{d}/");
        prop_assert_eq!(refusal(&format!("http://{host}/")), refusal(&plain), "{} {}", host, plain);
    }
}
