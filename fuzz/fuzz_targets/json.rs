//! Any bytes, read as maps in JSON: see `survive.rs` for what must hold.
//!
//! `cargo +nightly fuzz run json`

#![no_main]

#[path = "../../checkers/tests/support/survive.rs"]
mod survive;

use checkers::history::import::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    survive::format(bytes, Format::Json);
});
