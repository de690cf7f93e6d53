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

/// How large the documents of one page may be together. A page of a hundred of the largest would be thirteen megabytes, of
/// agents twice that, and several times as much while it is read: it ends earlier instead, and another follows.
pub const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How many of the first items make a page: as many as it may have, and no more than are within [`PAGE_BYTES_MAX`], but always
/// one, so that every list comes to its end. `sizes` are those of all that were read, one more than a page shows.
#[must_use]
pub fn items_within(sizes: impl IntoIterator<Item = usize>, limit: PageLimit) -> usize {
    let mut bytes = 0_usize;
    let fits = |(index, size): &(usize, usize)| {
        bytes = bytes.saturating_add(*size);
        *index == 0 || bytes <= PAGE_BYTES_MAX
    };
    sizes.into_iter().take(limit.items()).enumerate().take_while(fits).count()
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
        Self::ending(rows, another_follows, key)
    }

    /// A page of these items, after which another follows or not.
    #[must_use]
    pub fn ending(items: Vec<T>, another_follows: bool, key: impl Fn(&T) -> Cursor) -> Self {
        let next_cursor = if another_follows { items.last().map(|last| key(last).encode()) } else { None };
        Self { items, next_cursor }
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
        fn any_text_is_a_cursor_that_is_written_so_or_an_error(text in "[A-Za-z0-9_-]{10,23}|.*") {
            if let Ok(cursor) = Cursor::decode(&text) {
                prop_assert_eq!(cursor.encode(), text);
            }
        }
    }

    /// Somebody who reads a list page by page, newest first, while others come and go.
    #[derive(Clone, Copy, Debug)]
    enum Meanwhile {
        Nothing,
        /// A newer row, as all new ones are, of that size.
        Insert(usize),
        /// The row at that place is deleted.
        Delete(usize),
    }

    fn meanwhile() -> impl Strategy<Value = Meanwhile> {
        prop_oneof![
            Just(Meanwhile::Nothing),
            (0..PAGE_BYTES_MAX).prop_map(Meanwhile::Insert),
            (0..60_usize).prop_map(Meanwhile::Delete),
        ]
    }

    proptest! {
        #[test]
        fn whoever_pages_sees_each_row_once_that_was_there_all_the_time_and_none_twice(
            sizes in proptest::collection::vec(0..PAGE_BYTES_MAX, 0..60),
            limit in 1..20_u32,
            meanwhile in proptest::collection::vec(proptest::collection::vec(meanwhile(), 0..5), 0..80),
        ) {
            let limit = PageLimit::new(limit).unwrap();
            let mut rows: std::collections::BTreeMap<i64, usize> = (1..).zip(sizes).collect();
            let mut next_id = 1_000;
            let mut there_all_the_time: std::collections::BTreeSet<i64> = rows.keys().copied().collect();
            let (mut seen, mut before, mut pages) = (Vec::new(), i64::MAX, 0);
            let mut meanwhile = meanwhile.into_iter();
            loop {
                // What a list does: one row more than the page shows, and no more than fit in.
                let read: Vec<(i64, usize)> =
                    rows.range(..before).rev().take(limit.items() + 1).map(|(id, size)| (*id, *size)).collect();
                let length = items_within(read.iter().map(|(_, size)| *size), limit);
                let bytes: usize = read[..length].iter().map(|(_, size)| size).sum();
                prop_assert!(bytes <= PAGE_BYTES_MAX || length == 1);
                prop_assert!(length <= limit.items() && (length > 0 || read.is_empty()));
                let page = Page::ending(read[..length].to_vec(), read.len() > length, |(id, _)| Cursor::Number(*id));

                seen.extend(page.items.iter().map(|(id, _)| *id));
                let Some(cursor) = page.next_cursor else { break };
                before = Cursor::decode(&cursor).unwrap().number().unwrap();
                for event in meanwhile.next().unwrap_or_default() {
                    match event {
                        Meanwhile::Nothing => {}
                        Meanwhile::Insert(size) => {
                            rows.insert(next_id, size);
                            next_id += 1;
                        }
                        Meanwhile::Delete(place) => {
                            let id = rows.keys().nth(place).copied();
                            if let Some(id) = id {
                                rows.remove(&id);
                                there_all_the_time.remove(&id);
                            }
                        }
                    }
                }
                pages += 1;
                prop_assert!(pages <= 61, "it never ends");
            }
            prop_assert!(seen.is_sorted_by(|one, next| one > next), "twice or out of order: {seen:?}");
            for id in &there_all_the_time {
                prop_assert!(seen.contains(id), "{id} was there all the time and is not in {seen:?}");
            }
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
