//! Panics caught: a protocol that panics is a finding, and the hunt goes on.
//!
//! The place that panicked says whose mistake it is: a target's own files, or ours. Threads that
//! are not watched panic as they always do.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// The most that is kept of a panic's message, in characters.
const MESSAGE_CHARS_MAX: usize = 300;

/// A panic that was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// What it said.
    pub message: String,
    /// Where: `targets/src/raft/log.rs:12`.
    pub place: String,
}

impl Panicked {
    /// Whether the target on trial panicked, and not the harness around it.
    pub fn is_of(&self, target: &str) -> bool {
        self.place.contains(&format!("targets/src/{target}/"))
    }
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// Does the work; a panic in it is caught and said.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    watch();
    WATCHED.set(true);
    // What the work was about to change is dropped with it.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    WATCHED.set(false);
    let unknown = || Panicked { message: "no message".to_owned(), place: "nowhere".to_owned() };
    result.map_err(|_| LAST.take().unwrap_or_else(unknown))
}

/// Puts our hook before the one that there was, once.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !WATCHED.get() {
                return before(info);
            }
            let payload = info.payload();
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
            let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
            LAST.set(Some(Panicked { message, place: place.unwrap_or_default() }));
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_is_caught_with_its_place_and_the_next_work_goes_on() {
        let panicked = caught(|| [1, 2, 3][usize::from(std::process::id() > 0) * 7]);
        let panicked = panicked.expect_err("there are three");
        assert!(panicked.message.contains("out of bounds"), "{panicked:?}");
        assert!(panicked.place.contains("harness/src/panics.rs"), "{panicked:?}");
        assert!(!panicked.is_of("raft"));
        assert_eq!(caught(|| 7), Ok(7));
    }
}
