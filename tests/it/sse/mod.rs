//! Event streams on the whole platform: the same story as on a socket, told to who can only read.

mod ends;
mod flow;
mod resume;
