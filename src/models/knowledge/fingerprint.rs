//! What tells whether two things are the same, and whether one has to be read again.

use sha2::{Digest, Sha256};

use super::entry::{EntryDataType, LanguageHint};

/// Grows whenever the same bytes would be read or cut differently: what was indexed before is then read anew when it is asked for.
const RULES_VERSION: u8 = 2;

/// SHA-256 of what a user gave: a text, the bytes of a file, an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Of a text that was sent as it is.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// Of bytes that are in memory.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut hasher = ContentHasher::of_bytes();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Of an address: the same one is kept once, whatever it leads to.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        let hash = Sha256::new().chain_update(b"url\0").chain_update(url);
        Self(hash.finalize().into())
    }

    /// As it was kept; `None` for what is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What chunks are made from, and by which rules: where it is the same, they would be the same.
    #[must_use]
    pub fn indexed_as(&self, data_type: EntryDataType, lang_hint: LanguageHint) -> [u8; 32] {
        let hash = Sha256::new().chain_update([RULES_VERSION]).chain_update(self.0);
        let hash = hash.chain_update(data_type.as_str()).chain_update([0]).chain_update(lang_hint.as_str());
        hash.finalize().into()
    }
}

/// Takes bytes as they come.
#[derive(Clone, Debug)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    /// For the bytes of a text or a file.
    #[must_use]
    pub fn of_bytes() -> Self {
        Self(Sha256::new().chain_update(b"bytes\0"))
    }

    /// Takes more of them.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What they come to.
    #[must_use]
    pub fn finish(self) -> ContentHash {
        ContentHash(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_the_same_thing_in_whatever_pieces_they_come_and_an_address_is_not_its_text() {
        let mut hasher = ContentHasher::of_bytes();
        hasher.update(b"https://");
        hasher.update(b"a.example");
        assert_eq!(hasher.finish(), ContentHash::of_text("https://a.example"));
        assert_ne!(ContentHash::of_url("https://a.example"), ContentHash::of_text("https://a.example"));
    }

    #[test]
    fn another_language_or_kind_makes_other_chunks() {
        let hash = ContentHash::of_text("x");
        let document = EntryDataType::Document;
        let english = hash.indexed_as(document, LanguageHint::English);
        assert_eq!(english, hash.indexed_as(document, LanguageHint::English));
        assert_ne!(english, hash.indexed_as(document, LanguageHint::Spanish));
        assert_ne!(english, hash.indexed_as(EntryDataType::Video, LanguageHint::English));
        assert_ne!(english, ContentHash::of_text("y").indexed_as(document, LanguageHint::English));
    }
}
