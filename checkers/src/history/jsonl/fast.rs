//! The short cut: a line exactly as [`super::Writer`] writes it, read in one pass over its bytes.
//!
//! ```text
//!   {"index":12,"time":123456,"process":3,"type":"invoke","f":"write","key":7,"value":1}
//!   ^ fixed text, digits, fixed text, ...: the first byte that differs ends the short cut
//! ```
//!
//! Whatever is written otherwise, be it another order of the fields, a space, an escape or a
//! mistake, is none of this file's business: it answers `None`, and the strict reader takes the
//! line from its first byte and finds the reason. So nothing here reports an error, and a line that
//! is taken here gives exactly what the strict reader would give (a property test holds the two
//! against each other).

use crate::history::{EventType, Process};
use std::ops::Range;

/// Deeper values go the long way, which has its own bound.
const DEPTH_MAX: usize = 32;

/// So many digits always fit an `i64`.
const DIGITS_MAX: usize = 18;

/// What a line says, borrowed from it.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) index: u64,
    pub(super) time_ns: u64,
    pub(super) process: Process,
    pub(super) kind: EventType,
    pub(super) f: &'a str,
    /// The canonical JSON text.
    pub(super) key: Option<&'a str>,
    pub(super) value: Plain<'a>,
    /// Where the value stands in the line; an empty range for none.
    pub(super) value_at: Range<usize>,
    pub(super) node: Option<&'a str>,
    pub(super) error: Option<&'a str>,
    /// With the line break.
    pub(super) length: usize,
}

/// A value before it is interned.
#[derive(Debug)]
pub(super) enum Plain<'a> {
    Nil,
    Int(i64),
    Pair(i32, i32),
    /// Text that is already the canonical form.
    Json(&'a str),
}

/// The line at the beginning of these bytes, if all of it is there and written our way. Objects
/// are taken only `with_objects`: by whoever needs no canonical form.
pub(super) fn line(bytes: &[u8], with_objects: bool) -> Option<Line<'_>> {
    let mut cursor = Cursor { bytes, at: 0, with_objects };
    cursor.skip(b"{\"index\":")?;
    let index = cursor.unsigned()?;
    cursor.skip(b",\"time\":")?;
    let time_ns = cursor.unsigned()?;
    cursor.skip(b",\"process\":")?;
    let process = cursor.process()?;
    cursor.skip(b",\"type\":\"")?;
    let kind = cursor.kind()?;
    cursor.skip(b",\"f\":")?;
    let f = cursor.string()?;
    let key = if cursor.has(b",\"key\":") { Some(cursor.key()?) } else { None };
    let has_value = cursor.has(b",\"value\":");
    let value_start = cursor.at;
    let value = if has_value { cursor.value()? } else { Plain::Nil };
    let value_at = value_start..cursor.at;
    let node = if cursor.has(b",\"node\":") { Some(cursor.string()?) } else { None };
    let error = if cursor.has(b",\"error\":") { Some(cursor.string()?) } else { None };
    cursor.skip(b"}\n")?;
    let length = cursor.at;
    Some(Line { index, time_ns, process, kind, f, key, value, value_at, node, error, length })
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    with_objects: bool,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn has<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        let here = self.bytes.get(self.at..self.at + N) == Some(text.as_slice());
        self.at += if here { N } else { 0 };
        here
    }

    #[inline(always)]
    fn skip<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        self.has(text).then_some(())
    }

    /// As JSON has them: no sign, no leading zero.
    #[inline(always)]
    fn unsigned(&mut self) -> Option<u64> {
        let start = self.at;
        let mut number = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if self.at - start == DIGITS_MAX {
                return None;
            }
            number = number * 10 + u64::from(digit - b'0');
            self.at += 1;
        }
        let digits = self.at - start;
        (digits == 1 || digits > 1 && self.bytes[start] != b'0').then_some(number)
    }

    fn integer(&mut self) -> Option<i64> {
        let negative = self.has(b"-");
        let number = self.unsigned()?.cast_signed();
        // `-0` is a number of its own to a JSON reader.
        if negative && number == 0 { None } else { Some(if negative { -number } else { number }) }
    }

    fn process(&mut self) -> Option<Process> {
        if self.has(b"\"nemesis\"") {
            return Some(Process::NEMESIS);
        }
        let number = i32::try_from(self.unsigned()?).ok()?;
        Some(Process::client(number.unsigned_abs()))
    }

    fn kind(&mut self) -> Option<EventType> {
        if self.has(b"invoke\"") {
            Some(EventType::Invoke)
        } else if self.has(b"ok\"") {
            Some(EventType::Ok)
        } else if self.has(b"fail\"") {
            Some(EventType::Fail)
        } else {
            self.skip(b"info\"").map(|()| EventType::Info)
        }
    }

    /// The inside of a string that needs no escape.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a str> {
        self.skip(b"\"")?;
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')?;
        self.at += length;
        self.skip(b"\"")?;
        std::str::from_utf8(&rest[..length]).ok()
    }

    fn key(&mut self) -> Option<&'a str> {
        let start = self.at;
        if self.peek()? == b'"' {
            self.string()?;
        } else {
            self.integer()?;
        }
        self.since(start)
    }

    fn value(&mut self) -> Option<Plain<'a>> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => return self.integer().map(Plain::Int),
            b'"' | b'[' => {}
            b'{' if self.with_objects => {}
            _ => return None,
        }
        let start = self.at;
        if let Some((from, to)) = self.pair() {
            return Some(Plain::Pair(from, to));
        }
        self.at = start;
        self.json(DEPTH_MAX)?;
        self.since(start).map(Plain::Json)
    }

    fn pair(&mut self) -> Option<(i32, i32)> {
        self.skip(b"[")?;
        let from = i32::try_from(self.integer()?).ok()?;
        self.skip(b",")?;
        let to = i32::try_from(self.integer()?).ok()?;
        self.skip(b"]")?;
        Some((from, to))
    }

    /// Goes over JSON that is its own canonical form: arrays, plain strings, integers and words,
    /// with no space between them. Objects are not among it, since their keys have to be sorted,
    /// nor are fractions, since one number has many spellings.
    fn json(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'[' if depth == 0 => None,
            b'[' => {
                self.at += 1;
                if self.has(b"]") {
                    return Some(());
                }
                loop {
                    self.json(depth - 1)?;
                    if self.has(b"]") {
                        return Some(());
                    }
                    self.skip(b",")?;
                }
            }
            b'{' if depth == 0 || !self.with_objects => None,
            b'{' => self.object(depth),
            b't' => self.skip(b"true"),
            b'f' => self.skip(b"false"),
            b'n' => self.skip(b"null"),
            _ => {
                self.integer()?;
                // A fraction goes on here.
                matches!(self.peek()?, b',' | b']' | b'}').then_some(())
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        if self.has(b"}") {
            return Some(());
        }
        loop {
            self.string()?;
            self.skip(b":")?;
            self.json(depth - 1)?;
            if self.has(b"}") {
                return Some(());
            }
            self.skip(b",")?;
        }
    }

    fn since(&self, start: usize) -> Option<&'a str> {
        std::str::from_utf8(&self.bytes[start..self.at]).ok()
    }
}
