//! The client against servers that mean no good, all of them on this machine.

mod addresses;
mod canary;
mod hostile;
mod stand;
mod tls;
mod urls;
