//! The log of each key, as all who sent and polled describe it together.
//!
//! ```text
//!   send k a -> 0    poll k -> [0 a] [2 c]    send k b -> 1
//!   offset   0   1   2   7                    transactions take offsets that nobody sees,
//!   message  a   b   c   d                    so gaps mean nothing:
//!   place    0   1   2   3                    order is counted in places
//! ```
//!
//! Sends count that certainly happened: acknowledged ones, and those of unknown result of which
//! somebody saw a message. Polls always count, for a consumer is given nothing that is not there.
//! A message that was sent twice, or has two offsets, has no place.

use super::super::reading::Doubts;
use super::Found;
use super::read::{Records, Step};
use crate::history::EventType;
use crate::history::pairing::Operation;

/// No step, no place.
pub(super) const NONE: u32 = u32::MAX;

/// What is known of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) key: u32,
    /// The step that sent it.
    pub(super) writer: u32,
    /// How often it was sent.
    sends: u32,
    /// A step that polled it; one that was acknowledged, if there is one.
    pub(super) poller: u32,
    pub(super) polled_ok: bool,
    /// Its place in the log of its key, by its first and by its last offset.
    first: u32,
    last: u32,
}

/// The logs.
#[derive(Debug)]
pub(super) struct Logs {
    pub(super) messages: Vec<Message>,
}

/// Somebody says that a message stands at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: u32,
    offset: i64,
    message: u32,
    step: u32,
}

impl Message {
    /// Where it stands in the log of its key, if that is certain.
    pub(super) fn place(&self) -> Option<u32> {
        (self.first != NONE && self.first == self.last && self.sends < 2).then_some(self.first)
    }
}

impl Logs {
    /// Reads them, and complains of logs that contradict themselves.
    pub(super) fn read(records: &Records<'_>, found: &mut Found<'_>, doubts: &mut Doubts) -> Self {
        let messages = (0..records.messages.len())
            .map(|message| Message {
                key: records.messages.name(message).0,
                writer: NONE,
                sends: 0,
                poller: NONE,
                polled_ok: false,
                first: NONE,
                last: NONE,
            })
            .collect();
        let mut logs = Self { messages };
        logs.writers_and_pollers(records);
        let mut entries = logs.entries(records);
        entries.sort_unstable();
        logs.places(records, &entries, found);
        let twice = logs.messages.iter().filter(|message| message.sends > 1).count();
        if twice > 0 {
            doubts.add(format!("{twice} messages were sent more than once: make them unique"));
        }
        logs
    }

    fn writers_and_pollers(&mut self, records: &Records<'_>) {
        for (number, step) in records.txns() {
            for send in records.sends(number) {
                let message = &mut self.messages[send.message as usize];
                message.sends += 1;
                message.writer = number as u32;
            }
            for polled in records.polls(number) {
                let message = &mut self.messages[polled.message as usize];
                let is_ok = step.outcome == EventType::Ok;
                if message.poller == NONE || is_ok && !message.polled_ok {
                    message.poller = number as u32;
                }
                message.polled_ok |= is_ok;
            }
        }
    }

    /// Whether what a step sent certainly stands in the log.
    pub(super) fn happened(&self, records: &Records<'_>, number: usize) -> bool {
        match records.steps[number].outcome {
            EventType::Ok => true,
            EventType::Fail => false,
            _ => records
                .sends(number)
                .iter()
                .any(|send| self.messages[send.message as usize].polled_ok),
        }
    }

    fn entries(&self, records: &Records<'_>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (number, _) in records.txns() {
            let step = number as u32;
            if self.happened(records, number) {
                entries.extend(records.sends(number).iter().filter_map(|send| {
                    let (key, message) = (send.key, send.message);
                    Some(Entry { key, offset: send.offset?, message, step })
                }));
            }
            entries.extend(records.polls(number).iter().filter_map(|polled| {
                let (key, message) = (polled.key, polled.message);
                Some(Entry { key, offset: polled.offset?, message, step })
            }));
        }
        entries
    }

    fn places(&mut self, records: &Records<'_>, entries: &[Entry], found: &mut Found<'_>) {
        // Of each message, the first entry.
        let mut firsts: Vec<Option<Entry>> = vec![None; self.messages.len()];
        let op = |entry: Entry| records.steps[entry.step as usize].op;
        for log in entries.chunk_by(|one, other| one.key == other.key) {
            for (place, slot) in (0..).zip(log.chunk_by(|one, other| one.offset == other.offset)) {
                for entries in slot.chunk_by(|one, other| one.message == other.message) {
                    let entry = entries[0];
                    let message = &mut self.messages[entry.message as usize];
                    message.last = place;
                    if message.first == NONE {
                        message.first = place;
                        firsts[entry.message as usize] = Some(entry);
                    } else if let Some(first) = firsts[entry.message as usize]
                        && message.sends < 2
                    {
                        found.add("duplicate", entry.key, vec![op(first), op(entry)], || {
                            let text = found_text(records, entry.message);
                            format!("{text} stands at {} and {}", first.offset, entry.offset)
                        });
                    }
                }
                let (one, other) = (slot[0], slot[slot.len() - 1]);
                if one.message != other.message {
                    found.add("inconsistent-offsets", one.key, vec![op(one), op(other)], || {
                        let texts = [one, other].map(|e| found_text(records, e.message));
                        format!("{} and {} both stand at {}", texts[0], texts[1], one.offset)
                    });
                }
            }
        }
    }

    /// Complains of messages that were acknowledged and never polled although somebody polled what
    /// stands behind them, or all. Gives how many others were never polled.
    pub(super) fn unseen(
        &self,
        records: &Records<'_>,
        final_polls: bool,
        found: &mut Found<'_>,
    ) -> u64 {
        let reached = self.reached(records);
        let read_out = self.read_out(records);
        let mut unseen = 0;
        for (number, message) in self.messages.iter().enumerate() {
            if message.poller != NONE || message.writer == NONE || message.sends > 1 {
                continue;
            }
            let writer = message.writer as usize;
            let step = &records.steps[writer];
            let reader = reached[message.key as usize]
                .filter(|(place, _)| message.last != NONE && message.last < *place);
            let (why, other): (&str, Option<Operation>) = match reader {
                Some((_, op)) if self.happened(records, writer) => {
                    ("and never polled, although what stands behind it was", Some(op))
                }
                _ if step.outcome != EventType::Ok => continue,
                _ => match read_out[message.key as usize] {
                    Some(op) => ("and never polled, and then nothing more was there", Some(op)),
                    None if final_polls => ("and never polled", None),
                    None => {
                        unseen += 1;
                        continue;
                    }
                },
            };
            let ops = [Some(step.op), other].into_iter().flatten().collect();
            found.add("lost-write", message.key, ops, || {
                format!("{} was sent {why}", found_text(records, number as u32))
            });
        }
        unseen
    }

    /// How far each key was read by acknowledged polls, and by which.
    fn reached(&self, records: &Records<'_>) -> Vec<Option<(u32, Operation)>> {
        let mut reached: Vec<Option<(u32, Operation)>> = vec![None; records.keys.len()];
        for message in self.messages.iter().filter(|m| m.polled_ok && m.first != NONE) {
            let known = &mut reached[message.key as usize];
            if known.is_none_or(|(place, _)| place < message.first) {
                *known = Some((message.first, records.steps[message.poller as usize].op));
            }
        }
        reached
    }

    /// A poll of each key that found nothing more, after everything that was sent to it was
    /// decided. A transaction that nobody knows the end of may still hide what stands behind it.
    fn read_out(&self, records: &Records<'_>) -> Vec<Option<Operation>> {
        let mut ended = vec![0_usize; records.keys.len()];
        for (number, step) in records.txns() {
            let hides = step.is_txn && step.outcome == EventType::Info;
            let at = if hides { usize::MAX } else { step.op.complete_index().unwrap_or(0) };
            for send in records.sends(number) {
                let ended = &mut ended[send.key as usize];
                *ended = at.max(step.op.invoke_index()).max(*ended);
            }
        }
        let mut out = vec![None; records.keys.len()];
        for (number, step) in records.txns().filter(|(_, step)| step.outcome == EventType::Ok) {
            for &key in records.ends(number) {
                if ended[key as usize] < step.op.invoke_index() {
                    out[key as usize] = Some(step.op);
                }
            }
        }
        out
    }

    /// Complains of polls that saw what they must not.
    pub(super) fn reads(&self, records: &Records<'_>, found: &mut Found<'_>) {
        for (number, step) in records.txns() {
            for polled in records.polls(number) {
                let message = &self.messages[polled.message as usize];
                let text = || found_text(records, polled.message);
                if message.writer == NONE {
                    found.add("phantom", polled.key, vec![step.op], || {
                        format!("{} was polled, and nobody sent it", text())
                    });
                    continue;
                }
                let writer: &Step = &records.steps[message.writer as usize];
                let ops = || vec![writer.op, step.op];
                if message.sends > 1 {
                    continue;
                }
                if message.writer as usize == number {
                    found.add("precommitted-read", polled.key, vec![step.op], || {
                        format!("{} was polled by the transaction that sends it", text())
                    });
                } else if writer.outcome == EventType::Fail && step.outcome == EventType::Ok {
                    found.add("G1a", polled.key, ops(), || {
                        format!("{} was polled, although it was certainly not sent", text())
                    });
                } else if step.ended() < writer.op.invoke_index() {
                    found.add("phantom", polled.key, ops(), || {
                        format!("{} was polled, and only then sent", text())
                    });
                }
            }
        }
    }
}

/// A message for a reader.
pub(super) fn found_text(records: &Records<'_>, message: u32) -> String {
    super::super::subject::show(records.messages.name(message as usize).1)
}
