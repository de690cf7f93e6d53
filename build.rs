//! Tells cargo what it cannot see: the migrations are embedded by a macro that reads a folder.
#![expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
