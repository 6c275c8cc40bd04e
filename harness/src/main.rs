//! The command line of Tribunal.
fn main() {}
