//! Texts that mean nothing and cannot be guessed: refresh tokens, tickets, and tokens for another password.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

const BYTES: usize = 32;

/// 32 random bytes in base64url: 43 characters.
pub(in crate::actors) fn fresh() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; BYTES]>())
}

/// Whether it could be one. Everything else is not worth a question to a server.
pub(in crate::actors) fn is_well_formed(text: &str) -> bool {
    text.len() == (BYTES * 4).div_ceil(3) && URL_SAFE_NO_PAD.decode(text).is_ok()
}

/// What is stored of one. A plain hash is enough: there is nothing to guess in 256 random bits.
pub(in crate::actors) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fresh_texts_are_well_formed_and_differ() {
        let (one, other) = (fresh(), fresh());
        assert!(is_well_formed(&one) && is_well_formed(&other));
        assert_ne!(one, other);
        for none in ["", "x", &"*".repeat(43), &"A".repeat(42), &"A".repeat(44)] {
            assert!(!is_well_formed(none), "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_well_formed_if_it_is_what_some_32_bytes_are_written_as(
            bytes in any::<[u8; BYTES]>(), text in "[A-Za-z0-9_-]{43}|[A-Za-z0-9_=+/-]{40,46}|.{0,60}"
        ) {
            prop_assert!(is_well_formed(&URL_SAFE_NO_PAD.encode(bytes)));
            let read = URL_SAFE_NO_PAD.decode(&text).ok().filter(|read| read.len() == BYTES);
            let written_again = read.map(|read| URL_SAFE_NO_PAD.encode(read));
            prop_assert_eq!(is_well_formed(&text), written_again.as_deref() == Some(text.as_str()));
        }
    }
}
