//! A streaming reader of EDN, and of JSON as the same language in another spelling.
//!
//! ```text
//!   bytes --> Lexer: tokens in a window that slides over the file --> Forms: values as JSON text
//! ```
//!
//! Nothing is built for a token: its text lies in the window, and a value becomes canonical JSON
//! text (what `serde_json` prints: no spaces, keys sorted) in a string that is used again.
//!
//! | EDN | JSON text |
//! |---|---|
//! | `nil`, `true`, `1`, `1N`, `1.50`, `"a"` | `null`, `true`, `1`, `1`, `1.5`, `"a"` |
//! | keyword `:a/b`, symbol `a`, character `\a` | `"a/b"`, `"a"`, `"a"` |
//! | `1/3`, `1.5M`, `##NaN`, an integer beyond 64 bits | a string with its EDN text |
//! | `[1 2]`, `(1 2)` | `[1,2]` |
//! | `#{2 1}` | `[1,2]`: sorted, numbers by size and before all else |
//! | `{:a 1, 2 [3]}` | `{"2":[3],"a":1}`: a key that is no name is its own JSON text |
//! | `#inst "2026"`, `#jepsen.history.Op{...}` | the value without its tag |
//!
//! Shortcuts: two keys or two elements that are the same as JSON (`1` and `"1"` as keys) are an
//! error, since to keep one of them would be to lose the other. No metadata, no regular
//! expressions, no octal numbers. In JSON, commas are white space.

mod escape;
mod forms;
mod lexer;
mod number;

pub(super) use forms::{Forms, NOTHING, Shape};
pub(super) use lexer::{Bracket, Dialect, Token};

use super::jsonl::ReadError;
use std::io;

/// A place in the file, both counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    /// In bytes.
    pub(super) column: usize,
}

/// What went wrong, before the file has a name.
#[derive(Debug)]
pub(super) enum Fault {
    /// The text is not what it should be.
    Wrong { place: Place, problem: String },
    /// There is no text.
    Io(io::Error),
}

/// Boxed, because a token must stay cheap to return.
pub(super) type Fallible<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(super) fn wrong(place: Place, problem: impl Into<String>) -> Box<Self> {
        Box::new(Self::Wrong { place, problem: problem.into() })
    }

    pub(super) fn of_file(self, file: &str) -> ReadError {
        let file = file.to_owned();
        match self {
            Self::Wrong { place: Place { line, column }, problem } => {
                ReadError::Malformed { file, line, column, problem }
            }
            Self::Io(source) => ReadError::Io { file, source },
        }
    }
}
