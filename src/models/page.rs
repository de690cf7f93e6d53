//! Keyset pages: newest first, and stable while rows come and go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

/// A cursor that this service did not give out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the cursor is not one that a list gave out")]
pub struct InvalidCursor;

/// The place where a page ended. Opaque to clients: only its text travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// After the row with this UUID; 16 bytes in the text.
    Uuid(Uuid),
    /// After the row with this number; 8 bytes in the text.
    Number(i64),
}

impl Cursor {
    /// The text for `next_cursor`.
    #[must_use]
    pub fn encode(self) -> String {
        match self {
            Self::Uuid(id) => URL_SAFE_NO_PAD.encode(id.as_bytes()),
            Self::Number(number) => URL_SAFE_NO_PAD.encode(number.to_be_bytes()),
        }
    }

    /// Reads the text of a `?cursor=`.
    ///
    /// # Errors
    /// [`InvalidCursor`] for anything that [`Cursor::encode`] does not write.
    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_not_base64| InvalidCursor)?;
        if let Ok(id) = <[u8; 16]>::try_from(bytes.as_slice()) {
            return Ok(Self::Uuid(Uuid::from_bytes(id)));
        }
        let number = <[u8; 8]>::try_from(bytes.as_slice()).map_err(|_wrong_length| InvalidCursor)?;
        Ok(Self::Number(i64::from_be_bytes(number)))
    }

    /// The UUID of a list whose rows have UUIDs.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor comes from a list of another kind.
    pub const fn uuid(self) -> Result<Uuid, InvalidCursor> {
        match self {
            Self::Uuid(id) => Ok(id),
            Self::Number(_) => Err(InvalidCursor),
        }
    }

    /// The number of a list whose rows have numbers.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor comes from a list of another kind.
    pub const fn number(self) -> Result<i64, InvalidCursor> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Uuid(_) => Err(InvalidCursor),
        }
    }
}

/// How many items a page may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit(u8);

impl PageLimit {
    /// Enough for a screen; one page is one short query.
    pub const DEFAULT: Self = Self(50);
    /// More would let one request hold a connection for too long.
    pub const MAX: u8 = 100;

    /// Takes a wish from a query string; `None` when it is not within 1 and [`PageLimit::MAX`].
    #[must_use]
    pub fn new(limit: u32) -> Option<Self> {
        u8::try_from(limit).ok().filter(|limit| (1..=Self::MAX).contains(limit)).map(Self)
    }

    /// The number of items on a full page.
    #[must_use]
    pub const fn items(self) -> usize {
        self.0 as usize
    }

    /// How many rows to ask the database for: one more than a page shows tells whether another follows.
    #[must_use]
    pub const fn rows(self) -> i64 {
        self.0 as i64 + 1
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next page begins: nowhere (`null`) on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a page out of up to [`PageLimit::rows`] rows; `key` tells where an item stands in the list.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, limit: PageLimit, key: impl Fn(&T) -> Cursor) -> Self {
        let another_follows = rows.len() > limit.items();
        rows.truncate(limit.items());
        let next_cursor = if another_follows { rows.last().map(|last| key(last).encode()) } else { None };
        Self { items: rows, next_cursor }
    }

    /// The same page with every item turned into its view.
    #[must_use]
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(view).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_itself(id in any::<u128>(), number in any::<i64>()) {
            for cursor in [Cursor::Uuid(Uuid::from_u128(id)), Cursor::Number(number)] {
                prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
            }
        }

        #[test]
        fn any_text_is_a_cursor_or_an_error(text in ".*") {
            let _never_panics = Cursor::decode(&text);
        }
    }

    #[test]
    fn a_page_names_its_successor_only_if_there_is_one() {
        let limit = PageLimit::new(2).unwrap();
        let full = Page::cut(vec![3, 2, 1], limit, |item| Cursor::Number(*item));
        assert_eq!(full.items, [3, 2]);
        assert_eq!(full.next_cursor, Some(Cursor::Number(2).encode()));

        let last = Page::cut(vec![1], limit, |item| Cursor::Number(*item));
        assert_eq!(last.next_cursor, None);
    }

    #[test]
    fn a_limit_is_between_one_and_a_hundred() {
        assert!(PageLimit::new(0).is_none());
        assert!(PageLimit::new(101).is_none());
        assert_eq!(PageLimit::new(100).map(PageLimit::items), Some(100));
    }
}
