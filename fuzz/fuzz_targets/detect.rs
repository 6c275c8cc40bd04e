//! Any bytes, read as what they look like: see `survive.rs` for what must hold.
//!
//! `cargo +nightly fuzz run detect fuzz/corpus/*`

#![no_main]

#[path = "../../checkers/tests/support/survive.rs"]
mod survive;

use checkers::history::import;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(format) = import::detect(bytes) {
        survive::format(bytes, format);
    }
});
