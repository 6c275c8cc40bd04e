//! Texts of a system under test, fit to be quoted: bounded, and without control characters.

/// At most so many characters of a text, control characters written out.
pub(crate) fn quoted(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).flat_map(plain).collect()
}

fn plain(character: char) -> impl Iterator<Item = char> {
    let escape = character.is_control().then(|| character.escape_default());
    let as_it_is = escape.is_none().then_some(character);
    escape.into_iter().flatten().chain(as_it_is)
}

/// A time of the run in seconds: `12.340 s`.
pub(crate) fn seconds(ns: u64) -> String {
    let milliseconds = ns / 1_000_000;
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}
