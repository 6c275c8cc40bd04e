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
}

/// The texts behind the atoms of one history.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    texts: Symbols,
}

impl Atoms {
    /// The atom of a number.
    pub fn int(&mut self, number: i64) -> Atom {
        match u32::try_from(number) {
            Ok(small) if small < TABLE => Atom(small),
            _ => self.text(itoa::Buffer::new().format(number)),
        }
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
        crate::history::jsonl::parse_i64(&self.show(atom)).is_some()
    }
}
