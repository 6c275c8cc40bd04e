//! The values of one key as small numbers, in order of first sight.
//!
//! Most histories write 1, 2, 3, ...: such values are looked up in a table. The table never has
//! many more places than there are values, whatever numbers a history names.

use super::op::{INITIAL, ValueId};
use crate::history::{Datum, Symbols, Value};
use rustc_hash::FxHashMap;

/// Places that a table may always have.
const TABLE_MIN: usize = 64;

/// Places for each value that is known.
const TABLE_PER_VALUE: usize = 4;

/// No number yet.
const NONE: ValueId = ValueId::MAX;

/// The values of one key.
#[derive(Debug)]
pub(super) struct Values {
    data: Vec<Datum>,
    /// The numbers of small integers.
    table: Vec<ValueId>,
    /// Those of all that found no place in the table.
    others: FxHashMap<Value, ValueId>,
    /// Those of values that a row holds as text.
    texts: FxHashMap<Datum, ValueId>,
}

impl Values {
    /// Knows only the value that the key holds at first.
    pub(super) fn new(initial: &Datum) -> Self {
        let mut values = Self {
            data: vec![initial.clone()],
            table: Vec::new(),
            others: FxHashMap::default(),
            texts: FxHashMap::default(),
        };
        match compact(initial) {
            Some(value) => values.others.insert(value, INITIAL),
            None => values.texts.insert(initial.clone(), INITIAL),
        };
        values
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// The values by number.
    pub(super) fn into_data(self) -> Vec<Datum> {
        self.data
    }

    /// The number of a value.
    pub(super) fn number(&mut self, symbols: &Symbols, value: Value) -> ValueId {
        if let Some(id) = self.known(value) {
            return id;
        }
        let datum = symbols.datum(value);
        if let Value::Interned(_) = value {
            let id = self.datum(datum);
            self.others.insert(value, id);
            return id;
        }
        self.small(value, datum)
    }

    fn known(&self, value: Value) -> Option<ValueId> {
        match self.table.get(place(value)) {
            Some(&id) if id != NONE => Some(id),
            // What has a place now may have had none when it was first seen.
            _ => self.others.get(&value).copied(),
        }
    }

    /// The number of a new value that a row holds without text.
    fn small(&mut self, value: Value, datum: Datum) -> ValueId {
        let id = self.push(datum);
        let place = place(value);
        if place < TABLE_MIN + TABLE_PER_VALUE * self.data.len() {
            if place >= self.table.len() {
                self.table.resize(place + 1, NONE);
            }
            self.table[place] = id;
        } else {
            self.others.insert(value, id);
        }
        id
    }

    /// The numbers of the two values of a pair, if it is one.
    pub(super) fn pair(&mut self, symbols: &Symbols, value: Value) -> Option<(ValueId, ValueId)> {
        match value {
            Value::Pair(from, to) => {
                let [from, to] = [from, to].map(|number| Value::Int(number.into()));
                Some((self.number(symbols, from), self.number(symbols, to)))
            }
            Value::Interned(_) => match symbols.datum(value).to_json() {
                serde_json::Value::Array(pair) => {
                    let [from, to] = <[_; 2]>::try_from(pair).ok()?.map(Datum::from_json);
                    Some((self.datum(from), self.datum(to)))
                }
                _ => None,
            },
            Value::Nil | Value::Int(_) => None,
        }
    }

    fn datum(&mut self, datum: Datum) -> ValueId {
        if let Some(value) = compact(&datum) {
            return self.known(value).unwrap_or_else(|| self.small(value, datum));
        }
        if let Some(&id) = self.texts.get(&datum) {
            return id;
        }
        let id = self.push(datum.clone());
        self.texts.insert(datum, id);
        id
    }

    fn push(&mut self, datum: Datum) -> ValueId {
        let id = self.data.len() as ValueId;
        assert!(id < NONE, "a key has fewer than 2^32 values");
        self.data.push(datum);
        id
    }
}

/// The place of a value in the table, if there is one.
fn place(value: Value) -> usize {
    match value {
        Value::Int(number) => usize::try_from(number).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

/// The form in a row of what needs no text.
fn compact(datum: &Datum) -> Option<Value> {
    match datum {
        Datum::Nil => Some(Value::Nil),
        Datum::Int(number) => Some(Value::Int(*number)),
        Datum::Pair(from, to) => match (i32::try_from(*from), i32::try_from(*to)) {
            (Ok(from), Ok(to)) => Some(Value::Pair(from, to)),
            _ => None,
        },
        Datum::Json(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Values;
    use crate::history::{Datum, Symbols, Value};
    use std::collections::BTreeMap;

    /// A value has one number in whatever form it comes, and wherever the table ends when it comes.
    #[test]
    fn a_value_has_one_number() {
        let mut symbols = Symbols::default();
        let mut values = Values::new(&Datum::Nil);
        let mut seen = BTreeMap::from([("null".to_owned(), 0)]);
        let far = [i64::MIN, -1, 1_000, 5_000, 70_000, i64::MAX];
        for _ in 0..2 {
            for number in (0..2_000).chain(far) {
                let text = number.to_string();
                let pair = format!("[{number},{number}]");
                for value in [
                    Value::Int(number),
                    Value::Interned(symbols.intern(&text)),
                    symbols.compact(&Datum::Pair(number, number)),
                    Value::Interned(symbols.intern(&pair)),
                    Value::Nil,
                ] {
                    let id = values.number(&symbols, value);
                    let json = symbols.datum(value).to_json().to_string();
                    assert_eq!(*seen.entry(json).or_insert(id), id, "{value:?}");
                }
                let ids = (seen[&text], seen[&text]);
                let found = Value::Interned(symbols.intern(&pair));
                assert_eq!(values.pair(&symbols, found), Some(ids));
            }
        }
        assert_eq!(values.len(), seen.len());
        let places = values.table.len();
        assert!(places <= 4 * values.len() + 64, "{places} places");
        let texts: Vec<String> =
            values.into_data().iter().map(|datum| datum.to_json().to_string()).collect();
        assert!(seen.iter().all(|(text, id)| texts[*id as usize] == *text));
    }
}
