//! Names stored once: functions, nodes, errors, keys, and values too large for a row.
//!
//! ```text
//!   texts   readwriten1"x 0 0 y"          one after another in one string
//!   ends    4   9    11 20                 symbol n ends where entry n says
//!   slots   -- (hash, 2) -- (hash, 1) ...  open addressing, at most two thirds full
//! ```
//!
//! A history of transactions has a name for nearly every event, so a name must cost little: no
//! allocation of its own, and growing the table does not look at the texts again, because each slot
//! keeps the hash.

use super::{Datum, Value};
use rustc_hash::FxHasher;
use std::hash::{Hash as _, Hasher as _};
use std::num::NonZeroU32;

/// A name that is stored once per history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(NonZeroU32);

impl Symbol {
    /// Its place among the symbols of its table, in the order in which they were first met.
    pub fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// The table of names. Symbols count from one in the order in which they were first met.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    texts: String,
    ends: Vec<usize>,
    /// A power of two of them, or none.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    symbol: Option<Symbol>,
}

const SLOTS_MIN: usize = 64;

impl Symbols {
    /// The symbol of a text, made on first sight.
    ///
    /// # Panics
    /// When four thousand million different names were met.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if self.slots.len() * 2 <= self.ends.len() * 3 {
            self.grow();
        }
        let hash = hash(text);
        let at = match self.find(hash, text) {
            Ok(symbol) => return symbol,
            Err(at) => at,
        };
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        let id = u32::try_from(self.ends.len()).ok().and_then(NonZeroU32::new);
        let symbol = Symbol(id.expect("fewer than 2^32 names, and at least one"));
        self.slots[at] = Slot { hash, symbol: Some(symbol) };
        symbol
    }

    /// The symbol of this text, or the slot where it belongs. The table is not full.
    fn find(&self, hash: u32, text: &str) -> Result<Symbol, usize> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            match slot.symbol {
                None => return Err(at),
                Some(symbol) if slot.hash == hash && self.text(symbol) == text => {
                    return Ok(symbol);
                }
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        for slot in old.into_iter().filter(|slot| slot.symbol.is_some()) {
            let mut at = slot.hash as usize & (slots - 1);
            while self.slots[at].symbol.is_some() {
                at = (at + 1) & (slots - 1);
            }
            self.slots[at] = slot;
        }
    }

    /// The symbol of a number's JSON text, without an allocation when it was met before.
    pub fn intern_int(&mut self, number: i64) -> Symbol {
        self.intern(itoa::Buffer::new().format(number))
    }

    /// The symbol of a text, if it was met.
    pub fn get(&self, text: &str) -> Option<Symbol> {
        if self.slots.is_empty() { None } else { self.find(hash(text), text).ok() }
    }

    /// The text of a symbol of this table.
    pub fn text(&self, symbol: Symbol) -> &str {
        self.text_at(symbol.place())
    }

    /// The text at a place.
    pub fn text_at(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.texts[start..self.ends[place]]
    }

    /// The compact form of a value.
    pub fn compact(&mut self, datum: &Datum) -> Value {
        match datum {
            Datum::Nil => Value::Nil,
            Datum::Int(number) => Value::Int(*number),
            Datum::Pair(from, to) => match (i32::try_from(*from), i32::try_from(*to)) {
                (Ok(from), Ok(to)) => Value::Pair(from, to),
                _ => Value::Interned(self.intern(&format!("[{from},{to}]"))),
            },
            Datum::Json(json) => Value::Interned(self.intern(&json.to_string())),
        }
    }

    /// The value in full.
    pub fn datum(&self, value: Value) -> Datum {
        match value {
            Value::Nil => Datum::Nil,
            Value::Int(number) => Datum::Int(number),
            Value::Pair(from, to) => Datum::Pair(from.into(), to.into()),
            Value::Interned(symbol) => Datum::from_json_text(self.text(symbol)),
        }
    }
}

fn hash(text: &str) -> u32 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    let hash = hasher.finish();
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_symbol_however_many_there_are() {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.get(""), None);
        let names: Vec<String> = (0..5000).map(|n| format!("{n}")).chain([String::new()]).collect();
        let first: Vec<Symbol> = names.iter().map(|name| symbols.intern(name)).collect();
        let again: Vec<Symbol> = names.iter().map(|name| symbols.intern(name)).collect();
        assert_eq!(first, again);
        assert!(first.is_sorted());
        for (name, symbol) in names.iter().zip(first) {
            assert_eq!(symbols.text(symbol), name);
            assert_eq!(symbols.get(name), Some(symbol));
        }
        assert_eq!(symbols.get("5000"), None);
    }
}
