//! Transactions in words: `append x 3`, `r y [1 2]`, bounded and without control characters.
//!
//! ```text
//!   [1 2 3 4 5 6 7 8 9 10 11 12]     cut in the middle: what was read first and what was read last
//!   [1 2 3 4 .. 4 more .. 9 10 11 12]   are what an argument is about
//!
//!   a transaction of 90 micro-operations: those that an edge names, then the first ones
//! ```

use super::super::atom::Atom;
use super::super::table::{KeyId, Mop, Table, TxnId};
use crate::verdict::EvidenceMop;
use crate::words::quoted;

/// Elements of a list that are shown from each of its ends.
const LIST_END: usize = 4;

/// A longer key or value is cut, in characters.
const VALUE_CHARS_MAX: usize = 40;

/// Micro-operations of a transaction that are shown.
const MOPS_MAX: usize = 12;

/// A key as people write it.
pub fn key(table: &Table, key: KeyId) -> String {
    plain(&table.key_text(key))
}

/// A value as people write it.
fn value(table: &Table, atom: Atom) -> String {
    match atom {
        Atom::NIL => "nil".to_owned(),
        atom => plain(&table.text(atom)),
    }
}

/// A JSON text as people write it: a string that can be taken for nothing else goes without its
/// quotation marks. `"x"` is `x`, but `"1"`, `"nil"` and `"a b"` stay what they are.
pub fn plain(json: &str) -> String {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_word = |text: &&str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            && !matches!(*text, "nil" | "null" | "true" | "false")
    };
    let text = inner.filter(is_word).unwrap_or(json);
    let mut shown = quoted(text, VALUE_CHARS_MAX);
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A list with its ends.
fn list(table: &Table, elements: &[Atom]) -> String {
    let show =
        |atoms: &[Atom]| atoms.iter().map(|atom| value(table, *atom)).collect::<Vec<_>>().join(" ");
    let left_out = elements.len().saturating_sub(2 * LIST_END);
    if left_out <= 1 {
        return format!("[{}]", show(elements));
    }
    let (first, last) = (&elements[..LIST_END], &elements[elements.len() - LIST_END..]);
    format!("[{} .. {left_out} more .. {}]", show(first), show(last))
}

/// A micro-operation.
pub(super) fn mop(table: &Table, mop: Mop) -> String {
    let key = key(table, mop.key());
    match mop {
        Mop::Append(_, element) => format!("append {key} {}", value(table, element)),
        Mop::List(id, seen) => format!("r {key} {}", list(table, table.elements(id, seen))),
        Mop::Write(_, written) => format!("w {key} {}", value(table, written)),
        Mop::Read(_, seen) => format!("r {key} {}", value(table, seen)),
        Mop::Unknown(_) => format!("r {key} ?"),
    }
}

/// A transaction's micro-operations: all of few; of many those that are wanted and the first ones.
pub(super) fn mops(table: &Table, id: TxnId, wanted: &[u32]) -> Vec<EvidenceMop> {
    let all = table.mops(id);
    let mut places: Vec<u32> = wanted.to_vec();
    places.extend((0..).take(all.len().min(MOPS_MAX)));
    places.retain({
        let mut seen = Vec::new();
        move |place| {
            let is_new = (*place as usize) < all.len() && !seen.contains(place);
            seen.push(*place);
            is_new
        }
    });
    places.truncate(MOPS_MAX);
    places.sort_unstable();
    let shown = places.into_iter();
    shown.map(|place| EvidenceMop { place, text: mop(table, all[place as usize]) }).collect()
}

/// A transaction in one line, of the micro-operations that are shown and how many there are.
pub(super) fn line(shown: &[EvidenceMop], all: usize) -> String {
    let mut words: Vec<String> = shown.iter().map(|mop| format!("[{}]", mop.text)).collect();
    if shown.len() < all {
        words.push(format!("(and {} more)", all - shown.len()));
    }
    words.join(" ")
}
