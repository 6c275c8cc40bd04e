//! Invocations joined with their completions, as the report looks at them.
//!
//! ```text
//!   events    invoke 3 . . . ok 7                  rows of the record, two an operation
//!   rows      (invoke 3, complete 7, ok)           one an operation, in order of invocation
//! ```
//!
//! The joining is lenient on purpose: a report of a damaged history must still open. An operation
//! whose process invokes again, or that never completes, is open; a completion without an
//! invocation is counted and left out.

use checkers::history::{Event, EventType, History, Process};
use std::collections::BTreeMap;

/// More clients than this share lanes: a lane must stay visible.
pub(crate) const LANES_MAX: u32 = 1_000;

/// What became of an operation. An open one is an `info`: nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Ok,
    Fail,
    Info,
}

impl Outcome {
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Fail, Self::Info];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// One operation: where it stands in the history, and what became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) invoke: u32,
    pub(crate) complete: Option<u32>,
    pub(crate) invoke_ns: u64,
    pub(crate) complete_ns: u64,
    pub(crate) process: u32,
    pub(crate) outcome: Outcome,
}

impl Row {
    /// How long it took, if it completed.
    pub(crate) fn latency_ns(&self) -> Option<u64> {
        self.complete.map(|_| self.complete_ns.saturating_sub(self.invoke_ns))
    }
}

/// How many operations ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) ok: u64,
    pub(crate) fail: u64,
    pub(crate) info: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Fail => self.fail += 1,
            Outcome::Info => self.info += 1,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.ok + self.fail + self.info
    }
}

/// All operations of a history in order of invocation.
#[derive(Debug)]
pub(crate) struct Operations<'a> {
    pub(crate) history: &'a History,
    pub(crate) rows: Vec<Row>,
    pub(crate) tally: Tally,
    /// When the last event was recorded.
    pub(crate) end_ns: u64,
    /// The number of lanes of the timeline: one a client. A process that lost an operation goes on
    /// as `process + clients`, on the lane `process % lanes`.
    pub(crate) lanes: u32,
    /// Completions that belong to no invocation.
    pub(crate) orphans: u64,
}

impl<'a> Operations<'a> {
    /// Joins the events of a history.
    ///
    /// # Panics
    /// When the history has more than 2^32 events, 200 GB of them.
    pub(crate) fn of(history: &'a History, clients: u32) -> Self {
        let mut rows: Vec<Row> = Vec::with_capacity(history.len() / 2);
        let mut open: BTreeMap<u32, usize> = BTreeMap::new();
        let mut orphans = 0;
        let mut process_max = 0;
        for (index, event) in history.events().iter().enumerate() {
            let index = u32::try_from(index).expect("a history has fewer than 2^32 events");
            let Some(process) = event.process.number() else { continue };
            if event.kind == EventType::Invoke {
                process_max = process_max.max(process);
                open.insert(process, rows.len());
                rows.push(Row {
                    invoke: index,
                    complete: None,
                    invoke_ns: event.time_ns,
                    complete_ns: event.time_ns,
                    process,
                    outcome: Outcome::Info,
                });
            } else if let Some(row) = open.remove(&process).and_then(|row| rows.get_mut(row)) {
                row.complete = Some(index);
                row.complete_ns = event.time_ns.max(row.invoke_ns);
                row.outcome = match event.kind {
                    EventType::Ok => Outcome::Ok,
                    EventType::Fail => Outcome::Fail,
                    EventType::Info | EventType::Invoke => Outcome::Info,
                };
            } else {
                orphans += 1;
            }
        }
        let mut tally = Tally::default();
        rows.iter().for_each(|row| tally.add(row.outcome));
        let end_ns = history.events().iter().map(|event| event.time_ns).max().unwrap_or(0);
        let clients = if clients == 0 { process_max.saturating_add(1) } else { clients };
        Self { history, rows, tally, end_ns, lanes: clients.clamp(1, LANES_MAX), orphans }
    }

    pub(crate) fn invocation(&self, row: &Row) -> &Event {
        &self.history.events()[row.invoke as usize]
    }

    pub(crate) fn completion(&self, row: &Row) -> Option<&Event> {
        row.complete.map(|index| &self.history.events()[index as usize])
    }

    /// The operation that this event begins or completes.
    pub(crate) fn at_event(&self, index: usize) -> Option<usize> {
        let event = self.history.events().get(index)?;
        if event.process == Process::NEMESIS {
            return None;
        }
        let begins = self.rows.binary_search_by_key(&index, |row| row.invoke as usize);
        begins.ok().or_else(|| {
            let before = begins.unwrap_or_else(|insertion| insertion);
            let same = |row: &Row| row.complete.is_some_and(|complete| complete as usize == index);
            self.rows[..before].iter().rposition(same)
        })
    }

    /// Argument and result in words: `write 3`, `read → 5`, `cas [3 4]`.
    pub(crate) fn words(&self, row: &Row) -> String {
        let invocation = self.invocation(row);
        let f = self.history.text(invocation.f);
        let argument = self.history.datum(invocation.value).to_string();
        let result = self
            .completion(row)
            .filter(|event| event.kind == EventType::Ok)
            .map(|event| self.history.datum(event.value).to_string())
            .filter(|result| *result != argument);
        let argument = if argument == "nil" { String::new() } else { format!(" {argument}") };
        match result {
            Some(result) => format!("{f}{argument} → {result}"),
            None => format!("{f}{argument}"),
        }
    }
}
