//! From bytes to tokens.
//!
//! ```text
//!   file    ...... {:process 4, :type :inv | oke, :f :read} ......
//!   window         |----------------------|   a token that the window cuts in two is moved to its
//!                                    |----|   front, the window is filled up, and it is read again
//! ```
//!
//! The window doubles when one token fills half of it, so that reading again costs a constant
//! factor; a token is bounded by [`LINE_BYTES_MAX`], like a line.

use super::{Fallible, Fault, Place};
use crate::history::jsonl::LINE_BYTES_MAX;
use crate::history::quote::quote_bytes;
use std::io::{self, BufRead};

/// The window's first size: large enough that moves are rare, small enough for the cache.
const WINDOW_BYTES: usize = 128 << 10;

/// Enough of a broken token to quote it.
const QUOTED_BYTES: usize = 256;

/// The two spellings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::history) enum Dialect {
    Edn,
    Json,
}

/// What opens and closes a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::history) enum Bracket {
    List,
    Vector,
    Map,
    Set,
}

impl Bracket {
    pub(in crate::history) fn close(self) -> Token {
        match self {
            Self::List => Token::Close(b')'),
            Self::Vector => Token::Close(b']'),
            Self::Map | Self::Set => Token::Close(b'}'),
        }
    }
}

/// One word of the text; [`Lexer::text`] has its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::history) enum Token {
    /// The end of the file.
    End,
    Open(Bracket),
    Close(u8),
    /// Between a key and its value in JSON.
    Colon,
    /// With its colon.
    Keyword,
    /// A bare word, `nil` and `true` among them.
    Symbol,
    /// Whatever begins like a number.
    Number,
    /// With its quotes.
    Str {
        escaped: bool,
    },
    /// With its backslash.
    Char,
    /// `#name`, which says something of the value that follows.
    Tag,
    /// `#_`, which makes the value that follows a comment.
    Discard,
}

const BLANK: u8 = 1;
const END_OF_ATOM: u8 = 2;
const END_OF_JSON_ATOM: u8 = 4;

/// What a byte outside of strings does. Commas are white space.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let blank = b" \t\r\n\x0b\x0c,";
    let mut at = 0;
    while at < blank.len() {
        class[blank[at] as usize] = BLANK | END_OF_ATOM | END_OF_JSON_ATOM;
        at += 1;
    }
    let ends = b"()[]{}\";";
    at = 0;
    while at < ends.len() {
        class[ends[at] as usize] = END_OF_ATOM | END_OF_JSON_ATOM;
        at += 1;
    }
    class[b':' as usize] = END_OF_JSON_ATOM;
    class
};

fn is(byte: u8, class: u8) -> bool {
    CLASS[usize::from(byte)] & class != 0
}

#[derive(Debug)]
pub(super) struct Lexer<R> {
    reader: R,
    dialect: Dialect,
    window: Vec<u8>,
    /// What of the window is filled.
    end: usize,
    /// The first byte that belongs to no token yet.
    at: usize,
    /// Where the last token begins.
    start: usize,
    /// Where the window begins in the file, in bytes.
    base: usize,
    /// The line of `at`, counted from one, and where it begins in the file.
    line: usize,
    line_start: usize,
    /// The same for `start`.
    token_line: usize,
    token_line_start: usize,
    at_end_of_file: bool,
    in_comment: bool,
}

/// A token and its length; nothing when the window ends before it does.
type Scan = Result<Option<(Token, usize)>, &'static str>;

impl<R: BufRead> Lexer<R> {
    pub(super) fn new(reader: R, dialect: Dialect) -> Self {
        Self {
            reader,
            dialect,
            window: Vec::new(),
            end: 0,
            at: 0,
            start: 0,
            base: 0,
            line: 1,
            line_start: 0,
            token_line: 1,
            token_line_start: 0,
            at_end_of_file: false,
            in_comment: false,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The reader, to be given other text; [`Self::restart`] goes with it.
    pub(super) fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Begins anew with what the reader has now, which stands at this place of the file.
    pub(super) fn restart(&mut self, place: Place) {
        (self.at, self.start, self.end) = (0, 0, 0);
        (self.base, self.line_start, self.token_line_start) = (place.column - 1, 0, 0);
        (self.line, self.token_line) = (place.line, place.line);
        (self.at_end_of_file, self.in_comment) = (false, false);
    }

    /// The bytes of the last token.
    pub(super) fn text(&self) -> &[u8] {
        &self.window[self.start..self.at]
    }

    /// Where the last token ends, in bytes.
    pub(super) fn end_bytes(&self) -> usize {
        self.base + self.at
    }

    /// Where the last token begins.
    pub(super) fn place(&self) -> Place {
        let column = self.base + self.start - self.token_line_start + 1;
        Place { line: self.token_line, column }
    }

    /// The last token is not what was expected.
    #[cold]
    pub(super) fn unexpected(&self, expected: &str) -> Box<Fault> {
        let text = self.text();
        let binary = text.iter().any(|&byte| byte < 0x20 && !is(byte, BLANK));
        let found = match text {
            [] => "the end of the file".to_owned(),
            [b'"', ..] => quote_bytes(text),
            _ if binary => "a binary file".to_owned(),
            _ => quote_bytes(text),
        };
        Fault::wrong(self.place(), format!("{expected}, found {found}"))
    }

    pub(super) fn next(&mut self) -> Fallible<Token> {
        loop {
            let something = self.skip_blank();
            (self.start, self.token_line, self.token_line_start) =
                (self.at, self.line, self.line_start);
            let scan =
                if something { self.scan(&self.window[self.at..self.end]) } else { Ok(None) };
            match scan {
                Ok(Some((token, length))) => {
                    self.at += length;
                    if matches!(token, Token::Str { .. }) {
                        self.count_lines();
                    }
                    return Ok(token);
                }
                Ok(None) if !something && self.at_end_of_file => return Ok(Token::End),
                Ok(None) => self.refill()?,
                Err(expected) => {
                    self.at = self.end.min(self.at + QUOTED_BYTES);
                    return Err(self.unexpected(expected));
                }
            }
        }
    }

    /// Goes over white space and comments; whether something in the window is behind them.
    #[inline(always)]
    fn skip_blank(&mut self) -> bool {
        let window = &self.window[..self.end];
        let mut at = self.at;
        while let Some(&byte) = window.get(at) {
            if byte == b'\n' {
                self.in_comment = false;
                self.line += 1;
                self.line_start = self.base + at + 1;
            } else if byte == b';' && self.dialect == Dialect::Edn {
                self.in_comment = true;
            } else if !self.in_comment && !is(byte, BLANK) {
                break;
            }
            at += 1;
        }
        self.at = at;
        at < self.end
    }

    /// A string may go over several lines.
    fn count_lines(&mut self) {
        let text = &self.window[self.start..self.at];
        if let Some(last) = text.iter().rposition(|&byte| byte == b'\n') {
            self.line += text.iter().filter(|&&byte| byte == b'\n').count();
            self.line_start = self.base + self.start + last + 1;
        }
    }

    /// Fills the window up behind what is not used yet.
    #[cold]
    fn refill(&mut self) -> Fallible<()> {
        self.window.copy_within(self.at..self.end, 0);
        self.base += self.at;
        (self.start, self.end, self.at) = (0, self.end - self.at, 0);
        if self.end > LINE_BYTES_MAX {
            let problem = format!("expected words of at most {LINE_BYTES_MAX} bytes");
            return Err(Fault::wrong(self.place(), problem));
        }
        if self.window.is_empty() {
            self.window = vec![0; WINDOW_BYTES];
        } else if self.end * 2 >= self.window.len() {
            self.window.resize(self.window.len() * 2, 0);
        }
        while self.end < self.window.len() {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Box::new(Fault::Io(error))),
            };
            if bytes.is_empty() {
                self.at_end_of_file = true;
                break;
            }
            let length = bytes.len().min(self.window.len() - self.end);
            self.window[self.end..self.end + length].copy_from_slice(&bytes[..length]);
            self.reader.consume(length);
            self.end += length;
        }
        Ok(())
    }

    /// The token at the beginning of these bytes, which are not empty.
    fn scan(&self, bytes: &[u8]) -> Scan {
        let single = |token| Ok(Some((token, 1)));
        match (bytes[0], self.dialect) {
            (b'{', _) => single(Token::Open(Bracket::Map)),
            (b'[', _) => single(Token::Open(Bracket::Vector)),
            (byte @ (b'}' | b']'), _) => single(Token::Close(byte)),
            (b'"', _) => self.string(bytes),
            (b'-' | b'0'..=b'9', Dialect::Json) => self.atom(bytes, Token::Number),
            (b':', Dialect::Json) => single(Token::Colon),
            (_, Dialect::Json) => self.atom(bytes, Token::Symbol),
            (b':', _) => self.atom(bytes, Token::Keyword),
            (b'0'..=b'9', _) => self.atom(bytes, Token::Number),
            (b'+' | b'-', _) if bytes.get(1).is_some_and(u8::is_ascii_digit) => {
                self.atom(bytes, Token::Number)
            }
            (b'(', _) => single(Token::Open(Bracket::List)),
            (b')', _) => single(Token::Close(b')')),
            (b'\\', _) => self.character(bytes),
            (b'#', _) => self.dispatch(bytes),
            // The sign alone may be where the window ends.
            (b'+' | b'-', _) if bytes.len() == 1 && !self.at_end_of_file => Ok(None),
            (b'^', _) => Err("expected EDN without metadata"),
            _ => self.atom(bytes, Token::Symbol),
        }
    }

    #[inline(always)]
    fn atom(&self, bytes: &[u8], token: Token) -> Scan {
        let end = if self.dialect == Dialect::Json { END_OF_JSON_ATOM } else { END_OF_ATOM };
        match bytes[1..].iter().position(|&byte| is(byte, end)) {
            Some(length) => Ok(Some((token, length + 1))),
            None if self.at_end_of_file => Ok(Some((token, bytes.len()))),
            None => Ok(None),
        }
    }

    fn string(&self, bytes: &[u8]) -> Scan {
        let (mut at, mut escaped) = (1, false);
        loop {
            let special = |&byte: &u8| byte == b'"' || byte == b'\\';
            match bytes[at.min(bytes.len())..].iter().position(special) {
                None if self.at_end_of_file => return Err("expected a string with its end"),
                None => return Ok(None),
                Some(length) if bytes[at + length] == b'"' => {
                    return Ok(Some((Token::Str { escaped }, at + length + 1)));
                }
                Some(length) => {
                    escaped = true;
                    at += length + 2;
                }
            }
        }
    }

    /// `\a`, `\newline`, and also `\(`, although a bracket ends other words.
    fn character(&self, bytes: &[u8]) -> Scan {
        if bytes.len() < 2 {
            let end = self.at_end_of_file;
            return if end { Err("expected a character behind the backslash") } else { Ok(None) };
        }
        let rest = self.atom(&bytes[1..], Token::Char)?;
        Ok(rest.map(|(token, length)| (token, length + 1)))
    }

    fn dispatch(&self, bytes: &[u8]) -> Scan {
        match bytes.get(1) {
            Some(b'{') => Ok(Some((Token::Open(Bracket::Set), 2))),
            Some(b'_') => Ok(Some((Token::Discard, 2))),
            Some(b'#') => self.atom(bytes, Token::Symbol),
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b':' => {
                self.atom(bytes, Token::Tag)
            }
            None if !self.at_end_of_file => Ok(None),
            _ => Err("expected #{, #_ or a tag"),
        }
    }
}
