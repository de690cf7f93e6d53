//! Knowledge bases: what is put in is read by a worker, told live, and found.

mod entries;
mod fetching;
mod files;
mod library;
mod meaning;
mod provider;
mod quotas;
mod reading;
mod restarts;
mod search;
mod teams;
