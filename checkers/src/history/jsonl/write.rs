//! The writer: the recorder's hot path.
//!
//! A line is put together by hand in one buffer that is used again, since a recorder has to stay a
//! small share of one core at hundreds of thousands of events a second. A general serializer costs
//! several times as much on lines this short.

use crate::history::{Event, Symbol, Symbols, Value};
use std::io;

/// Writes events as lines. The sink gets every line whole, in one call, so put a
/// [`io::BufWriter`] around a file.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: io::Write> Writer<W> {
    /// A writer that appends to this sink.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::with_capacity(256) }
    }

    /// Appends one event whose symbols are in this table.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn event(&mut self, index: usize, event: &Event, symbols: &Symbols) -> io::Result<()> {
        self.line.clear();
        let line = &mut self.line;
        line.extend_from_slice(b"{\"index\":");
        integer(line, index);
        line.extend_from_slice(b",\"time\":");
        integer(line, event.time_ns);
        match event.process.number() {
            Some(number) => {
                line.extend_from_slice(b",\"process\":");
                integer(line, number);
            }
            None => line.extend_from_slice(b",\"process\":\"nemesis\""),
        }
        line.extend_from_slice(b",\"type\":\"");
        line.extend_from_slice(event.kind.as_str().as_bytes());
        line.extend_from_slice(b"\",\"f\":");
        string(line, symbols.text(event.f));
        if let Some(key) = event.key {
            line.extend_from_slice(b",\"key\":");
            json(line, symbols, key);
        }
        value(line, symbols, event.value);
        for (name, symbol) in
            [(b",\"node\":".as_slice(), event.node), (b",\"error\":", event.error)]
        {
            if let Some(symbol) = symbol {
                line.extend_from_slice(name);
                string(line, symbols.text(symbol));
            }
        }
        line.extend_from_slice(b"}\n");
        self.out.write_all(line)
    }

    /// Hands everything on to whatever is behind the sink.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The sink, for what only it can do, such as a file's `sync_data`.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// The sink. Nothing is held back here, but it may be: flush first.
    pub fn into_inner(self) -> W {
        self.out
    }
}

fn integer(line: &mut Vec<u8>, number: impl itoa::Integer) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn value(line: &mut Vec<u8>, symbols: &Symbols, value: Value) {
    if value == Value::Nil {
        return;
    }
    line.extend_from_slice(b",\"value\":");
    match value {
        Value::Nil => {}
        Value::Int(number) => integer(line, number),
        Value::Pair(from, to) => {
            line.push(b'[');
            integer(line, from);
            line.push(b',');
            integer(line, to);
            line.push(b']');
        }
        Value::Interned(symbol) => json(line, symbols, symbol),
    }
}

/// A symbol that holds JSON text. Text that is no JSON stands for itself, as it does in
/// [`crate::history::Datum::from_json_text`]; JSON over several lines is put on one, which
/// is safe because a raw line break inside of a JSON string is no JSON.
fn json(line: &mut Vec<u8>, symbols: &Symbols, symbol: Symbol) {
    let text = symbols.text(symbol);
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let plain = !digits.is_empty() && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
    if plain || text == "0" {
        line.extend_from_slice(text.as_bytes());
    } else if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        line.extend(
            text.bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }),
        );
    } else {
        string(line, text);
    }
}

fn string(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    let bytes = text.as_bytes();
    let mut rest = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        line.extend_from_slice(&bytes[rest..at]);
        rest = at + 1;
        match byte {
            b'"' => line.extend_from_slice(b"\\\""),
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            control => {
                let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                let escape = [b'\\', b'u', b'0', b'0', hex(control >> 4), hex(control & 15)];
                line.extend_from_slice(&escape);
            }
        }
    }
    line.extend_from_slice(&bytes[rest..]);
    line.push(b'"');
}
