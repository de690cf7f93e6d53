//! Accidents inside of the program: what breaks is built again, and nobody else notices more than a pause.

mod budget;
mod chaos;
mod panics;
mod repeats;
mod takeover;
