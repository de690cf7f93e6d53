//! The supervision kernel.
