//! The short cut: micro-operations as nearly everybody writes them, read in one pass over the
//! bytes.
//!
//! ```text
//!   [["append",1,2],["r",1,[1,2]],["w","x",3],["r","x",null]]
//!   {"commit_ts":9,"start_ts":5,"txn":[["r",1,[1,2]]]}
//! ```
//!
//! Numbers, strings without escapes, and no space. Whatever is written otherwise, be it a mistake,
//! is answered with `None`: then [`super::tree`] reads it from the beginning, and says what is
//! wrong if something is.

use super::{Kind, Reads, Rows};
use crate::transactions::atom::Atom;
use crate::transactions::table::{KeyId, List, Mop, Timestamps};

/// So many digits are always smaller than 2^31.
const DIGITS_MAX: usize = 9;

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Rows {
    /// Adds the micro-operations of a value; nothing, and perhaps some of them added, if it is not
    /// of the common shape.
    pub(super) fn plain(&mut self, text: &str, reads: Reads) -> Option<Timestamps> {
        let mut cursor = Cursor { text, at: 0 };
        let mut timestamps = Timestamps::default();
        if cursor.has("{") {
            timestamps = self.object(&mut cursor, reads)?;
        } else {
            self.array(&mut cursor, reads)?;
        }
        (cursor.at == text.len()).then_some(timestamps)
    }

    fn object(&mut self, cursor: &mut Cursor<'_>, reads: Reads) -> Option<Timestamps> {
        let mut timestamps = Timestamps::default();
        let mut seen = false;
        loop {
            if cursor.has("\"commit_ts\":") {
                timestamps.commit = Some(cursor.unsigned()?);
            } else if cursor.has("\"start_ts\":") {
                timestamps.start = Some(cursor.unsigned()?);
            } else if !seen {
                cursor.skip("\"txn\":")?;
                self.array(cursor, reads)?;
                seen = true;
            } else {
                return None;
            }
            if cursor.has("}") {
                return seen.then_some(timestamps);
            }
            cursor.skip(",")?;
        }
    }

    fn array(&mut self, cursor: &mut Cursor<'_>, reads: Reads) -> Option<()> {
        cursor.skip("[")?;
        if cursor.has("]") {
            return Some(());
        }
        loop {
            let mop = self.micro(cursor, reads)?;
            self.table.mops.push(mop);
            if cursor.has("]") {
                return Some(());
            }
            cursor.skip(",")?;
        }
    }

    fn micro(&mut self, cursor: &mut Cursor<'_>, reads: Reads) -> Option<Mop> {
        let mop = if cursor.has("[\"r\",") {
            let key = self.plain_key(cursor)?;
            match self.kind {
                Kind::ListAppend => self.plain_list(cursor, key, reads)?,
                Kind::RwRegister | Kind::ClosedPredicate => {
                    let nil = cursor.has("null");
                    let value = if nil { Atom::NIL } else { self.atom(cursor)? };
                    match reads {
                        Reads::Unknown => Mop::Unknown(key),
                        Reads::Perhaps if nil => Mop::Unknown(key),
                        Reads::Perhaps | Reads::Answered => Mop::Read(key, value),
                    }
                }
            }
        } else {
            let make = match self.kind {
                Kind::ListAppend => cursor.skip("[\"append\",").map(|()| Mop::Append)?,
                Kind::RwRegister | Kind::ClosedPredicate => {
                    cursor.skip("[\"w\",").map(|()| Mop::Write)?
                }
            };
            let key = self.plain_key(cursor)?;
            make(key, self.atom(cursor)?)
        };
        cursor.skip("]").map(|()| mop)
    }

    fn plain_key(&mut self, cursor: &mut Cursor<'_>) -> Option<KeyId> {
        let name = self.atom(cursor)?;
        cursor.skip(",")?;
        self.key(name)
    }

    fn plain_list(&mut self, cursor: &mut Cursor<'_>, key: KeyId, reads: Reads) -> Option<Mop> {
        if cursor.has("null") {
            return Some(match reads {
                Reads::Answered => Mop::List(key, List::prefix(0)),
                Reads::Perhaps | Reads::Unknown => Mop::Unknown(key),
            });
        }
        cursor.skip("[")?;
        self.elements.clear();
        if !cursor.has("]") {
            loop {
                let element = self.atom(cursor)?;
                self.elements.push(element);
                if cursor.has("]") {
                    break;
                }
                cursor.skip(",")?;
            }
        }
        Some(if reads == Reads::Unknown { Mop::Unknown(key) } else { self.list(key) })
    }

    #[inline(always)]
    fn atom(&mut self, cursor: &mut Cursor<'_>) -> Option<Atom> {
        if cursor.peek()? == b'"' {
            let text = cursor.string()?;
            return Some(self.table.atoms.json(text));
        }
        let number = cursor.digits(DIGITS_MAX)?;
        // A fraction or an exponent goes on here.
        if !matches!(cursor.peek()?, b',' | b']') {
            return None;
        }
        Atom::of_small(u32::try_from(number).ok()?)
    }
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    fn has(&mut self, word: &str) -> bool {
        let end = self.at + word.len();
        let here = self.text.as_bytes().get(self.at..end) == Some(word.as_bytes());
        self.at = if here { end } else { self.at };
        here
    }

    #[inline(always)]
    fn skip(&mut self, word: &str) -> Option<()> {
        self.has(word).then_some(())
    }

    /// As JSON has them: no sign, no leading zero.
    #[inline(always)]
    fn digits(&mut self, digits_max: usize) -> Option<u64> {
        let start = self.at;
        let mut number = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - start == digits_max {
                return None;
            }
            number = number * 10 + u64::from(digit - b'0');
            self.at += 1;
        }
        let digits = self.at - start;
        let zero_leads = digits > 1 && self.text.as_bytes()[start] == b'0';
        (digits > 0 && !zero_leads).then_some(number)
    }

    fn unsigned(&mut self) -> Option<u64> {
        // So many digits always fit.
        let number = self.digits(19)?;
        matches!(self.peek()?, b',' | b'}').then_some(number)
    }

    /// A string that needs no escape, with its quotes: its own canonical form.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        let inside = &self.text.as_bytes()[start + 1..];
        let length =
            inside.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
        self.at = start + 1 + length;
        self.skip("\"")?;
        Some(&self.text[start..self.at])
    }
}
