//! What is old goes, and nothing else.

mod batches;
mod measure;
mod service;
