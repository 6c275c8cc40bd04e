//! What invariants read out of a history: operations with their events, numbers for values, times;
//! and what they could not read.
//!
//! ```text
//!   Done     an operation: argument, answer, key, node
//!   Dense    thing -> 0, 1, 2, ...             for tables instead of maps
//!   Names    values of queues, keys -> 0, 1, 2, ...
//!   Doubts   misfits, reasons                  unknown(why), unless something is wrong
//!   spread   latencies -> "0.5: 1.2 ms, ..."   a figure
//! ```

use super::members::Numbers;
use super::shape::Item;
use crate::history::pairing::{self, Operation};
use crate::history::{Event, EventType, History, Process, Symbol, Value};
use crate::verdict::Verdict;
use crate::words::quoted;
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// So many misfits are named.
const MISFITS_SHOWN_MAX: usize = 3;

/// A longer value is cut in a message, in characters.
const CHARS_MAX: usize = 60;

/// The operations of the clients with their events.
pub(super) fn operations(history: &History) -> impl Iterator<Item = Done<'_>> {
    let events = history.events();
    pairing::operations(history).into_iter().map(move |op| Done {
        op,
        invoke: &events[op.invoke_index()],
        complete: op.complete_index().map(|index| &events[index]),
    })
}

/// An operation with its events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done<'a> {
    pub(super) op: Operation,
    pub(super) invoke: &'a Event,
    /// Nothing if it is still open.
    pub(super) complete: Option<&'a Event>,
}

/// Whom an operation speaks for: the node that was asked, or where none is said the process, which
/// talks to one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Node(Symbol),
    Process(Process),
}

impl Done<'_> {
    /// How it ended; an open one nobody knows.
    pub(super) fn outcome(&self) -> EventType {
        self.complete.map_or(EventType::Info, |event| event.kind)
    }

    /// What came back, if it happened.
    pub(super) fn answer(&self) -> Option<Value> {
        self.complete.filter(|event| event.kind == EventType::Ok).map(|event| event.value)
    }

    /// What was asked; what came back where the request does not say.
    pub(super) fn argument(&self) -> Value {
        match (self.invoke.value, self.complete) {
            (Value::Nil, Some(event)) => event.value,
            (value, _) => value,
        }
    }

    /// The key that was asked for, wherever it is said.
    pub(super) fn key(&self) -> Option<Symbol> {
        self.invoke.key.or_else(|| self.complete.and_then(|event| event.key))
    }

    /// Whom it speaks for.
    pub(super) fn place(&self) -> Place {
        let node = self.invoke.node.or_else(|| self.complete.and_then(|event| event.node));
        node.map_or(Place::Process(self.invoke.process), Place::Node)
    }

    /// The index of its last event.
    pub(super) fn last_index(&self) -> usize {
        self.op.complete_index().unwrap_or(self.op.invoke_index())
    }
}

/// Numbers things from 0 in the order in which they are met.
#[derive(Debug)]
pub(super) struct Dense<T> {
    numbers: FxHashMap<T, u32>,
    things: Vec<T>,
}

impl<T> Default for Dense<T> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default(), things: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Dense<T> {
    /// Its number, made on first sight.
    pub(super) fn number(&mut self, thing: T) -> usize {
        let next = self.things.len() as u32;
        let number = *self.numbers.entry(thing).or_insert(next);
        if number == next {
            self.things.push(thing);
        }
        number as usize
    }

    /// What has this number.
    pub(super) fn thing(&self, number: usize) -> T {
        self.things[number]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.things.len()
    }
}

/// Numbers the values of several name spaces (queues, keys) from 0 in the order in which they are
/// met: one sequence for all of them.
#[derive(Debug, Default)]
pub(super) struct Names<'h> {
    spaces: Vec<Space<'h>>,
    names: Vec<(u32, Item<'h>)>,
}

#[derive(Debug, Default)]
struct Space<'h> {
    /// Within the space, so that the table is no longer than the space is.
    numbers: Numbers<'h>,
    all: Vec<u32>,
}

impl<'h> Names<'h> {
    /// Its number, made on first sight. Spaces are numbered without gaps, too.
    pub(super) fn number(&mut self, space: u32, item: Item<'h>) -> u32 {
        if space as usize >= self.spaces.len() {
            self.spaces.resize_with(space as usize + 1, Space::default);
        }
        let Space { numbers, all } = &mut self.spaces[space as usize];
        let next = u32::try_from(all.len()).expect("a history has fewer than 2^32 values");
        let number = numbers.get_or(item, next);
        if number == next {
            all.push(u32::try_from(self.names.len()).expect("fewer than 2^32 values"));
            self.names.push((space, item));
        }
        all[number as usize]
    }

    /// The space, and the value in it.
    pub(super) fn name(&self, number: usize) -> (u32, Item<'h>) {
        self.names[number]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

/// Why a history that shows nothing wrong is not valid for all that.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    misfits: Vec<String>,
    more_misfits: u64,
    reasons: Vec<String>,
}

impl Doubts {
    /// An event whose value is not what this invariant reads.
    pub(super) fn misfit(&mut self, history: &History, index: usize, expected: &str) {
        if self.misfits.len() == MISFITS_SHOWN_MAX {
            self.more_misfits += 1;
            return;
        }
        let event = &history.events()[index];
        let f = quoted(history.text(event.f), CHARS_MAX);
        let found = quoted(&history.datum(event.value).to_string(), CHARS_MAX);
        self.misfits.push(format!("event {index} ({f}): expected {expected}, found {found}"));
    }

    /// Something that could not be judged.
    pub(super) fn add(&mut self, reason: String) {
        self.reasons.push(reason);
    }

    /// The history tests nothing.
    pub(super) fn vacuous(&mut self, why: &str) {
        self.reasons.push(format!("vacuous: {why}"));
    }

    /// Valid, or unknown and why.
    pub(super) fn verdict(mut self) -> Verdict {
        if self.more_misfits > 0 {
            self.misfits.push(format!("{} more values could not be read", self.more_misfits));
        }
        self.misfits.append(&mut self.reasons);
        if self.misfits.is_empty() {
            return Verdict::Valid;
        }
        Verdict::Unknown { why: self.misfits.join("; ") }
    }
}

/// Times as a figure, in milliseconds; nothing of nothing.
pub(super) fn spread(times_ns: &mut [u64]) -> Option<String> {
    quantiles(times_ns, |time_ns| {
        let microseconds = time_ns / 1000;
        format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000)
    })
}

/// Quantiles of the nearest rank as a figure; nothing of nothing.
pub(super) fn quantiles(numbers: &mut [u64], show: impl Fn(u64) -> String) -> Option<String> {
    numbers.sort_unstable();
    let last = numbers.len().checked_sub(1)?;
    let rank = |percent: usize| (numbers.len() * percent).div_ceil(100).saturating_sub(1).min(last);
    let [half, most, nearly, all] = [50, 95, 99, 100].map(|percent| show(numbers[rank(percent)]));
    Some(format!("0.5: {half}, 0.95: {most}, 0.99: {nearly}, most: {all}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::verdict::Judgement;

    /// A history from lines of `process type f [value]`, a tenth of a second apart; a process
    /// `p@n` asks node `n`, and `f:k` is about key `k`.
    pub(crate) fn history(text: &str) -> History {
        let mut jsonl = String::new();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for (index, line) in lines.enumerate() {
            let mut words = line.splitn(4, ' ');
            let [who, kind, f] = [(); 3].map(|()| words.next().expect("process, type, function"));
            let (process, node) = who.split_once('@').map_or((who, None), |(p, n)| (p, Some(n)));
            let (f, key) = f.split_once(':').map_or((f, None), |(f, key)| (f, Some(key)));
            let process =
                if process == "nemesis" { "\"nemesis\"".to_owned() } else { process.to_owned() };
            let mut event = format!(
                "{{\"index\":{index},\"time\":{},\"process\":{process},\"type\":\"{kind}\",\
                 \"f\":\"{f}\"",
                index * 100_000_000
            );
            event.extend(node.map(|node| format!(",\"node\":\"{node}\"")));
            event.extend(key.map(|key| format!(",\"key\":{key}")));
            event.extend(words.next().map(|value| format!(",\"value\":{value}")));
            jsonl.push_str(&event);
            jsonl.push_str("}\n");
        }
        if jsonl.is_empty() {
            return History::new();
        }
        crate::history::jsonl::read(jsonl.as_bytes(), "test").expect("a history").history
    }

    /// `valid`, `unknown: why`, or the kinds that were complained of with their counts.
    pub(crate) fn said(judgement: &Judgement, kinds: &[&str]) -> String {
        let counts = judgement.figures.iter().filter(|(name, _)| kinds.contains(&&**name));
        match &judgement.verdict {
            Verdict::Valid => "valid".to_owned(),
            Verdict::Unknown { why } => format!("unknown: {why}"),
            Verdict::Invalid { .. } => {
                let words: Vec<String> = counts.map(|(kind, n)| format!("{kind} {n}")).collect();
                words.join(", ")
            }
        }
    }

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        assert_eq!(spread(&mut []), None);
        let mut times: Vec<u64> = (1..=100).rev().map(|ms| ms * 1_000_000).collect();
        let expected = "0.5: 50.000 ms, 0.95: 95.000 ms, 0.99: 99.000 ms, most: 100.000 ms";
        assert_eq!(spread(&mut times).unwrap(), expected);
    }
}
