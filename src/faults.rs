//! A leaf that every module may import: what is wrong with a configuration, all of it at once.
//!
//! Each module owns a `…Settings` struct with a `check(&self, &mut Faults)` that names its keys without their
//! section; whoever composes the sections sets the section with [`Faults::within`].

use std::error::Error;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

/// One thing that is wrong. Holds no value that came from a layer, for the value might be a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The file (with its line) or the variable that said it; empty when nobody said anything.
    pub origin: String,
    /// The whole key, as in `http.user.port`; empty when the fault is not about one key.
    pub key: String,
    /// What was expected instead.
    pub problem: String,
}

impl Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.origin, &self.key] {
            if !part.is_empty() {
                write!(formatter, "{part}: ")?;
            }
        }
        formatter.write_str(&self.problem)
    }
}

/// All faults found so far, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    section: String,
    list: Vec<Fault>,
}

impl Faults {
    /// Notes a fault of a key of the current section.
    pub fn add(&mut self, key: &str, problem: impl Into<String>) {
        let key = if self.section.is_empty() { key.to_owned() } else { format!("{}.{key}", self.section) };
        self.push(Fault { origin: String::new(), key, problem: problem.into() });
    }

    /// Notes a fault that knows its origin and its whole key.
    pub fn push(&mut self, fault: Fault) {
        self.list.push(fault);
    }

    /// Notes a fault unless `value` is in the range `allowed`.
    pub fn range<T: PartialOrd + Display>(&mut self, key: &str, value: T, allowed: RangeInclusive<T>) {
        if !allowed.contains(&value) {
            let (least, most) = (allowed.start(), allowed.end());
            self.add(key, format!("must be from {least} to {most}, is {value}"));
        }
    }

    /// Runs `check` with its keys taken to be those of `section`, a section of the current one.
    pub fn within(&mut self, section: &str, check: impl FnOnce(&mut Self)) {
        let outer = self.section.clone();
        self.section = if outer.is_empty() { section.to_owned() } else { format!("{outer}.{section}") };
        check(self);
        self.section = outer;
    }

    /// Whether some fault of this whole key is noted already.
    pub fn has(&self, key: &str) -> bool {
        self.list.iter().any(|fault| fault.key == key)
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The faults, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.list.iter()
    }

    /// Takes the faults out.
    pub fn into_vec(self) -> Vec<Fault> {
        self.list
    }
}

/// One line for each fault.
impl Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_names_its_keys_within_its_section() {
        let mut faults = Faults::default();

        faults.within("http", |http| {
            http.within("user", |user| user.add("port", "is taken"));
            http.range("workers", 900, 0..=512);
        });
        faults.add("service", "is odd");

        let lines = faults.to_string();
        assert_eq!(
            lines,
            "http.user.port: is taken\nhttp.workers: must be from 0 to 512, is 900\nservice: is odd"
        );
    }
}
