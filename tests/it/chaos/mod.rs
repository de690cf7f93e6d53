//! Everything at once: several replicas behind the edge, users who make and change and watch instances, and faults of every
//! kind in a random order. What the users were told, what they saw, what was on the bus and what Postgres noted is recorded,
//! and compared at the end. `docs/reliability.md` says what is promised and what came of it.
//!
//! `run` is the one test, `platform` what it stands on, `faults` what is done to it. `crowd` is
//! everybody: `citizens` and `followers` are the
//! users, each with a `wallet`, and `keeper` has the team; `probe`, `auditing` and `onlooker` look at Postgres. The `checker` is pure and has tests of its own.

mod auditing;
mod calling;
mod checker;
mod citizens;
mod crowd;
mod faults;
mod followers;
mod keeper;
mod lines;
mod onlooker;
mod platform;
mod probe;
mod recorder;
mod report;
mod run;
mod schedule;
mod wallet;
