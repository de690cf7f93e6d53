//! Who does the work.

pub mod system;
