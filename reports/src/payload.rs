//! All operations, packed for the page's timeline.
//!
//! Columns of variable-length integers, deflated, in base64: about a tenth of the same data as
//! JSON columns, and a browser inflates and reads a hundred thousand operations in a fraction of a
//! second. `assets/payload.js` reads what this file writes:
//!
//! ```text
//!   version, lanes, clients, end_us
//!   strings   n, then n times (length, UTF-8)
//!   bands     n, then n times (start_us, length_us, number, name, hatched)
//!   op count  n, then the columns, each n entries:
//!     index        of the invocation, difference to the one before
//!     completion   distance from the invocation, 0 = none
//!     begin        us, signed difference to the one before
//!     length       us
//!     process
//!     outcome|f    outcome + 4 * function
//!     key, node, error     0 = none, else 1 + string
//!     argument, result     4 * content + (0 nil, 1 signed number, 2 pair, 3 string)
//!   evidence  n, then n times a position among the operations
//! ```
//!
//! Integers are little-endian base-128; signed ones are zigzag-coded. No number is above 2^53, so
//! that a browser's numbers hold it: larger ones travel as strings. Times are in microseconds:
//! finer ones are noise at the distance between a client and a server.

use crate::operations::{Operations, Row};
use crate::text;
use base64::Engine as _;
use checkers::history::{Datum, Event, EventType, Symbol, Value};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rustc_hash::FxHashMap;
use std::io::Write as _;

const VERSION: u64 = 1;

/// A string of the timeline is looked at in a tooltip.
const STRING_CHARS_MAX: usize = 160;

/// Numbers whose zigzag code and tag stay below 2^53.
const NUMBER_MAX: u64 = 1 << 49;

/// Thirty-five years; what lies beyond is a broken clock, not a run.
const MICROSECONDS_MAX: u64 = 1 << 50;

/// A fault's window, drawn behind the lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) uncertain: bool,
}

/// What goes into the page: deflated, in base64.
pub(crate) fn encode(
    operations: &Operations<'_>,
    clients: u32,
    bands: &[Band],
    rows: &[usize],
    evidence: &[usize],
) -> String {
    let raw = columns(operations, clients, bands, rows, evidence);
    let mut deflater = DeflateEncoder::new(Vec::with_capacity(raw.len() / 2), Compression::new(6));
    deflater.write_all(&raw).expect("memory takes everything");
    let deflated = deflater.finish().expect("memory takes everything");
    base64::engine::general_purpose::STANDARD.encode(deflated)
}

/// Texts of the packed operations, each stored once.
#[derive(Default)]
struct Strings {
    ids: FxHashMap<Symbol, u64>,
    texts: Vec<String>,
}

impl Strings {
    fn add(&mut self, text: &str) -> u64 {
        self.texts.push(text::bounded(text, STRING_CHARS_MAX));
        self.texts.len() as u64 - 1
    }

    fn symbol(&mut self, operations: &Operations<'_>, symbol: Symbol) -> u64 {
        if let Some(&id) = self.ids.get(&symbol) {
            return id;
        }
        let id = self.add(operations.history.text(symbol));
        self.ids.insert(symbol, id);
        id
    }

    fn optional(&mut self, operations: &Operations<'_>, symbol: Option<Symbol>) -> u64 {
        symbol.map_or(0, |symbol| 1 + self.symbol(operations, symbol))
    }
}

fn columns(
    operations: &Operations<'_>,
    clients: u32,
    bands: &[Band],
    rows: &[usize],
    evidence: &[usize],
) -> Vec<u8> {
    let mut strings = Strings::default();
    let mut tail = Vec::with_capacity(bands.len() * 8);
    unsigned(&mut tail, bands.len() as u64);
    for band in bands {
        unsigned(&mut tail, us(band.start_ns));
        unsigned(&mut tail, us(band.end_ns).saturating_sub(us(band.start_ns)));
        unsigned(&mut tail, band.number.into());
        let name = strings.add(&band.name);
        unsigned(&mut tail, name);
        unsigned(&mut tail, band.uncertain.into());
    }
    unsigned(&mut tail, rows.len() as u64);
    let rows: Vec<&Row> = rows.iter().map(|&row| &operations.rows[row]).collect();
    places(&mut tail, &rows);
    contents(&mut tail, operations, &rows, &mut strings);
    unsigned(&mut tail, evidence.len() as u64);
    evidence.iter().for_each(|&position| unsigned(&mut tail, position as u64));

    let mut out = Vec::with_capacity(tail.len() + strings.texts.len() * 16);
    for number in [VERSION, operations.lanes.into(), clients.into(), us(operations.end_ns)] {
        unsigned(&mut out, number);
    }
    unsigned(&mut out, strings.texts.len() as u64);
    for text in &strings.texts {
        unsigned(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(&tail);
    out
}

/// Columns of numbers: where the operations stand in the history and in time.
fn places(out: &mut Vec<u8>, rows: &[&Row]) {
    let mut index = 0;
    for row in rows {
        unsigned(out, u64::from(row.invoke - index));
        index = row.invoke;
    }
    for row in rows {
        unsigned(out, row.complete.map_or(0, |complete| u64::from(complete - row.invoke)));
    }
    let mut begin_us = 0;
    for row in rows {
        let next_us = us(row.invoke_ns) as i64;
        signed(out, next_us - begin_us);
        begin_us = next_us;
    }
    for row in rows {
        unsigned(out, us(row.complete_ns) - us(row.invoke_ns));
    }
    for row in rows {
        unsigned(out, row.process.into());
    }
}

/// Columns of content: what was asked and what came back.
fn contents(out: &mut Vec<u8>, operations: &Operations<'_>, rows: &[&Row], strings: &mut Strings) {
    for row in rows {
        let f = strings.symbol(operations, operations.invocation(row).f);
        unsigned(out, f * 4 + row.outcome as u64);
    }
    let invocations = || rows.iter().map(|row| operations.invocation(row));
    for event in invocations() {
        unsigned(out, strings.optional(operations, event.key));
    }
    for event in invocations() {
        unsigned(out, strings.optional(operations, event.node));
    }
    for row in rows {
        let error = operations.completion(row).and_then(|event| event.error);
        unsigned(out, strings.optional(operations, error));
    }
    for event in invocations() {
        value(out, operations, event.value, strings);
    }
    let is_ok = |event: &&Event| event.kind == EventType::Ok;
    for row in rows {
        let result = operations.completion(row).filter(is_ok);
        value(out, operations, result.map_or(Value::Nil, |event| event.value), strings);
    }
}

fn value(out: &mut Vec<u8>, operations: &Operations<'_>, value: Value, strings: &mut Strings) {
    match value {
        Value::Nil => unsigned(out, 0),
        Value::Int(number) if number.unsigned_abs() <= NUMBER_MAX => {
            unsigned(out, zigzag(number) * 4 + 1);
        }
        Value::Int(number) => {
            let id = strings.add(&Datum::Int(number).to_string());
            unsigned(out, id * 4 + 3);
        }
        Value::Pair(from, to) => {
            unsigned(out, zigzag(from.into()) * 4 + 2);
            signed(out, to.into());
        }
        Value::Interned(symbol) => {
            unsigned(out, strings.symbol(operations, symbol) * 4 + 3);
        }
    }
}

fn us(time_ns: u64) -> u64 {
    (time_ns / 1_000).min(MICROSECONDS_MAX)
}

fn unsigned(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn signed(out: &mut Vec<u8>, number: i64) {
    unsigned(out, zigzag(number));
}

/// Small numbers of either sign become small numbers: 0, -1, 1, -2 are 0, 1, 2, 3.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
