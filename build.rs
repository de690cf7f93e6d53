//! Tells cargo what it cannot see: the migrations are embedded by a macro that reads a folder.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
