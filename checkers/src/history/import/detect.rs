//! Which format a file is in, from how it begins.
//!
//! ```text
//!   {"index":0,"time":...        our own lines
//!   {"...   [{"...               JSON
//!   {:...   [{:...   (  #  ;     EDN
//!   ... INFO ... or a logger     a Jepsen log
//! ```

use super::{Format, log};

/// So much of a log must be seen before it says which logger wrote it; more is not looked at.
const BEGINNING_BYTES_MAX: usize = 64 << 10;

/// The format of a file that begins with these bytes; nothing if it is none that is known.
///
/// Some kilobytes are enough. A wrong guess does no harm: every reader refuses what is not its own.
pub fn detect(beginning: &[u8]) -> Option<Format> {
    let beginning = &beginning[..beginning.len().min(BEGINNING_BYTES_MAX)];
    if beginning.contains(&0) {
        return None;
    }
    if logged(beginning) {
        return Some(Format::JepsenLog);
    }
    let mut words = beginning.iter().copied().filter(|byte| !b" \t\r\n\x0b\x0c,".contains(byte));
    match words.next()? {
        b'{' => map(words),
        b'[' => match words.next() {
            Some(b'{') => map(words).map(|format| match format {
                Format::Jsonl => Format::Json,
                other => other,
            }),
            _ => Some(Format::Edn),
        },
        b'(' | b'#' | b';' => Some(Format::Edn),
        _ => None,
    }
}

/// A map whose brace was read.
fn map(mut words: impl Iterator<Item = u8>) -> Option<Format> {
    match words.next() {
        Some(b'"') => {}
        Some(_) => return Some(Format::Edn),
        None => return None,
    }
    if !b"index\":".iter().all(|&byte| words.next() == Some(byte)) {
        return Some(Format::Json);
    }
    let mut words = words.skip_while(u8::is_ascii_digit);
    // White space and commas are left out.
    let ours = b"\"time\":".iter().all(|&byte| words.next() == Some(byte));
    Some(if ours { Format::Jsonl } else { Format::Json })
}

/// A line that neither EDN nor JSON begins with, of a logger.
fn logged(beginning: &[u8]) -> bool {
    let first = beginning.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if !first.first().is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    let contains = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|part| part == word);
    contains(first, b"INFO") || log::MARKS.iter().any(|mark| contains(beginning, mark))
}
