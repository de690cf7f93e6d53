//! The marks of items.

/// How deep lists may be that are counted; what is deeper is read, and not numbered.
const LISTS_MAX: usize = 32;

/// The lists around a place, each with the number of its next item if it has numbers.
#[derive(Debug, Default)]
pub(super) struct Lists(Vec<Option<u64>>);

impl Lists {
    pub(super) fn open(&mut self, first: Option<u64>) {
        if self.0.len() < LISTS_MAX {
            self.0.push(first);
        }
    }

    pub(super) fn close(&mut self) {
        self.0.pop();
    }

    /// The mark of the next item.
    pub(super) fn mark(&mut self) -> String {
        match self.0.last_mut() {
            Some(Some(next)) => {
                let mark = format!("{next}. ");
                *next = next.saturating_add(1);
                mark
            }
            _ => "- ".to_owned(),
        }
    }
}

/// Whether an item says nothing but its mark.
pub(super) fn is_bare(item: &str) -> bool {
    let item = item.trim();
    let number = item.strip_suffix('.').unwrap_or_default();
    item == "-" || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
