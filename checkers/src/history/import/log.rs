//! Operations among the lines of a Jepsen test's log.
//!
//! ```text
//!   INFO  jepsen.util - 0   :invoke :cas    [1 2]
//!   INFO  jepsen.util - 0   :info   :cas    :timed-out
//!   2026-11-21 10:00:00,123{GMT}  INFO  [jepsen worker 3] jepsen.util: 3  :ok  :read  nil
//!   process, type, f, value, and sometimes an error, up to the end of the line
//! ```
//!
//! Other loggers' lines, and lines of this one that begin with no process, are no operations. An
//! operation that did not succeed and has a keyword for a value has an error instead of a value.
//! Times are not read: the clock of a log is a wall clock.

use super::maps::{kind, process, word};
use super::rules::{At, Draft, Rules};
use crate::history::edn::{Dialect, Fallible, Fault, Forms, Place, Token};
use crate::history::jsonl::LINE_BYTES_MAX;
use crate::history::{Event, EventType};
use std::io::{BufRead, Cursor};

/// What stands before an operation: older and newer versions of Jepsen.
pub(super) const MARKS: [&[u8]; 2] = [b"jepsen.util - ", b"jepsen.util: "];

#[derive(Debug)]
pub(super) struct LogEvents<R> {
    reader: R,
    line: Vec<u8>,
    number: usize,
    forms: Forms<Cursor<Vec<u8>>>,
    draft: Draft,
    pub(super) rules: Rules,
}

impl<R: BufRead> LogEvents<R> {
    pub(super) fn new(reader: R, rules: Rules) -> Self {
        let forms = Forms::new(Cursor::new(Vec::new()), Dialect::Edn);
        Self { reader, line: Vec::new(), number: 0, forms, draft: Draft::new(), rules }
    }

    pub(super) fn next_event(&mut self) -> Fallible<Option<Event>> {
        while self.next_line()? {
            let Some(start) = operation(&self.line) else { continue };
            let place = Place { line: self.number, column: start + 1 };
            let text = self.forms.restart(place);
            text.set_position(0);
            text.get_mut().clear();
            text.get_mut().extend_from_slice(&self.line[start..]);
            return self.event(place).map(Some);
        }
        if self.rules.count() == 0 {
            let problem = "expected operations logged by jepsen.util, found none";
            return Err(Fault::wrong(Place { line: 1, column: 1 }, problem));
        }
        Ok(None)
    }

    fn next_line(&mut self) -> Fallible<bool> {
        self.line.clear();
        let length = std::io::Read::take(&mut self.reader, LINE_BYTES_MAX as u64 + 1)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| Box::new(Fault::Io(error)))?;
        self.number += 1;
        if length > LINE_BYTES_MAX {
            let place = Place { line: self.number, column: 1 };
            let problem = format!("expected a line of at most {LINE_BYTES_MAX} bytes");
            return Err(Fault::wrong(place, problem));
        }
        // An operation ends with its line, and so does the message that it breaks off there.
        self.line.truncate(self.line.trim_ascii_end().len());
        Ok(length > 0)
    }

    fn event(&mut self, place: Place) -> Fallible<Event> {
        let Self { forms, draft, rules, .. } = self;
        draft.begin(place);
        let token = forms.next()?;
        draft.process = Some(At { is: process(forms, token)?, place });
        let token = forms.next()?;
        let kind = At { place: forms.place(), is: kind(forms, token)? };
        draft.kind = Some(kind);
        let token = forms.next()?;
        draft.f = Some(rules.symbols.intern(word(forms, token, "expected an f")?));
        let token = forms.next()?;
        let failed = matches!(kind.is, EventType::Fail | EventType::Info);
        if failed && token == Token::Keyword {
            draft.error = Some(rules.symbols.intern(forms.name(token)?));
        } else {
            let place = forms.place();
            draft.value = At { is: forms.shape(token, &mut draft.value_text)?, place };
            let rest = String::from_utf8_lossy(&self.line[forms.end_bytes()..]);
            let error = rest.trim();
            if !error.is_empty() {
                draft.error = Some(rules.symbols.intern(error.trim_start_matches(':')));
            }
        }
        rules.admit(draft)
    }
}

/// Where the operation of this line begins, if it logs one.
fn operation(line: &[u8]) -> Option<usize> {
    let behind = |mark: &[u8]| {
        let at = line.windows(mark.len()).position(|window| window == mark)?;
        Some(at + mark.len())
    };
    let start = MARKS.iter().find_map(|mark| behind(mark))?;
    let message = &line[start..];
    let process = message.first().is_some_and(u8::is_ascii_digit);
    (process || message.starts_with(b":nemesis")).then_some(start)
}
