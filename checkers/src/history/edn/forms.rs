//! From tokens to values, as canonical JSON text.
//!
//! Collections whose order means nothing are put in order once they are complete: their entries
//! are remembered as ranges of the text, on a stack that all nested collections share.
//!
//! ```text
//!   {:b 1, :a #{2 1}}     text  {"b":1,"a":[1,2]     entries  "b":1 | "a":[1,2]
//!                         -->   {"a":[1,2],"b":1}
//! ```

use super::lexer::Lexer;
use super::{Bracket, Dialect, Fallible, Fault, Place, Token};
use crate::history::Value;
use crate::history::jsonl::{LINE_BYTES_MAX, parse_i64, parse_pair};
use std::cmp::Ordering;
use std::io::BufRead;

/// As deep as our own lines may be nested.
const DEPTH_MAX: usize = 127;

/// A value, compact if it is small; else its JSON text is where it was asked to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::history) enum Shape {
    Small(Value),
    Text,
}

/// No value.
pub(in crate::history) const NOTHING: Shape = Shape::Small(Value::Nil);

impl Shape {
    /// The shape of a value of this canonical JSON text.
    pub(in crate::history) fn of(text: &str) -> Self {
        if text == "null" {
            return NOTHING;
        }
        let int = parse_i64(text).map(Value::Int);
        let pair = || parse_pair(text).map(|(from, to)| Value::Pair(from, to));
        int.or_else(pair).map_or(Self::Text, Self::Small)
    }
}

/// An entry of a collection without order: `start..key_end` is what it is sorted by.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    key_end: u32,
    end: u32,
}

/// The values of a file, one after another.
#[derive(Debug)]
pub(in crate::history) struct Forms<R> {
    lexer: Lexer<R>,
    entries: Vec<Entry>,
    spare: String,
}

impl<R: BufRead> Forms<R> {
    pub(in crate::history) fn new(reader: R, dialect: Dialect) -> Self {
        Self { lexer: Lexer::new(reader, dialect), entries: Vec::new(), spare: String::new() }
    }

    /// The reader, to be given other text that stands at this place of the file.
    pub(in crate::history) fn restart(&mut self, place: Place) -> &mut R {
        self.lexer.restart(place);
        self.lexer.reader_mut()
    }

    pub(in crate::history) fn dialect(&self) -> Dialect {
        self.lexer.dialect()
    }

    /// Where the last token ends, in bytes from the beginning of the file, or of the line that
    /// [`Self::restart`] began with.
    pub(in crate::history) fn end_bytes(&self) -> usize {
        self.lexer.end_bytes()
    }

    /// The number of the last token, if it is one of at most 18 digits.
    pub(in crate::history) fn small_number(&self) -> Option<i64> {
        super::number::small(self.text())
    }

    /// The inside of a keyword or of a string without escapes, as nearly every name is; what is
    /// compared with known words need not be UTF-8.
    pub(in crate::history) fn plain_name(&self, token: Token) -> Option<&[u8]> {
        match (token, self.text()) {
            (Token::Keyword, text) => Some(&text[1..]),
            (Token::Str { escaped: false }, text) => Some(&text[1..text.len() - 1]),
            _ => None,
        }
    }

    /// Whether this, the last token, says that there is nothing.
    pub(in crate::history) fn is_nil(&self, token: Token) -> bool {
        let nil: &[u8] = if self.dialect() == Dialect::Edn { b"nil" } else { b"null" };
        token == Token::Symbol && self.text() == nil
    }

    /// The bytes of the last token.
    pub(in crate::history) fn text(&self) -> &[u8] {
        self.lexer.text()
    }

    /// Where the last token begins.
    pub(in crate::history) fn place(&self) -> Place {
        self.lexer.place()
    }

    /// The last token is not what was expected.
    pub(in crate::history) fn unexpected(&self, expected: &str) -> Box<Fault> {
        self.lexer.unexpected(expected)
    }

    /// The next token that is not discarded, and no tag.
    #[inline]
    pub(in crate::history) fn next(&mut self) -> Fallible<Token> {
        match self.lexer.next()? {
            token @ (Token::Discard | Token::Tag) => self.next_behind(token),
            token => Ok(token),
        }
    }

    #[cold]
    fn next_behind(&mut self, token: Token) -> Fallible<Token> {
        // `#_ #_ a b` discards two values, hence the count.
        let mut discards = 0usize;
        let mut tagged = false;
        let mut token = token;
        loop {
            match token {
                Token::Discard => discards += 1,
                Token::Tag => tagged = true,
                Token::Close(_) | Token::End if tagged => {
                    return Err(self.unexpected("expected a value behind the tag"));
                }
                token if discards == 0 => return Ok(token),
                token => {
                    self.skip(token)?;
                    discards -= 1;
                }
            }
            token = self.lexer.next()?;
        }
    }

    /// Goes over the value that begins with this token.
    pub(in crate::history) fn skip(&mut self, token: Token) -> Fallible<()> {
        let mut open = [Token::End; DEPTH_MAX];
        let mut depth = 0;
        let mut token = token;
        loop {
            match token {
                Token::Open(_) if depth == DEPTH_MAX => return Err(self.too_deep()),
                Token::Open(bracket) => {
                    open[depth] = bracket.close();
                    depth += 1;
                }
                Token::Close(_) if depth > 0 && open[depth - 1] == token => depth -= 1,
                Token::End | Token::Close(_) => return Err(self.unexpected("expected a value")),
                Token::Colon if depth == 0 => return Err(self.unexpected("expected a value")),
                _ => {}
            }
            // Inside of a collection, a tag or `#_` changes nothing of where it ends.
            if depth == 0 && !matches!(token, Token::Tag | Token::Discard) {
                return Ok(());
            }
            token = self.lexer.next()?;
        }
    }

    /// The shape of the value that begins with this token; `out` is emptied, and has its JSON text
    /// if that is needed.
    pub(in crate::history) fn shape(&mut self, token: Token, out: &mut String) -> Fallible<Shape> {
        out.clear();
        if self.is_nil(token) {
            return Ok(NOTHING);
        }
        if token == Token::Number
            && let Some(number) = self.small_number()
        {
            return Ok(Shape::Small(Value::Int(number)));
        }
        self.json(token, out)?;
        Ok(Shape::of(out))
    }

    /// Appends the canonical JSON text of the value that begins with this token.
    pub(in crate::history) fn json(&mut self, token: Token, out: &mut String) -> Fallible<()> {
        self.nested(token, DEPTH_MAX, out)
    }

    fn nested(&mut self, token: Token, depth: usize, out: &mut String) -> Fallible<()> {
        if out.len() > LINE_BYTES_MAX {
            let problem = format!("expected a value of at most {LINE_BYTES_MAX} bytes");
            return Err(Fault::wrong(self.place(), problem));
        }
        match token {
            Token::Open(_) if depth == 0 => Err(self.too_deep()),
            Token::Open(bracket @ (Bracket::Vector | Bracket::List)) => {
                self.array(bracket.close(), depth, out)
            }
            Token::Open(Bracket::Set) => self.set(depth, out),
            Token::Open(Bracket::Map) => self.object(depth, out),
            Token::Number => self.number(out),
            Token::Symbol => self.symbol(out),
            Token::Keyword | Token::Char | Token::Str { .. } => {
                let name = self.name(token)?;
                push_string(name, out);
                Ok(())
            }
            Token::End | Token::Close(_) | Token::Colon | Token::Tag | Token::Discard => {
                Err(self.unexpected("expected a value"))
            }
        }
    }

    fn array(&mut self, close: Token, depth: usize, out: &mut String) -> Fallible<()> {
        out.push('[');
        let mut first = true;
        loop {
            let token = self.next()?;
            if token == close {
                break;
            }
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            self.nested(token, depth - 1, out)?;
        }
        out.push(']');
        Ok(())
    }

    fn set(&mut self, depth: usize, out: &mut String) -> Fallible<()> {
        out.push('[');
        let first = self.entries.len();
        loop {
            let token = self.next()?;
            if token == Token::Close(b'}') {
                break;
            }
            let start = self.begin_entry(first, out);
            self.nested(token, depth - 1, out)?;
            let end = position(out);
            self.entries.push(Entry { start, key_end: end, end });
        }
        self.arrange(first, by_size, out)?;
        out.push(']');
        Ok(())
    }

    fn object(&mut self, depth: usize, out: &mut String) -> Fallible<()> {
        out.push('{');
        let first = self.entries.len();
        loop {
            let token = self.next()?;
            if token == Token::Close(b'}') {
                break;
            }
            let start = self.begin_entry(first, out);
            self.key(token, depth, out)?;
            let key_end = position(out);
            out.push(':');
            let token = self.value_of_key()?;
            self.nested(token, depth - 1, out)?;
            self.entries.push(Entry { start, key_end, end: position(out) });
        }
        self.arrange(first, by_name, out)?;
        out.push('}');
        Ok(())
    }

    /// The first token behind a key.
    pub(in crate::history) fn value_of_key(&mut self) -> Fallible<Token> {
        if self.dialect() == Dialect::Json && self.next()? != Token::Colon {
            return Err(self.unexpected("expected a colon behind the key"));
        }
        self.next()
    }

    fn begin_entry(&self, first: usize, out: &mut String) -> u32 {
        if self.entries.len() > first {
            out.push(',');
        }
        position(out)
    }

    fn key(&mut self, token: Token, depth: usize, out: &mut String) -> Fallible<()> {
        let named = match token {
            Token::Str { .. } => true,
            _ if self.dialect() == Dialect::Json => {
                return Err(self.unexpected("expected a key in quotes"));
            }
            Token::Keyword | Token::Char => true,
            Token::Symbol => !matches!(self.text(), b"nil" | b"true" | b"false"),
            _ => false,
        };
        if named && token != Token::Symbol {
            push_string(self.name(token)?, out);
            return Ok(());
        }
        let start = out.len();
        self.nested(token, depth - 1, out)?;
        if !out[start..].starts_with('"') {
            let key = out.split_off(start);
            push_string(&key, out);
        }
        Ok(())
    }

    /// Puts the entries since this one in order, in the text as well.
    fn arrange(
        &mut self,
        first: usize,
        compare: fn(&str, &str) -> Ordering,
        out: &mut String,
    ) -> Fallible<()> {
        let entries = &mut self.entries[first..];
        let key = |entry: &Entry| &out[entry.start as usize..entry.key_end as usize];
        let ordered = entries.is_sorted_by(|a, b| compare(key(a), key(b)).is_lt());
        if !ordered {
            entries.sort_unstable_by(|a, b| compare(key(a), key(b)));
            if let Some(twice) = entries.windows(2).find(|pair| key(&pair[0]) == key(&pair[1])) {
                let twice = crate::history::quote::quote(key(&twice[0]));
                let problem = format!("expected no two entries that are the same as JSON: {twice}");
                return Err(Fault::wrong(self.place(), problem));
            }
            self.spare.clear();
            let start = entries.iter().map(|entry| entry.start).min().unwrap_or_default();
            for (number, entry) in entries.iter().enumerate() {
                self.spare.push_str(if number == 0 { "" } else { "," });
                self.spare.push_str(&out[entry.start as usize..entry.end as usize]);
            }
            out.truncate(start as usize);
            out.push_str(&self.spare);
        }
        self.entries.truncate(first);
        Ok(())
    }

    fn symbol(&self, out: &mut String) -> Fallible<()> {
        let text = self.utf8()?;
        let word = match (text, self.dialect()) {
            ("true" | "false", _) | ("null", Dialect::Json) => text,
            ("nil", Dialect::Edn) => "null",
            (_, Dialect::Edn) if !text.bytes().any(|byte| byte < 0x20) => {
                push_string(text, out);
                return Ok(());
            }
            _ => return Err(self.unexpected("expected a value")),
        };
        out.push_str(word);
        Ok(())
    }

    fn number(&self, out: &mut String) -> Fallible<()> {
        let text = self.utf8()?;
        if super::number::small(text.as_bytes()).is_some_and(|number| number != 0) {
            out.push_str(text);
            return Ok(());
        }
        super::number::push(text, self.dialect(), out)
            .ok_or_else(|| self.unexpected("expected a number"))
    }

    /// The text of a keyword, a symbol, a character or a string.
    pub(in crate::history) fn name(&mut self, token: Token) -> Fallible<&str> {
        // The escapes are seen first, because the text is borrowed from then on.
        if token == (Token::Str { escaped: true }) {
            let mut spare = std::mem::take(&mut self.spare);
            spare.clear();
            let text = self.utf8()?;
            let inside = &text[1..text.len() - 1];
            super::escape::unescape(inside, self.dialect(), &mut spare)
                .ok_or_else(|| self.unexpected("expected a string with known escapes"))?;
            self.spare = spare;
            return Ok(&self.spare);
        }
        let text = self.utf8()?;
        match token {
            Token::Str { .. }
                if self.dialect() == Dialect::Json && text.bytes().any(|byte| byte < 0x20) =>
            {
                Err(self.unexpected("expected a string without raw control characters"))
            }
            Token::Str { .. } => Ok(&text[1..text.len() - 1]),
            Token::Keyword if text.len() > 1 => Ok(&text[1..]),
            Token::Symbol => Ok(text),
            Token::Char => super::escape::character(&text[1..])
                .ok_or_else(|| self.unexpected("expected a character")),
            _ => Err(self.unexpected("expected a name")),
        }
    }

    fn utf8(&self) -> Fallible<&str> {
        std::str::from_utf8(self.text())
            .map_err(|_| self.unexpected("expected text, which is UTF-8"))
    }

    #[cold]
    fn too_deep(&self) -> Box<Fault> {
        let problem = format!("expected values nested at most {DEPTH_MAX} levels deep");
        Fault::wrong(self.place(), problem)
    }
}

/// Where the text ends now. It is bounded while it grows: a value adds at most one token, or six
/// times as much if all of it must be escaped, to [`LINE_BYTES_MAX`].
fn position(out: &str) -> u32 {
    u32::try_from(out.len()).expect("a value's text is bounded")
}

/// Appends a text as a JSON string.
fn push_string(text: &str, out: &mut String) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&serde_json::Value::from(text).to_string());
        return;
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// JSON strings in the order of what they say, which is how a JSON map is sorted.
fn by_name(a: &str, b: &str) -> Ordering {
    let inside = |quoted: &str| match serde_json::from_str::<String>(quoted) {
        Ok(text) => text,
        Err(error) => unreachable!("a key is a JSON string: {error}"),
    };
    if a.contains('\\') || b.contains('\\') {
        return inside(a).cmp(&inside(b));
    }
    a[1..a.len() - 1].cmp(&b[1..b.len() - 1])
}

/// Integers by their size, before all else.
fn by_size(a: &str, b: &str) -> Ordering {
    match (parse_i64(a), parse_i64(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}
