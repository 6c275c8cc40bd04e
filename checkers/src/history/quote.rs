//! Foreign text in messages: escaped and bounded.

/// The most that a message quotes of what was found, in characters.
const CHARS_MAX: usize = 40;

/// The beginning of a text, escaped.
pub(super) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(CHARS_MAX).flat_map(char::escape_default).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        quoted.push_str("...");
    }
    quoted.replace("\\\"", "\"").replace("\\'", "'")
}

/// The beginning of what should have been text.
pub(super) fn quote_bytes(bytes: &[u8]) -> String {
    // A character has at most four bytes, so this is enough to see that there is more.
    let beginning = &bytes[..bytes.len().min(4 * (CHARS_MAX + 1))];
    quote(&String::from_utf8_lossy(beginning))
}
