//! The recorder: every event goes to memory and to `history.jsonl`, in one order.
//!
//! The file is written while the run goes on. Rows are gathered in a buffer and handed to the
//! kernel when it is full, or when the driver has nothing else to do; after `kill -9` of the
//! controller the file lacks at most what was gathered since, about [`FLUSH_AFTER_NS`], and can be
//! checked.

use checkers::history::jsonl::Writer;
use checkers::history::notes::Note;
use checkers::history::{Event, EventType, History, Op, Outcome, Process, Value};
use checkers::linearizable::{Live, Violation};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use targets::links::NodeId;

/// Rows wait at most this long for the kernel while the driver has idle moments.
pub const FLUSH_AFTER_NS: u64 = 50_000_000;

/// Bytes gathered before they are handed to the kernel.
const BUFFER_BYTES: usize = 128 << 10;

/// Writes the history of a run.
#[derive(Debug)]
pub struct Recorder {
    history: History,
    /// Nothing if the history is kept in memory alone.
    writer: Option<Writer<BufWriter<File>>>,
    last_ns: u64,
    flushed_ns: u64,
    /// The first failure of the file. Recording goes on in memory: the verdict must not be lost
    /// because a disk is full.
    failure: Option<io::Error>,
    node_names: Vec<checkers::history::Symbol>,
    counts: Counts,
    /// Who looks on, if somebody does.
    watch: Option<Live>,
    violation: Option<Violation>,
}

/// Completions so far, for the progress line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Acknowledged.
    pub ok: u64,
    /// Certainly not done.
    pub fail: u64,
    /// Unknown.
    pub info: u64,
}

impl Recorder {
    /// A recorder that writes to this file.
    pub fn new(file: File, nodes: u8) -> Self {
        let writer = Writer::new(BufWriter::with_capacity(BUFFER_BYTES, file));
        Self::with(Some(writer), nodes)
    }

    /// A recorder that writes nothing, for runs that can be played again.
    pub fn in_memory(nodes: u8) -> Self {
        Self::with(None, nodes)
    }

    fn with(writer: Option<Writer<BufWriter<File>>>, nodes: u8) -> Self {
        let mut history = History::new();
        let node_names =
            (0..nodes).map(|n| history.symbols.intern(&NodeId(n).to_string())).collect();
        Self {
            history,
            writer,
            last_ns: 0,
            flushed_ns: 0,
            failure: None,
            node_names,
            counts: Counts::default(),
            watch: None,
            violation: None,
        }
    }

    /// Lets this checker look on, if there is one: what it finds is there at once.
    #[must_use]
    pub fn watched(self, watch: Option<Live>) -> Self {
        Self { watch, ..self }
    }

    /// An operation begins.
    pub fn invoke(&mut self, now_ns: u64, process: Process, node: NodeId, op: &Op) {
        let value = self.history.compact(&op.value);
        self.operation(now_ns, process, node, op, EventType::Invoke, value, None);
    }

    /// An operation completes.
    pub fn complete(
        &mut self,
        now_ns: u64,
        process: Process,
        node: NodeId,
        op: &Op,
        outcome: &Outcome,
    ) {
        let (kind, value, error) = match outcome {
            Outcome::Ok(value) => (EventType::Ok, value, None),
            Outcome::Fail(error) => (EventType::Fail, &op.value, Some(error)),
            Outcome::Info(error) => (EventType::Info, &op.value, Some(error)),
        };
        match kind {
            EventType::Ok => self.counts.ok += 1,
            EventType::Fail => self.counts.fail += 1,
            _ => self.counts.info += 1,
        }
        let value = self.history.compact(value);
        self.operation(now_ns, process, node, op, kind, value, error.map(AsRef::as_ref));
    }

    /// Something that is no operation.
    pub fn note(&mut self, now_ns: u64, note: &Note) {
        let event = note.to_event(self.tick(now_ns), &mut self.history.symbols);
        self.append(event);
    }

    /// Hands the gathered rows to the kernel if they have waited long enough.
    pub fn idle(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.flushed_ns) >= FLUSH_AFTER_NS {
            self.flushed_ns = now_ns;
            self.flush();
        }
    }

    /// Completions so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether what was recorded ends the run, however it would go on.
    pub fn is_over(&self) -> bool {
        self.violation.is_some()
    }

    /// What the checker that looks on has found, once.
    pub fn take_violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    /// Ends the recording: the file is complete and synced, or the error says what it lacks.
    pub fn finish(mut self) -> (History, io::Result<()>) {
        self.flush();
        if let Some(writer) = &mut self.writer {
            let synced = writer.get_mut().get_ref().sync_all();
            self.keep_failure(synced);
        }
        (self.history, self.failure.map_or(Ok(()), Err))
    }

    #[expect(clippy::too_many_arguments, reason = "one row has as many fields")]
    fn operation(
        &mut self,
        now_ns: u64,
        process: Process,
        node: NodeId,
        op: &Op,
        kind: EventType,
        value: Value,
        error: Option<&str>,
    ) {
        let time_ns = self.tick(now_ns);
        let symbols = &mut self.history.symbols;
        let event = Event {
            time_ns,
            value,
            process,
            f: symbols.intern(op.f),
            key: op.key.map(|key| symbols.intern_int(key)),
            node: Some(self.node_names[usize::from(node.0)]),
            error: error.map(|error| symbols.intern(error)),
            kind,
        };
        self.append(event);
    }

    /// Events are recorded by one thread in one order; a reading that was taken a moment earlier
    /// must not make the file's time go backwards.
    fn tick(&mut self, now_ns: u64) -> u64 {
        self.last_ns = self.last_ns.max(now_ns);
        self.last_ns
    }

    fn append(&mut self, event: Event) {
        let index = self.history.push(event);
        // Nothing behind a failure: a file with a hole cannot be read, one with a torn end can.
        if self.failure.is_none()
            && let Some(writer) = &mut self.writer
        {
            let written = writer.event(index, &event, &self.history.symbols);
            self.keep_failure(written);
        }
        if let (Some(watch), None) = (&mut self.watch, &self.violation) {
            self.violation = watch.event(index, &event, &self.history.symbols);
        }
    }

    fn flush(&mut self) {
        if self.failure.is_none()
            && let Some(writer) = &mut self.writer
        {
            let flushed = writer.get_mut().flush();
            self.keep_failure(flushed);
        }
    }

    fn keep_failure(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }
}
