//! Keys, values and elements as small numbers that are equal when what they stand for is.
//!
//! ```text
//!   0 .. 2^31 - 1            that number itself: nothing is looked up, nothing is stored
//!   2^31 + s                 symbol s of the table: any other JSON text, in its canonical form
//!   2^32 - 1                 nil
//! ```

use crate::history::Symbols;
use std::borrow::Cow;

/// A value without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Atom(u32);

/// Atoms from here on stand in the table.
const TABLE: u32 = 1 << 31;

impl Atom {
    /// The absent value.
    pub const NIL: Self = Self(u32::MAX);

    /// The number that it is, if nothing had to be stored for it.
    pub(super) fn small(self) -> Option<u32> {
        (self.0 < TABLE).then_some(self.0)
    }

    /// The atom of a small number.
    pub(super) fn of_small(number: u32) -> Option<Self> {
        (number < TABLE).then_some(Self(number))
    }
}

/// The texts behind the atoms of one history.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    texts: Symbols,
}

impl Atoms {
    /// The atom of a number.
    pub fn int(&mut self, number: i64) -> Atom {
        let small = u32::try_from(number).ok().and_then(Atom::of_small);
        small.unwrap_or_else(|| self.text(itoa::Buffer::new().format(number)))
    }

    /// The atom of a canonical JSON text; numbers and `null` included.
    ///
    /// # Panics
    /// When a history has more than two thousand million different texts.
    pub fn json(&mut self, text: &str) -> Atom {
        if text == "null" {
            return Atom::NIL;
        }
        match crate::history::jsonl::parse_i64(text) {
            Some(number) => self.int(number),
            None => self.text(text),
        }
    }

    fn text(&mut self, text: &str) -> Atom {
        let place = self.texts.intern(text).place();
        let place = u32::try_from(place).ok().filter(|place| *place < TABLE - 1);
        Atom(TABLE + place.expect("a history has fewer than 2^31 - 1 different texts"))
    }

    /// The canonical JSON text of an atom of this table.
    pub fn show(&self, atom: Atom) -> Cow<'_, str> {
        match atom {
            Atom::NIL => Cow::Borrowed("null"),
            Atom(small) if small < TABLE => Cow::Owned(small.to_string()),
            Atom(other) => Cow::Borrowed(self.texts.text_at((other - TABLE) as usize)),
        }
    }

    /// Whether it stands for a whole number, for whoever refuses a mixture of types.
    pub fn is_int(&self, atom: Atom) -> bool {
        atom.small().is_some() || crate::history::jsonl::parse_i64(&self.show(atom)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_has_one_atom_and_shows_as_it_was_written() {
        let mut atoms = Atoms::default();
        let texts = ["null", "0", "2147483647", "2147483648", "-1", "\"x\"", "[1]", "1.5", "\"1\""];
        let first: Vec<Atom> = texts.iter().map(|text| atoms.json(text)).collect();
        let again: Vec<Atom> = texts.iter().map(|text| atoms.json(text)).collect();
        assert_eq!(first, again);
        let shown: Vec<_> = first.iter().map(|atom| atoms.show(*atom).into_owned()).collect();
        assert_eq!(shown, texts);
        assert_eq!(atoms.int(2_147_483_648), first[3]);
        let ints: Vec<bool> = first.iter().map(|atom| atoms.is_int(*atom)).collect();
        assert_eq!(ints, [false, true, true, true, true, false, false, false, false]);
        let small: Vec<_> = first.iter().map(|atom| atom.small()).collect();
        assert_eq!(small[..4], [None, Some(0), Some(i32::MAX as u32), None]);
    }
}
