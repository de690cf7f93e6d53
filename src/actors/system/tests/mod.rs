//! The promises of the kernel, attacked.
