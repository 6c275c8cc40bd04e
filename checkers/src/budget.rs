//! How much work a checker may do.
//!
//! Work is counted, not timed: the same history and budget give the same verdict on every machine.
//! Whoever has a clock raises the flag instead.

use std::sync::atomic::{AtomicBool, Ordering};

/// What a checker may spend before it has to say `unknown`.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// Configurations that may be explored, over all keys together.
    pub configurations_max: u64,
    /// Bytes that the explored configurations may take at once, over all threads.
    pub bytes_max: u64,
    /// Raised from outside when time is up.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for Budget<'_> {
    /// Enough for every ordinary run, and small enough for a laptop.
    fn default() -> Self {
        Self { configurations_max: 200_000_000, bytes_max: 4 << 30, stop: None }
    }
}

impl Budget<'_> {
    /// Whether somebody outside said that time is up.
    pub fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}
