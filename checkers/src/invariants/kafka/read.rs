//! From operations to rows: what each sent and polled, and which keys it asked for.

use super::super::reading::{Dense, Done, Doubts, Names, operations};
use super::super::shape::Item;
use crate::history::pairing::Operation;
use crate::history::{EventType, History, Process, Value};

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `send`, `poll` or `txn`.
    Txn,
    /// The consumer takes these keys.
    Assign,
    /// The consumer asks for these keys; who gets which is decided by the system, at any time.
    Subscribe,
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) op: Operation,
    pub(super) process: Process,
    pub(super) outcome: EventType,
    pub(super) kind: Kind,
    /// Whether it may be undone as a whole: a `txn`.
    pub(super) is_txn: bool,
    sends_end: u32,
    polls_end: u32,
    keys_end: u32,
    ends_end: u32,
}

impl Step {
    /// The index of its last event; beyond all if it is still open.
    pub(super) fn ended(&self) -> usize {
        self.op.complete_index().unwrap_or(usize::MAX)
    }
}

/// A message that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Send {
    pub(super) key: u32,
    pub(super) message: u32,
    /// Nothing if it was not said.
    pub(super) offset: Option<i64>,
}

/// A message that was polled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polled {
    pub(super) key: u32,
    pub(super) message: u32,
    pub(super) offset: Option<i64>,
    /// Which of the polls of its operation.
    pub(super) batch: u32,
}

/// All of them, in order of invocation.
#[derive(Debug, Default)]
pub(super) struct Records<'h> {
    pub(super) keys: Dense<Item<'h>>,
    /// A message is what its key and its value say; numbered over all keys.
    pub(super) messages: Names<'h>,
    pub(super) steps: Vec<Step>,
    sends: Vec<Send>,
    polls: Vec<Polled>,
    /// The keys of assigns and subscribes.
    asked: Vec<u32>,
    /// The keys of which polls said that nothing more was there.
    ends: Vec<u32>,
}

const FUNCTIONS: [&str; 5] = ["send", "poll", "txn", "assign", "subscribe"];

const MOPS: &str = "a list of [\"send\",key,message] and [\"poll\",{key:[[offset,message],...]}]";

impl<'h> Records<'h> {
    pub(super) fn read(history: &'h History, doubts: &mut Doubts) -> Self {
        let mut records = Self::default();
        let functions = FUNCTIONS.map(|name| history.symbols.get(name));
        for done in operations(history) {
            let f = functions.iter().position(|f| *f == Some(done.invoke.f));
            match f {
                Some(0..=2) => records.txn(history, &done, doubts),
                Some(3 | 4) => records.asks(history, &done, doubts),
                _ => continue,
            }
            let kind = match f {
                Some(3) => Kind::Assign,
                Some(4) => Kind::Subscribe,
                _ => Kind::Txn,
            };
            records.push(&done, kind, f == Some(2));
        }
        records
    }

    fn push(&mut self, done: &Done<'_>, kind: Kind, is_txn: bool) {
        let end = |length: usize| u32::try_from(length).expect("fewer than 2^32 messages");
        self.steps.push(Step {
            op: done.op,
            process: done.invoke.process,
            outcome: done.outcome(),
            kind,
            is_txn,
            sends_end: end(self.sends.len()),
            polls_end: end(self.polls.len()),
            keys_end: end(self.asked.len()),
            ends_end: end(self.ends.len()),
        });
    }

    fn asks(&mut self, history: &'h History, done: &Done<'_>, doubts: &mut Doubts) {
        match Item::of(history, done.argument()).items() {
            Some(keys) => {
                for key in keys {
                    let key = self.key(key);
                    self.asked.push(key);
                }
            }
            None => doubts.misfit(history, done.op.invoke_index(), "a list of keys"),
        }
    }

    fn txn(&mut self, history: &'h History, done: &Done<'_>, doubts: &mut Doubts) {
        // A completion that only repeats what was asked says nothing of offsets.
        let answer = done.complete.map(|event| event.value);
        let answer = answer.filter(|value| *value != Value::Nil && *value != done.invoke.value);
        let value = answer.unwrap_or(done.invoke.value);
        let index = if answer.is_some() { done.last_index() } else { done.op.invoke_index() };
        let Some(mops) = Item::of(history, value).items() else {
            return doubts.misfit(history, index, MOPS);
        };
        for (batch, mop) in (0..).zip(mops) {
            let read = match parts(mop) {
                Some([Item::Text("\"send\""), key, value]) => {
                    self.send(key, value, answer.is_some())
                }
                Some([Item::Text("\"poll\""), Item::Nil, Item::Nil]) => {
                    // Nobody saw what it found, unless somebody says that it happened.
                    (done.outcome() != EventType::Ok).then_some(())
                }
                Some([Item::Text("\"poll\""), polled, Item::Nil]) => self.poll(polled, batch),
                _ => None,
            };
            if read.is_none() {
                doubts.misfit(history, index, MOPS);
            }
        }
    }

    fn send(&mut self, key: Item<'h>, value: Item<'h>, answered: bool) -> Option<()> {
        let (offset, value) = match pair(value).filter(|_| answered) {
            Some((Item::Int(offset), value)) => (Some(offset), value),
            Some((Item::Nil, value)) => (None, value),
            Some(_) | None => (None, value),
        };
        if value == Item::Nil {
            return None;
        }
        let key = self.key(key);
        let message = self.messages.number(key, value);
        self.sends.push(Send { key, message, offset: checked(offset)? });
        Some(())
    }

    fn poll(&mut self, polled: Item<'h>, batch: u32) -> Option<()> {
        for (name, list) in polled.fields()? {
            let key = self.key(Item::of_text(name));
            let before = self.polls.len();
            for entry in list.items()? {
                let (offset, value) = pair(entry)?;
                let offset = if offset == Item::Nil { None } else { Some(offset.int()?) };
                let message = self.messages.number(key, value);
                self.polls.push(Polled { key, message, offset: checked(offset)?, batch });
            }
            if self.polls.len() == before {
                self.ends.push(key);
            }
        }
        Some(())
    }

    /// In a map every key is a text, so `1` and `"1"` are one key.
    fn key(&mut self, key: Item<'h>) -> u32 {
        let key = match key {
            Item::Text(text) => {
                let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                inner.map_or(key, Item::of_text)
            }
            key => key,
        };
        self.keys.number(key) as u32
    }

    /// What a step sent.
    pub(super) fn sends(&self, step: usize) -> &[Send] {
        let start = step.checked_sub(1).map_or(0, |before| self.steps[before].sends_end);
        &self.sends[start as usize..self.steps[step].sends_end as usize]
    }

    /// What a step polled, in its order.
    pub(super) fn polls(&self, step: usize) -> &[Polled] {
        let start = step.checked_sub(1).map_or(0, |before| self.steps[before].polls_end);
        &self.polls[start as usize..self.steps[step].polls_end as usize]
    }

    /// The keys that a step asked for.
    pub(super) fn asked(&self, step: usize) -> &[u32] {
        let start = step.checked_sub(1).map_or(0, |before| self.steps[before].keys_end);
        &self.asked[start as usize..self.steps[step].keys_end as usize]
    }

    /// The keys of which a step's polls said that nothing more was there.
    pub(super) fn ends(&self, step: usize) -> &[u32] {
        let start = step.checked_sub(1).map_or(0, |before| self.steps[before].ends_end);
        &self.ends[start as usize..self.steps[step].ends_end as usize]
    }

    /// The numbers of the steps that send and poll, in order of invocation.
    pub(super) fn txns(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.steps.iter().enumerate().filter(|(_, step)| step.kind == Kind::Txn)
    }
}

/// Up to three elements of a list; those that are not there are nil.
fn parts(mop: Item<'_>) -> Option<[Item<'_>; 3]> {
    let mut items = mop.items()?;
    let parts = [(); 3].map(|()| items.next().unwrap_or(Item::Nil));
    items.next().is_none().then_some(parts)
}

/// The elements of a list of two.
fn pair(item: Item<'_>) -> Option<(Item<'_>, Item<'_>)> {
    let mut items = item.items()?;
    let pair = (items.next()?, items.next()?);
    items.next().is_none().then_some(pair)
}

/// An offset is not negative. How great it is does not matter: nothing gets as long as it says.
fn checked(offset: Option<i64>) -> Option<Option<i64>> {
    offset.is_none_or(|offset| offset >= 0).then_some(offset)
}
