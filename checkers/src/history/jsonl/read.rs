//! The reader: streaming, strict, and forgiving at one place only, the torn end.
//!
//! ```text
//!   line --> fields, as raw JSON --> event, interned --> rules of the processes --> History
//!                    \ bad: the last line?  Torn, dropped
//!                                    else   ReadError { file, line, column, problem }
//! ```
//!
//! What counts as torn: a last line without line break that is no JSON, or a tail of bytes that are
//! no text (a file system may fill a block that it lost with zeros). Everything else that is bad is
//! an error: to drop a line from the middle would make false accusations.

use super::fast::{self, Plain};
use crate::history::import::Remark;
use crate::history::pairing::{Misfit, Processes};
use crate::history::quote::quote;
use crate::history::{Datum, Event, EventType, History, Process, Symbol, Symbols, Value};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, BufRead};

/// The longest line that is read, in bytes. A line longer than this is no event, and must not fill
/// the memory before somebody says so.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// A history that was read.
#[derive(Debug)]
pub struct Reading {
    /// The events up to the torn end.
    pub history: History,
    /// What was dropped at the end.
    pub torn: Option<Torn>,
    /// What the file left open, and how it was understood; never anything for our own lines.
    pub remarks: Vec<Remark>,
    /// The line of each event, where it does not follow from the index.
    pub(in crate::history) lines: Vec<u32>,
}

impl Reading {
    /// The line in which the event of this index begins, counted from one.
    pub fn line(&self, index: usize) -> usize {
        self.lines.get(index).map_or(index + 1, |line| *line as usize)
    }
}

/// The end of the file was torn off in the middle of a line, as a kill does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The first line that was dropped, counted from one.
    pub line: usize,
    /// Where it begins, in bytes from the start of the file.
    pub offset_bytes: u64,
    /// How many bytes were dropped.
    pub dropped_bytes: u64,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, dropped_bytes, .. } = self;
        write!(f, "line {line} is torn: its {dropped_bytes} bytes were dropped")
    }
}

/// Why a history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not a history, or a damaged one. Look at the place that is named.
    #[error("{file}:{line}:{column}: {problem}")]
    Malformed {
        /// The name that the caller gave.
        file: String,
        /// Counted from one.
        line: usize,
        /// In bytes, counted from one.
        column: usize,
        /// What was expected, and what was found.
        problem: String,
    },
    /// It could not be read at all.
    #[error("{file}: cannot be read: {source}")]
    Io {
        /// The name that the caller gave.
        file: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// Reads a history; `name` is the file's name for errors.
///
/// # Errors
/// When the reader fails, or at the first line that is no event or cannot follow the ones before.
pub fn read(reader: impl BufRead, name: &str) -> Result<Reading, ReadError> {
    let mut events = Events::new(reader, name);
    let mut rows = Vec::new();
    while let Some((_, event)) = events.next_event()? {
        rows.push(event);
    }
    let history = History { events: rows, symbols: events.parser.symbols };
    Ok(Reading { history, torn: events.torn, remarks: Vec::new(), lines: Vec::new() })
}

/// An event whose value was not interned.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// Its position in the file, counted from zero.
    pub index: usize,
    /// The event; its own value is nil.
    pub event: Event,
    /// Its function.
    pub f: &'a str,
    /// The value as it is written: one JSON text, or empty for none.
    pub value: &'a str,
    /// Where the value stands in its line, in bytes, counted from one.
    pub column: usize,
}

/// Where the values of events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    Interned,
    Text,
}

/// The events of a file one after another, under the same rules as [`read`], for whoever judges
/// while reading: what was given is not kept, only the names are.
#[derive(Debug)]
pub struct Events<R> {
    reader: R,
    name: String,
    parser: Parser,
    buffer: Vec<u8>,
    line: usize,
    offset_bytes: u64,
    torn: Option<Torn>,
    ended: bool,
}

impl<R: BufRead> Events<R> {
    /// The events behind this reader; `name` is the file's name for errors.
    pub fn new(reader: R, name: &str) -> Self {
        Self {
            reader,
            name: name.to_owned(),
            parser: Parser::default(),
            buffer: Vec::new(),
            line: 0,
            offset_bytes: 0,
            torn: None,
            ended: false,
        }
    }

    /// The next event and its index; nothing at the end of the file, and after an error.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn next_event(&mut self) -> Result<Option<(usize, Event)>, ReadError> {
        self.next(Values::Interned)
    }

    /// As [`Events::next_event`], with the value as text beside the event instead of among the
    /// symbols: transactions differ from each other, and whoever takes them apart at once should
    /// not have to keep them all.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn next_raw(&mut self) -> Result<Option<Raw<'_>>, ReadError> {
        let next = self.next(Values::Text)?;
        let Parser { symbols, text, text_column, .. } = &self.parser;
        Ok(next.map(|(index, event)| Raw {
            index,
            event,
            f: symbols.text(event.f),
            value: text,
            column: *text_column,
        }))
    }

    fn next(&mut self, values: Values) -> Result<Option<(usize, Event)>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let next = match self.shortcut(values) {
            Some(event) => Ok(Some(event)),
            None => self.strict(values),
        };
        self.ended = !matches!(next, Ok(Some(_)));
        Ok(next?.map(|event| (self.parser.count - 1, event)))
    }

    /// The names that the events so far have in common.
    pub fn symbols(&self) -> &Symbols {
        &self.parser.symbols
    }

    pub(in crate::history) fn into_symbols(self) -> Symbols {
        self.parser.symbols
    }

    /// What was dropped at the end, once the end was reached.
    pub fn torn(&self) -> Option<Torn> {
        self.torn
    }

    /// A line that lies whole in the reader's buffer and is written our way. An error of the reader
    /// comes again when it is asked again.
    fn shortcut(&mut self, values: Values) -> Option<Event> {
        let bytes = self.reader.fill_buf().ok()?;
        let line = fast::line(bytes, values == Values::Text)?;
        let length = line.length;
        if length > LINE_BYTES_MAX {
            return None;
        }
        let event = self.parser.plain(bytes, &line, values)?;
        self.reader.consume(length);
        self.line += 1;
        self.offset_bytes += length as u64;
        Some(event)
    }

    fn strict(&mut self, values: Values) -> Result<Option<Event>, ReadError> {
        let name = &self.name;
        let io_error = |source| ReadError::Io { file: name.clone(), source };
        self.buffer.clear();
        let length = next_line(&mut self.reader, &mut self.buffer).map_err(io_error)?;
        let malformed = |line, column, problem| {
            Err(ReadError::Malformed { file: name.clone(), line, column, problem })
        };
        if length == 0 && self.line == 0 {
            return malformed(1, 1, "expected events, found an empty file".to_owned());
        }
        if length == 0 {
            return Ok(None);
        }
        self.line += 1;
        let bad = match self.parser.line(&self.buffer, values) {
            Ok(event) => {
                self.offset_bytes += length as u64;
                return Ok(Some(event));
            }
            Err(bad) => bad,
        };
        let rest_bytes = match bad.nature {
            Nature::Unparseable => {
                torn_rest(&mut self.reader, &self.buffer, self.line).map_err(io_error)?
            }
            Nature::Wrong => None,
        };
        let Some(rest_bytes) = rest_bytes else {
            return malformed(self.line, bad.column, bad.problem);
        };
        let (line, offset_bytes) = (self.line, self.offset_bytes);
        self.torn = Some(Torn { line, offset_bytes, dropped_bytes: length as u64 + rest_bytes });
        Ok(None)
    }
}

/// The next line with its line break, at most one byte longer than a line may be.
fn next_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<usize> {
    io::Read::take(reader, LINE_BYTES_MAX as u64 + 1).read_until(b'\n', buffer)
}

/// Whether this line, which could not be parsed, is where a torn end begins, and if so the number
/// of bytes that follow it. The first line only counts when it looks like the start of an event:
/// else every picture and every archive would be an empty history with a torn line.
fn torn_rest(reader: &mut impl BufRead, buffer: &[u8], line: usize) -> io::Result<Option<u64>> {
    let text = is_text(buffer);
    if buffer.len() > LINE_BYTES_MAX || line == 1 && !(text && buffer.starts_with(b"{")) {
        return Ok(None);
    }
    if !buffer.ends_with(b"\n") {
        return Ok(Some(0));
    }
    if text {
        return Ok(None);
    }
    // Zeros or blocks of another file, with a line break among them. If an event follows, then
    // this is damage in the middle.
    let (mut rest, mut rest_bytes) = (Vec::new(), 0);
    loop {
        rest.clear();
        let length = next_line(reader, &mut rest)?;
        if length == 0 {
            return Ok(Some(rest_bytes));
        }
        rest_bytes += length as u64;
        if fields(&rest).is_ok() {
            return Ok(None);
        }
    }
}

/// No zeros, and UTF-8 except for a character that was cut in two at the very end.
fn is_text(bytes: &[u8]) -> bool {
    let cut_at_most = |error: std::str::Utf8Error| error.error_len().is_none();
    !bytes.contains(&0) && std::str::from_utf8(bytes).map_or_else(cut_at_most, |_| true)
}

/// A line's fields as they stand there, so that every problem has a column.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    index: &'a RawValue,
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(borrow)]
    process: &'a RawValue,
    #[serde(borrow, rename = "type")]
    kind: &'a RawValue,
    #[serde(borrow)]
    f: &'a RawValue,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    node: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

struct Bad {
    column: usize,
    problem: String,
    nature: Nature,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// No JSON: perhaps the rest of a line.
    Unparseable,
    /// A whole line that says something wrong.
    Wrong,
}

/// A field that is not what it should be.
struct Field<'a> {
    raw: &'a RawValue,
    expected: String,
}

fn expected<'a>(raw: &'a RawValue, expected: impl Into<String>) -> Field<'a> {
    Field { raw, expected: expected.into() }
}

/// Splits a line into fields.
fn fields(line: &[u8]) -> Result<Fields<'_>, Bad> {
    let unparseable = |column, problem| Bad { column, problem, nature: Nature::Unparseable };
    if line.len() > LINE_BYTES_MAX {
        let problem = format!("expected a line of at most {LINE_BYTES_MAX} bytes");
        return Err(unparseable(1, problem));
    }
    if let Some(at) = line.iter().position(|&byte| byte == 0) {
        return Err(unparseable(at + 1, "expected JSON text, found a binary file".to_owned()));
    }
    let text = std::str::from_utf8(line).map_err(|error| {
        let problem = "expected JSON text, found bytes that are not UTF-8".to_owned();
        unparseable(error.valid_up_to() + 1, problem)
    })?;
    // Checked here because a derived reader would take an array of fields, too.
    if !text.trim_ascii_start().starts_with('{') {
        let found = quote(text.trim_ascii());
        return Err(unparseable(1, format!("expected an event as a JSON object, found {found}")));
    }
    serde_json::from_str(text).map_err(|error| {
        let nature = match error.classify() {
            serde_json::error::Category::Data => Nature::Wrong,
            _ => Nature::Unparseable,
        };
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(reason, _)| reason);
        let problem = format!("expected an event as a JSON object: {}", quote(reason));
        // At the line break the parser is already on a line of its own.
        let column = if error.line() > 1 { text.len() } else { error.column().max(1) };
        Bad { column, problem, nature }
    })
}

/// The rules of a file, and what they have to remember.
#[derive(Debug, Default)]
struct Parser {
    symbols: Symbols,
    processes: Processes,
    time_ns: u64,
    /// Events so far.
    count: usize,
    /// The last value, where values are kept as text, and its column.
    text: String,
    text_column: usize,
}

impl Parser {
    fn line(&mut self, line: &[u8], values: Values) -> Result<Event, Bad> {
        let fields = fields(line)?;
        self.text_column = fields.value.map_or(1, |raw| column(line, raw.get()));
        self.event(&fields, values).map_err(|Field { raw, expected }| {
            let problem = format!("{expected}, found {}", quote(raw.get()));
            Bad { column: column(line, raw.get()), problem, nature: Nature::Wrong }
        })
    }

    fn event<'a>(&mut self, fields: &Fields<'a>, values: Values) -> Result<Event, Field<'a>> {
        let index = self.count;
        if parse_u64(fields.index) != Some(index as u64) {
            return Err(expected(fields.index, format!("expected index {index}")));
        }
        let time_ns = parse_u64(fields.time)
            .filter(|time_ns| *time_ns >= self.time_ns)
            .ok_or_else(|| expected(fields.time, format!("expected a time >= {}", self.time_ns)))?;
        let symbols = &mut self.symbols;
        self.text.clear();
        let event = Event {
            time_ns,
            value: match (fields.value, values) {
                (Some(raw), Values::Interned) => value(raw, symbols)?,
                (Some(raw), Values::Text) => {
                    self.text.push_str(raw.get());
                    Value::Nil
                }
                (None, _) => Value::Nil,
            },
            process: process(fields.process)?,
            f: text(fields.f, symbols)?,
            key: fields.key.map(|raw| key(raw, symbols)).transpose()?,
            node: fields.node.map(|raw| text(raw, symbols)).transpose()?,
            error: fields.error.map(|raw| text(raw, symbols)).transpose()?,
            kind: kind(fields.kind)?,
        };
        self.admit(&event).map_err(|misfit| expected(fields.kind, misfit.to_string()))?;
        Ok(event)
    }

    /// The event of a line that was written our way; nothing if it breaks a rule, so that the
    /// strict reader says which.
    fn plain(&mut self, bytes: &[u8], line: &fast::Line<'_>, values: Values) -> Option<Event> {
        if line.index != self.count as u64 || line.time_ns < self.time_ns {
            return None;
        }
        if values == Values::Text {
            self.text.clear();
            self.text.push_str(std::str::from_utf8(&bytes[line.value_at.clone()]).ok()?);
            self.text_column = line.value_at.start + 1;
        }
        let symbols = &mut self.symbols;
        // The order of the strict reader, so that the symbols get the same numbers.
        let event = Event {
            time_ns: line.time_ns,
            value: match line.value {
                _ if values == Values::Text => Value::Nil,
                Plain::Nil => Value::Nil,
                Plain::Int(number) => Value::Int(number),
                Plain::Pair(from, to) => Value::Pair(from, to),
                Plain::Json(text) => Value::Interned(symbols.intern(text)),
            },
            process: line.process,
            f: symbols.intern(line.f),
            key: line.key.map(|text| symbols.intern(text)),
            node: line.node.map(|text| symbols.intern(text)),
            error: line.error.map(|text| symbols.intern(text)),
            kind: line.kind,
        };
        self.admit(&event).ok()?;
        Some(event)
    }

    fn admit(&mut self, event: &Event) -> Result<(), Misfit> {
        self.processes.step(event, self.count)?;
        self.time_ns = event.time_ns;
        self.count += 1;
        Ok(())
    }
}

/// The column of a text that is a part of this line: its distance from the start.
fn column(line: &[u8], text: &str) -> usize {
    let at = (text.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    assert!(at < line.len(), "a field is borrowed from its line");
    at + 1
}

fn parse_u64(raw: &RawValue) -> Option<u64> {
    raw.get().parse().ok()
}

fn process(raw: &RawValue) -> Result<Process, Field<'_>> {
    if raw.get() == "\"nemesis\"" {
        return Ok(Process::NEMESIS);
    }
    match raw.get().parse::<i32>() {
        Ok(number @ 0..) => Ok(Process::client(number.unsigned_abs())),
        _ => Err(expected(raw, "expected a process number below 2^31 or \"nemesis\"")),
    }
}

fn kind(raw: &RawValue) -> Result<EventType, Field<'_>> {
    match raw.get() {
        "\"invoke\"" => Ok(EventType::Invoke),
        "\"ok\"" => Ok(EventType::Ok),
        "\"fail\"" => Ok(EventType::Fail),
        "\"info\"" => Ok(EventType::Info),
        _ => Err(expected(raw, "expected type \"invoke\", \"ok\", \"fail\" or \"info\"")),
    }
}

fn text<'a>(raw: &'a RawValue, symbols: &mut Symbols) -> Result<Symbol, Field<'a>> {
    let quoted = raw.get();
    let plain = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match plain {
        Some(text) if !text.contains('\\') => Ok(symbols.intern(text)),
        _ => match serde_json::from_str::<String>(quoted) {
            Ok(text) => Ok(symbols.intern(&text)),
            Err(_) => Err(expected(raw, "expected a string")),
        },
    }
}

/// A key is its canonical JSON text, so that `"a"` and `"\u0061"` are one key.
fn key<'a>(raw: &'a RawValue, symbols: &mut Symbols) -> Result<Symbol, Field<'a>> {
    if parse_i64(raw.get()).is_some() {
        return Ok(symbols.intern(raw.get()));
    }
    Ok(symbols.intern(&json(raw)?.to_string()))
}

/// The canonical form; the shapes of nearly every line are read without building a JSON tree.
fn value<'a>(raw: &'a RawValue, symbols: &mut Symbols) -> Result<Value, Field<'a>> {
    let text = raw.get();
    if let Some(number) = parse_i64(text) {
        return Ok(Value::Int(number));
    }
    if let Some((from, to)) = parse_pair(text) {
        return Ok(Value::Pair(from, to));
    }
    Ok(symbols.compact(&Datum::from_json(json(raw)?)))
}

/// Only the way in which this program writes a number: JSON has no `+1`, Rust's parser has.
pub(crate) fn parse_i64(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// Two small numbers in an array without spaces.
pub(crate) fn parse_pair(text: &str) -> Option<(i32, i32)> {
    let (from, to) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
    let (from, to) = (parse_i64(from)?, parse_i64(to)?);
    Some((i32::try_from(from).ok()?, i32::try_from(to).ok()?))
}

/// Whether every whole number is kept as it is. A greater one would become the nearest fraction,
/// and two ids that differ in the last digit would be one.
fn whole_numbers_fit(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let rest = &text[at..];
                let end =
                    rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'));
                let number = &rest[..end.unwrap_or(rest.len())];
                let whole = !number.contains(['.', 'e', 'E']);
                if whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return false;
                }
                at += number.len();
            }
            _ => at += 1,
        }
    }
    true
}

fn json(raw: &RawValue) -> Result<serde_json::Value, Field<'_>> {
    if !whole_numbers_fit(raw.get()) {
        return Err(expected(raw, "expected whole numbers of at most 64 bits"));
    }
    serde_json::from_str(raw.get())
        .map_err(|_| expected(raw, "expected JSON nested less than 128 levels deep"))
}
