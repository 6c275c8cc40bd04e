//! What must hold for a reader whatever the bytes are, shared by the tests and the fuzz targets.

use checkers::history::import::{self, Format, ImportOptions};
use checkers::history::jsonl::{ReadError, Writer};
use checkers::history::{History, pairing};

/// Longer messages would let a file fill the terminal.
const MESSAGE_CHARS_MAX: usize = 400;

/// The lines of a history, as we write them.
pub(crate) fn lines(history: &History) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (index, event) in history.events().iter().enumerate() {
        writer.event(index, event, &history.symbols).expect("a vector takes everything");
    }
    writer.into_inner()
}

/// Reads the bytes as this format, with and without keys in the values. Either it is a history:
/// then its operations pair, time does not go back, and it reads the same when written by us. Or it
/// is not: then the message says where, in few and harmless characters. Gives the number of events
/// of the reading without keys.
pub(crate) fn format(bytes: &[u8], format: Format) -> Option<usize> {
    let reading =
        |independent| match import::read(bytes, "file", format, ImportOptions { independent }) {
            Ok(reading) => Some(sound(&reading.history)),
            Err(error) => {
                harmless(&error, bytes);
                None
            }
        };
    reading(true);
    reading(false)
}

fn sound(history: &History) -> usize {
    let operations = pairing::operations(history);
    assert!(operations.len() <= history.len());
    assert!(history.events().is_sorted_by_key(|event| event.time_ns));
    if history.is_empty() {
        return 0;
    }
    let written = lines(history);
    let again = import::read(written.as_slice(), "again", Format::Jsonl, ImportOptions::default())
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&written)));
    assert_eq!(again.torn, None);
    assert_eq!(String::from_utf8_lossy(&lines(&again.history)), String::from_utf8_lossy(&written));
    history.len()
}

fn harmless(error: &ReadError, bytes: &[u8]) {
    let ReadError::Malformed { line, column, .. } = error else {
        panic!("bytes in memory can always be read: {error}");
    };
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
    assert!((1..=lines).contains(line), "{error}: there are {lines} lines");
    assert!((1..=bytes.len() + 1).contains(column), "{error}: there are {} bytes", bytes.len());
    let message = error.to_string();
    assert!(message.chars().count() <= MESSAGE_CHARS_MAX, "{message}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
}
