//! Names stored once: functions, nodes, errors, keys, and values too large for a row.

use super::{Datum, Value};
use rustc_hash::FxHashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// A name that is stored once per history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(NonZeroU32);

/// The table of names. Symbols count from one in the order in which they were first met.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    texts: Vec<Arc<str>>,
    ids: FxHashMap<Arc<str>, Symbol>,
}

impl Symbols {
    /// The symbol of a text, made on first sight.
    ///
    /// # Panics
    /// When four thousand million different names were met.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&symbol) = self.ids.get(text) {
            return symbol;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let id = u32::try_from(self.texts.len()).ok().and_then(NonZeroU32::new);
        let symbol = Symbol(id.expect("fewer than 2^32 names, and at least one"));
        self.ids.insert(text, symbol);
        symbol
    }

    /// The symbol of a number's JSON text, without an allocation when it was met before.
    pub fn intern_int(&mut self, number: i64) -> Symbol {
        self.intern(itoa::Buffer::new().format(number))
    }

    /// The symbol of a text, if it was met.
    pub fn get(&self, text: &str) -> Option<Symbol> {
        self.ids.get(text).copied()
    }

    /// The text of a symbol of this table.
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.0.get() as usize - 1]
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
