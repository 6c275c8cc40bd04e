//! The lives of the values of queues: what `total-queue` and `fifo-order` look at.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `enqueue` | the value, not nil | not looked at |
//! | `dequeue` | not looked at | the value; nil: the queue was empty |
//! | `drain` | not looked at | all values that it took, in that order |
//!
//! A key names a queue. A drain is as many dequeues; Jepsen's `expand-queue-drain-ops` throws when
//! one crashed, here it took what it says, and perhaps more. A dequeue that nobody saw the result
//! of took one value or none, and nobody knows which.
//!
//! What is common to all queues is complained of here: each value is taken as often as it was put
//! in, and not before.

use super::Complaints;
use super::reading::{Dense, Done, Doubts, Names, operations};
use super::shape::Item;
use super::subject::show;
use crate::history::pairing::Operation;
use crate::history::{EventType, History, Symbol, Value};
use rustc_hash::FxHashMap;

/// So many operations of one value are shown.
const SHOWN_MAX: usize = 4;

/// A value was put in, perhaps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Put {
    value: u32,
    pub(super) op: Operation,
    pub(super) outcome: EventType,
}

/// A value was taken out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    value: u32,
    pub(super) op: Operation,
    /// Its place among the values that the same drain took.
    pub(super) place: u32,
}

/// What the history does with its queues.
#[derive(Debug, Default)]
pub(super) struct Queues<'h> {
    names: Dense<Option<Symbol>>,
    values: Names<'h>,
    /// By value, then in order of invocation.
    puts: Vec<Put>,
    takes: Vec<Take>,
    pub(super) queues: FxHashMap<Option<Symbol>, Queue>,
}

/// What is known of a queue beside its values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Queue {
    /// Dequeues of unknown result.
    pub(super) unknown_takes: u64,
    /// Drains of unknown result: nobody knows how much they took.
    pub(super) unknown_drains: u64,
    /// The last operation that found it empty.
    pub(super) emptied: Option<Operation>,
}

/// What was done with one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life<'a> {
    number: usize,
    pub(super) queue: Option<Symbol>,
    pub(super) puts: &'a [Put],
    pub(super) takes: &'a [Take],
}

impl Life<'_> {
    /// Certainly put in so often.
    pub(super) fn acknowledged(&self) -> usize {
        self.puts.iter().filter(|put| put.outcome == EventType::Ok).count()
    }

    /// Put in at most so often.
    fn attempted(&self) -> usize {
        self.puts.iter().filter(|put| put.outcome != EventType::Fail).count()
    }

    /// Acknowledged, and not seen again, so often.
    pub(super) fn missing(&self) -> usize {
        self.acknowledged().saturating_sub(self.takes.len())
    }

    fn shown(&self) -> Vec<Operation> {
        let puts = self.puts.iter().map(|put| put.op).take(SHOWN_MAX);
        puts.chain(self.takes.iter().map(|take| take.op).take(SHOWN_MAX)).collect()
    }
}

impl<'h> Queues<'h> {
    /// Reads them; what cannot be read goes to the doubts.
    pub(super) fn read(history: &'h History, doubts: &mut Doubts) -> Self {
        let mut queues = Self::default();
        let f = ["enqueue", "dequeue", "drain"].map(|name| history.symbols.get(name));
        for done in operations(history) {
            match f.iter().position(|f| *f == Some(done.invoke.f)) {
                Some(0) => queues.enqueue(history, &done, doubts),
                Some(1) => queues.dequeue(history, &done),
                Some(_) => queues.drain(history, &done, doubts),
                None => {}
            }
        }
        queues.puts.sort_by_key(|put| put.value);
        queues.takes.sort_by_key(|take| take.value);
        queues
    }

    fn enqueue(&mut self, history: &'h History, done: &Done<'_>, doubts: &mut Doubts) {
        if done.argument() == Value::Nil {
            return doubts.misfit(history, done.op.invoke_index(), "a value to enqueue");
        }
        let value = self.value(history, done, done.argument());
        self.puts.push(Put { value, op: done.op, outcome: done.outcome() });
    }

    fn dequeue(&mut self, history: &'h History, done: &Done<'_>) {
        match (done.outcome(), done.answer()) {
            (_, Some(Value::Nil)) => self.queue(done).emptied = Some(done.op),
            (_, Some(value)) => {
                let value = self.value(history, done, value);
                self.takes.push(Take { value, op: done.op, place: 0 });
            }
            (EventType::Fail, _) => {
                let error = done.complete.and_then(|event| event.error);
                let error = error.map_or("", |error| history.text(error));
                if ["empty", "exhausted"].iter().any(|word| error.contains(word)) {
                    self.queue(done).emptied = Some(done.op);
                }
            }
            _ => self.queue(done).unknown_takes += 1,
        }
    }

    fn drain(&mut self, history: &'h History, done: &Done<'_>, doubts: &mut Doubts) {
        let value = match done.complete {
            Some(event) if event.kind != EventType::Fail => event.value,
            _ => Value::Nil,
        };
        let items = Item::of(history, value).items();
        let listed = value == Value::Nil || items.is_some();
        if !listed {
            doubts.misfit(history, done.last_index(), "the list of the values that it took");
        }
        let queue = self.names.number(done.key()) as u32;
        for (place, item) in (0..).zip(items.into_iter().flatten()) {
            let value = self.values.number(queue, item);
            self.takes.push(Take { value, op: done.op, place });
        }
        match done.outcome() {
            EventType::Ok if listed => self.queue(done).emptied = Some(done.op),
            EventType::Fail => {}
            _ => self.queue(done).unknown_drains += 1,
        }
    }

    fn value(&mut self, history: &'h History, done: &Done<'_>, value: Value) -> u32 {
        let queue = self.names.number(done.key()) as u32;
        self.values.number(queue, Item::of(history, value))
    }

    fn queue(&mut self, done: &Done<'_>) -> &mut Queue {
        self.queues.entry(done.key()).or_default()
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// How many values certainly came in, and how many were taken out.
    pub(super) fn counts(&self) -> (usize, usize) {
        let put = self.puts.iter().filter(|put| put.outcome == EventType::Ok).count();
        (put, self.takes.len())
    }

    /// What was done with each value.
    pub(super) fn lives(&self) -> impl Iterator<Item = Life<'_>> {
        let (mut puts, mut takes) = (&self.puts[..], &self.takes[..]);
        (0..self.len()).map(move |number| {
            let put = puts.iter().take_while(|put| put.value as usize == number).count();
            let take = takes.iter().take_while(|take| take.value as usize == number).count();
            let life = Life {
                number,
                queue: self.names.thing(self.values.name(number).0 as usize),
                puts: &puts[..put],
                takes: &takes[..take],
            };
            (puts, takes) = (&puts[put..], &takes[take..]);
            life
        })
    }

    /// The value for a reader.
    pub(super) fn show(&self, life: &Life<'_>) -> String {
        show(self.values.name(life.number).1)
    }

    /// Complains of values that nobody put in, and of those that were taken too often.
    pub(super) fn complain(&self, history: &History, complaints: &mut Complaints<'_>) {
        for life in self.lives() {
            let Some(first) = life.takes.iter().map(|take| ended(take.op)).min() else { continue };
            let began = life.puts.iter().find(|put| put.outcome != EventType::Fail);
            let add = |complaints: &mut Complaints<'_>, kind, why: &str| {
                complaints.add(kind, key(history, life.queue), life.shown(), || {
                    format!("{} was dequeued{why}", self.show(&life))
                });
            };
            let attempted = life.attempted();
            match began {
                None if life.puts.is_empty() => {
                    add(complaints, "unexpected", ", but nobody enqueued it");
                }
                None => add(complaints, "unexpected", ", although its enqueue failed"),
                Some(put) if first < put.op.invoke_index() => {
                    add(complaints, "unexpected", ", and only then enqueued");
                }
                Some(_) => {}
            }
            for extra in attempted.max(1)..life.takes.len() {
                let why = format!(" more often than it was enqueued: {} to {attempted}", extra + 1);
                add(complaints, "duplicated", &why);
            }
        }
    }

    /// How many of the values that were taken had come in by an enqueue of unknown result.
    pub(super) fn recovered(&self) -> usize {
        let seen = |life: &Life<'_>| life.takes.len().min(life.attempted());
        self.lives().map(|life| seen(&life).saturating_sub(life.acknowledged())).sum()
    }
}

/// The index of the event that ends an operation; that of one that never ends is beyond all.
pub(super) fn ended(op: Operation) -> usize {
    op.complete_index().unwrap_or(usize::MAX)
}

/// The queue's name for the evidence.
pub(super) fn key(history: &History, queue: Option<Symbol>) -> Option<String> {
    queue.map(|queue| history.text(queue).to_owned())
}
