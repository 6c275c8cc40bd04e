//! The rules that turn what an event of others says into a row: the same as for our own lines, and
//! one way to understand what is left out.
//!
//! | left out | understood as |
//! |---|---|
//! | `time`, or Jepsen's -1 | one nanosecond later than the event before |
//! | `index` | the position; one that is given must rise, gaps are fine (a filtered history) |
//! | `process`, in all events | new clients; a completion is of the one open operation of its f |
//! | `f`, where the value is a list of operations | `txn` |
//!
//! A time that is earlier than one before it is raised, up to [`DISORDER_NS_MAX`]: Jepsen's clients
//! read the clock and only then stand in line for the history, so that real files have such pairs,
//! a millisecond apart or as long as a pause of the virtual machine. Further back is an error: two
//! runs in one file.

use super::{Fallible, ImportOptions, Remark};
use crate::history::edn::{Fault, NOTHING, Place, Shape};
use crate::history::pairing::{Misfit, Processes};
use crate::history::quote::quote;
use crate::history::{Event, EventType, Process, Symbol, Symbols, Value};
use rustc_hash::FxHashMap;

/// The most by which a time may be earlier than one before it, in nanoseconds.
const DISORDER_NS_MAX: u64 = 10_000_000_000;

/// Something that was read, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<T> {
    pub(super) is: T,
    pub(super) place: Place,
}

/// What the file says of one event.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) place: Place,
    pub(super) kind: Option<At<EventType>>,
    pub(super) process: Option<At<Process>>,
    pub(super) f: Option<Symbol>,
    pub(super) time_ns: Option<At<u64>>,
    pub(super) index: Option<At<u64>>,
    pub(super) key: Option<Symbol>,
    pub(super) node: Option<Symbol>,
    pub(super) error: Option<Symbol>,
    pub(super) value: At<Shape>,
    /// The value's JSON text, where its shape says so.
    pub(super) value_text: String,
}

impl Draft {
    pub(super) fn new() -> Self {
        let place = Place { line: 1, column: 1 };
        Self {
            place,
            kind: None,
            process: None,
            f: None,
            time_ns: None,
            index: None,
            key: None,
            node: None,
            error: None,
            value: At { is: NOTHING, place },
            value_text: String::new(),
        }
    }

    /// Nothing is known yet of the event that begins here.
    pub(super) fn begin(&mut self, place: Place) {
        let value_text = std::mem::take(&mut self.value_text);
        *self = Self { place, value: At { is: NOTHING, place }, value_text, ..Self::new() };
    }
}

/// What the events so far demand of the next.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) symbols: Symbols,
    options: ImportOptions,
    processes: Processes,
    /// Events so far.
    count: usize,
    /// Where the last one stands.
    line: usize,
    time_ns: u64,
    index: Option<u64>,
    naming: Option<Naming>,
    untimed: usize,
    raised: usize,
    raised_most_ns: u64,
    without_f: usize,
}

impl Rules {
    pub(super) fn new(options: ImportOptions) -> Self {
        Self {
            symbols: Symbols::default(),
            options,
            processes: Processes::default(),
            count: 0,
            line: 0,
            time_ns: 0,
            index: None,
            naming: None,
            untimed: 0,
            raised: 0,
            raised_most_ns: 0,
            without_f: 0,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        if self.untimed > 0 {
            remarks.push(Remark::Untimed { events: self.untimed });
        }
        if self.raised > 0 {
            let (events, most_ns) = (self.raised, self.raised_most_ns);
            remarks.push(Remark::TimeRaised { events, most_ns });
        }
        if matches!(self.naming, Some(Naming::Ours(_))) {
            remarks.push(Remark::NoProcess);
        }
        if self.without_f > 0 {
            remarks.push(Remark::NoFunction { events: self.without_f });
        }
        remarks
    }

    /// The event of this draft, if it can follow on those before.
    pub(super) fn admit(&mut self, draft: &Draft) -> Fallible<Event> {
        let Some(At { is: kind, place }) = draft.kind else {
            return Err(Fault::wrong(draft.place, "expected an event with a type, found none"));
        };
        self.follow(draft)?;
        let time_ns = self.time(draft)?;
        let f = self.function(draft, kind)?;
        let process = self.process(draft, kind, f)?;
        let (key, value) = self.key_and_value(draft, kind, process)?;
        let Draft { node, error, .. } = *draft;
        let event = Event { time_ns, value, process, f, key, node, error, kind };
        self.processes.step(&event, self.count).map_err(|misfit| {
            let found = match misfit {
                Misfit::OtherFunction => quote(self.symbols.text(f)),
                _ => kind.as_str().to_owned(),
            };
            Fault::wrong(place, format!("{misfit}, found {found} of process {process}"))
        })?;
        self.time_ns = time_ns;
        self.count += 1;
        self.line = draft.place.line;
        Ok(event)
    }

    fn follow(&mut self, draft: &Draft) -> Fallible<()> {
        let Some(At { is: index, place }) = draft.index else { return Ok(()) };
        if let Some(before) = self.index.filter(|&before| before >= index) {
            let problem = format!("expected an index above {before}, found {index}");
            return Err(Fault::wrong(place, problem));
        }
        self.index = Some(index);
        Ok(())
    }

    fn time(&mut self, draft: &Draft) -> Fallible<u64> {
        let Some(At { is: time_ns, place }) = draft.time_ns else {
            self.untimed += 1;
            return Ok(if self.count == 0 { 0 } else { self.time_ns.saturating_add(1) });
        };
        let Some(back_ns) = self.time_ns.checked_sub(time_ns).filter(|&back_ns| back_ns > 0) else {
            return Ok(time_ns);
        };
        if back_ns > DISORDER_NS_MAX {
            let (seconds, least) = (DISORDER_NS_MAX / 1_000_000_000, self.time_ns);
            let problem = format!(
                "expected a time at most {seconds} s before {least}, the latest so far, \
                 found {time_ns}"
            );
            return Err(Fault::wrong(place, problem));
        }
        self.raised += 1;
        self.raised_most_ns = self.raised_most_ns.max(back_ns);
        Ok(self.time_ns)
    }

    fn function(&mut self, draft: &Draft, kind: EventType) -> Fallible<Symbol> {
        if let Some(f) = draft.f {
            return Ok(f);
        }
        let transaction = match draft.value.is {
            Shape::Text => draft.value_text.starts_with('['),
            shape => shape == NOTHING && kind != EventType::Invoke,
        };
        if !transaction {
            let problem = "expected an event with an f, found none, nor a transaction as its value";
            return Err(Fault::wrong(draft.place, problem));
        }
        self.without_f += 1;
        Ok(self.symbols.intern("txn"))
    }

    fn process(&mut self, draft: &Draft, kind: EventType, f: Symbol) -> Fallible<Process> {
        match (draft.process, &mut self.naming) {
            (Some(At { is: Process::NEMESIS, .. }), _) => Ok(Process::NEMESIS),
            (Some(At { is: process, .. }), naming @ (None | Some(Naming::Theirs))) => {
                *naming = Some(Naming::Theirs);
                Ok(process)
            }
            (Some(At { is: process, place }), Some(Naming::Ours(_))) => {
                let problem =
                    format!("expected no process, as in the events before, found {process}");
                Err(Fault::wrong(place, problem))
            }
            (None, Some(Naming::Theirs)) => {
                let problem = "expected a process, as in the events before, found none";
                Err(Fault::wrong(draft.place, problem))
            }
            (None, naming) => {
                let naming = naming.get_or_insert_with(|| Naming::Ours(Clients::default()));
                let Naming::Ours(clients) = naming else {
                    unreachable!("processes that have names were dealt with above")
                };
                clients.process(kind, f).map_err(|problem| Fault::wrong(draft.place, problem))
            }
        }
    }

    fn key_and_value(
        &mut self,
        draft: &Draft,
        kind: EventType,
        process: Process,
    ) -> Fallible<(Option<Symbol>, Value)> {
        let text = draft.value_text.as_str();
        if !self.options.independent || process == Process::NEMESIS {
            let value = self.symbols.value(draft.value.is, text);
            return Ok((draft.key, value));
        }
        match draft.value.is {
            Shape::Small(Value::Pair(key, value)) => {
                Ok((Some(self.symbols.intern_int(key.into())), Value::Int(value.into())))
            }
            // What is not known of an operation is not known of its value either.
            NOTHING if kind != EventType::Invoke => Ok((draft.key, Value::Nil)),
            Shape::Text if let Some((key, value)) = halves(text) => {
                let key = self.symbols.intern(key);
                Ok((Some(key), self.symbols.value(Shape::of(value), value)))
            }
            shape => {
                let found = match shape {
                    Shape::Small(value) => self.symbols.datum(value).to_string(),
                    Shape::Text => quote(text),
                };
                let problem = format!("expected a pair of a key and a value, found {found}");
                Err(Fault::wrong(draft.value.place, problem))
            }
        }
    }
}

impl Symbols {
    /// The value of this shape, whose JSON text this is if the shape is too large for a row.
    fn value(&mut self, shape: Shape, text: &str) -> Value {
        match shape {
            Shape::Small(value) => value,
            Shape::Text => Value::Interned(self.intern(text)),
        }
    }
}

/// The two elements of an array of two in canonical JSON text.
fn halves(array: &str) -> Option<(&str, &str)> {
    let inside = array.strip_prefix('[')?.strip_suffix(']')?;
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let (mut comma, mut commas) = (None, 0usize);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => (comma, commas) = (Some(at), commas + 1),
            _ => {}
        }
    }
    comma.filter(|_| commas == 1).map(|at| (&inside[..at], &inside[at + 1..]))
}

/// Who names the processes.
#[derive(Debug)]
enum Naming {
    Theirs,
    Ours(Clients),
}

/// Clients for a file that names none.
#[derive(Debug, Default)]
struct Clients {
    free: Vec<u32>,
    made: u32,
    open: FxHashMap<Symbol, Vec<u32>>,
}

impl Clients {
    fn process(&mut self, kind: EventType, f: Symbol) -> Result<Process, &'static str> {
        let open = self.open.entry(f).or_default();
        if kind == EventType::Invoke {
            let client = self.free.pop().unwrap_or(self.made);
            self.made = self.made.max(client + 1);
            open.push(client);
            return Ok(Process::client(client));
        }
        let &[client] = open.as_slice() else {
            return Err(if open.is_empty() {
                "expected an invoke, since no operation of this f is open"
            } else {
                "expected a process, since several operations of this f are open"
            });
        };
        open.clear();
        if kind != EventType::Info {
            self.free.push(client);
        }
        Ok(Process::client(client))
    }
}

#[cfg(test)]
mod tests {
    use super::halves;

    #[test]
    fn an_array_of_two_has_halves() {
        assert_eq!(halves(r#"["a,]\"",[1,2]]"#), Some((r#""a,]\"""#, "[1,2]")));
        assert_eq!(halves(r#"[{"a":[1,2]},null]"#), Some((r#"{"a":[1,2]}"#, "null")));
        for other in ["[1,2,3]", "[1]", "[]", "{\"a\":1}", "7"] {
            assert_eq!(halves(other), None, "{other}");
        }
    }
}
