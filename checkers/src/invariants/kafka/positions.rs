//! Where consumers and producers stand in the logs: whether they go on without gaps and steps back.
//!
//! ```text
//!   poll [0 a] [1 b]    poll [3 d]        poll-skip: c is missing
//!   poll [0 a] [1 b]    poll [1 b]        nonmonotonic-poll
//!   poll [0 a] [2 c] [1 b]                int-poll-skip, int-nonmonotonic-poll
//! ```
//!
//! A consumer's place is what its process polled last and was acknowledged. A new assignment keeps
//! the places of the keys that stay and forgets the others. While a consumer is subscribed, the
//! system may move keys away from it and back at any time between two polls: then only what one
//! poll returned has to hang together, and the rest is a figure.

use super::super::subject::figure;
use super::Found;
use super::logs::{Logs, found_text};
use super::read::{Kind, Records, Send};
use crate::history::{EventType, Process};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// A message, and where it was met.
#[derive(Clone, Copy, Debug)]
struct Met {
    step: u32,
    message: u32,
    batch: u32,
}

#[derive(Debug, Default)]
struct Consumer {
    subscribed: bool,
    /// The message that was polled last, by key.
    last: BTreeMap<u32, Met>,
}

/// What is no violation, but worth knowing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Remarks {
    moved: u64,
    send_skips: u64,
}

impl Remarks {
    pub(super) fn figures(self) -> [(String, String); 2] {
        [
            figure("gaps and steps back while subscribed", self.moved),
            figure("sends of a transaction apart (int-send-skip)", self.send_skips),
        ]
    }
}

/// Complains of polls and sends out of order.
pub(super) fn check(records: &Records<'_>, logs: &Logs, found: &mut Found<'_>) -> Remarks {
    let mut remarks = Remarks::default();
    let mut positions = Positions { records, logs, found, remarks: &mut remarks };
    positions.polls();
    positions.sends();
    remarks
}

struct Positions<'a, 'h> {
    records: &'a Records<'a>,
    logs: &'a Logs,
    found: &'a mut Found<'h>,
    remarks: &'a mut Remarks,
}

/// How two messages follow each other in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    /// The next one, or nobody knows.
    Next,
    /// So many are between them.
    Skips(u32),
    /// It is the same one, or one before.
    Back,
}

impl Positions<'_, '_> {
    fn follows(&self, one: u32, other: u32) -> Follows {
        let place = |message: u32| self.logs.messages[message as usize].place();
        let (Some(one), Some(other)) = (place(one), place(other)) else { return Follows::Next };
        match other.checked_sub(one) {
            None | Some(0) => Follows::Back,
            Some(1) => Follows::Next,
            Some(places) => Follows::Skips(places - 1),
        }
    }

    fn polls(&mut self) {
        let records = self.records;
        let mut consumers: FxHashMap<Process, Consumer> = FxHashMap::default();
        // Of each key, the message that the step in hand polled last.
        let mut within: Vec<Option<Met>> = vec![None; records.keys.len()];
        for (number, step) in records.steps.iter().enumerate() {
            let consumer = consumers.entry(step.process).or_default();
            if step.kind != Kind::Txn {
                if step.outcome == EventType::Ok {
                    consumer.asks(records.asked(number), step.kind == Kind::Subscribe);
                }
                continue;
            }
            for polled in records.polls(number) {
                let batch = polled.batch;
                let met = Met { step: number as u32, message: polled.message, batch };
                let before = within[polled.key as usize].replace(met);
                match before.filter(|before| before.step == met.step) {
                    Some(before) => {
                        let moved = consumer.subscribed && before.batch != batch;
                        self.polled(["int-poll-skip", "int-nonmonotonic-poll"], before, met, moved);
                    }
                    None => {
                        if let Some(before) = consumer.last.get(&polled.key) {
                            let kinds = ["poll-skip", "nonmonotonic-poll"];
                            self.polled(kinds, *before, met, consumer.subscribed);
                        }
                    }
                }
            }
            if step.outcome == EventType::Ok {
                for polled in records.polls(number) {
                    consumer.last.extend(within[polled.key as usize].map(|met| (polled.key, met)));
                }
            }
        }
    }

    fn polled(&mut self, kinds: [&'static str; 2], before: Met, met: Met, moved: bool) {
        let (kind, why) = match self.follows(before.message, met.message) {
            Follows::Next => return,
            Follows::Skips(skipped) => {
                (kinds[0], format!("passed over {skipped} that stand between them"))
            }
            Follows::Back => (kinds[1], "which does not stand behind it".to_owned()),
        };
        if moved {
            self.remarks.moved += 1;
            return;
        }
        self.complain(kind, "polled", before, met, &why);
    }

    fn complain(&mut self, kind: &'static str, did: &str, before: Met, met: Met, why: &str) {
        let records = self.records;
        let key = self.logs.messages[met.message as usize].key;
        let ops = [before, met].map(|met| records.steps[met.step as usize].op).to_vec();
        self.found.add(kind, key, ops, || {
            let [one, other] = [before, met].map(|met| found_text(records, met.message));
            format!("{did} {one} and then {other}, {why}")
        });
    }

    fn sends(&mut self) {
        let records = self.records;
        let mut last: FxHashMap<(Process, u32), Met> = FxHashMap::default();
        for (number, step) in records.txns().filter(|(_, s)| s.outcome != EventType::Fail) {
            for Send { key, message, .. } in records.sends(number) {
                let met = Met { step: number as u32, message: *message, batch: 0 };
                let Some(before) = last.insert((step.process, *key), met) else { continue };
                let within = before.step == met.step;
                match self.follows(before.message, met.message) {
                    Follows::Back => {
                        let kind = ["nonmonotonic-send", "int-nonmonotonic-send"];
                        let why = "which does not stand behind it";
                        self.complain(kind[usize::from(within)], "sent", before, met, why);
                    }
                    Follows::Skips(_) if within => self.remarks.send_skips += 1,
                    Follows::Skips(_) | Follows::Next => {}
                }
            }
        }
    }
}

impl Consumer {
    fn asks(&mut self, keys: &[u32], subscribes: bool) {
        self.subscribed = subscribes;
        let last = std::mem::take(&mut self.last);
        self.last = keys.iter().filter_map(|key| Some((*key, *last.get(key)?))).collect();
    }
}

/// How many messages each acknowledged poll was behind: those that certainly stood in the log when
/// it began, and that it and all before it of its process have not reached.
pub(super) fn behind(records: &Records<'_>, logs: &Logs) -> Vec<u64> {
    let place = |message: u32| logs.messages[message as usize].place().map(|place| place + 1);
    let mut completed: Vec<(usize, usize)> = records
        .txns()
        .filter(|(_, step)| step.outcome == EventType::Ok)
        .map(|(number, step)| (step.ended(), number))
        .collect();
    completed.sort_unstable();
    let mut completed = completed.into_iter().peekable();
    // The length of each log that must be there.
    let mut length = vec![0_u32; records.keys.len()];
    let mut behind = Vec::new();
    for (number, step) in records.txns().filter(|(_, step)| step.outcome == EventType::Ok) {
        while let Some((_, done)) = completed.next_if(|(at, _)| *at < step.op.invoke_index()) {
            let sent = records.sends(done).iter().map(|send| (send.key, send.message));
            let seen = records.polls(done).iter().map(|polled| (polled.key, polled.message));
            for (key, message) in sent.chain(seen) {
                let length = &mut length[key as usize];
                *length = place(message).unwrap_or(0).max(*length);
            }
        }
        for polled in records.polls(number).chunk_by(|a, b| (a.key, a.batch) == (b.key, b.batch)) {
            let last = polled[polled.len() - 1];
            if let Some(reached) = place(last.message) {
                behind.push(u64::from(length[last.key as usize].saturating_sub(reached)));
            }
        }
    }
    behind
}
