//! The user API as its clients meet it.

mod instances;
