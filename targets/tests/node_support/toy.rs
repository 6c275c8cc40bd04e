//! A toy protocol to drive for real: a register per key on a primary, copied to all backups.
//!
//! A write is answered when the primary's disk and every backup's has it. Messages are sent again
//! until they are acknowledged. The mistakes that it can make are the failing twins of the tests.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use targets::kv::{KvRequest, KvResponse};
use targets::links::NodeId;
use targets::protocol::{Context, Effect, Input, Note, Protocol, RequestId};

const PRIMARY: NodeId = NodeId(0);
const RESEND_AFTER_NS: u64 = 20_000_000;

/// What the primary does with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Persists, then answers.
    Correct,
    /// Answers, then persists.
    AnswersFirst,
    /// Answers without waiting for the disk.
    Unsynced,
    /// Writes a checkpoint for every write.
    Checkpoints,
}

#[derive(Clone, Copy, Debug)]
pub struct ToyConfig {
    pub nodes: u8,
    pub mode: Mode,
}

/// A write: its number, key and value.
type Write = (u64, i64, i64);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    Copy(Write),
    Copied(u64),
}

#[derive(Debug)]
struct Open {
    id: RequestId,
    write: Write,
    missing: BTreeSet<NodeId>,
}

#[derive(Debug)]
pub struct Toy {
    me: NodeId,
    config: ToyConfig,
    values: BTreeMap<i64, (u64, i64)>,
    next: u64,
    open: BTreeMap<u64, Open>,
}

impl Protocol for Toy {
    type Message = Message;
    type Record = Write;
    type Request = KvRequest;
    type Response = KvResponse;
    type Timer = ();
    type Config = ToyConfig;

    fn recover(me: NodeId, config: ToyConfig, records: Vec<Write>) -> Self {
        let (values, open) = (BTreeMap::new(), BTreeMap::new());
        let mut toy = Self { me, config, values, next: 0, open };
        records.into_iter().for_each(|write| toy.apply(write));
        toy
    }

    fn step(&mut self, context: Context, input: Input<Self>, effects: &mut Vec<Effect<Self>>) {
        match input {
            Input::Start => {
                let place = format!("drew {}", context.entropy).into();
                effects.push(Effect::Note(Note::Sometimes { place }));
            }
            Input::Request { id, request } => self.request(id, request, effects),
            Input::Message { from, message: Message::Copy(write) } => {
                self.apply(write);
                effects.push(Effect::Persist { records: vec![write], durable: true });
                effects.push(Effect::Send { to: from, message: Message::Copied(write.0) });
            }
            Input::Message { from, message: Message::Copied(number) } => {
                if let Some(open) = self.open.get_mut(&number) {
                    open.missing.remove(&from);
                    self.finish(number, effects);
                }
            }
            Input::Timer(()) => {
                self.open.values().for_each(|open| copy(open, effects));
                self.watch(effects);
            }
        }
    }
}

impl Toy {
    fn request(&mut self, id: RequestId, request: KvRequest, effects: &mut Vec<Effect<Self>>) {
        let reply = |response| Effect::Reply { id, response };
        match request {
            KvRequest::Read { key } => {
                let value = self.values.get(&key).map(|(_, value)| *value);
                effects.push(reply(KvResponse::Value(value)));
            }
            _ if self.me != PRIMARY => {
                effects.push(reply(KvResponse::NotLeader { hint: Some(PRIMARY) }));
            }
            KvRequest::Write { key, value } => self.write(id, (self.next, key, value), effects),
            KvRequest::Cas { .. } => effects.push(reply(KvResponse::Refused)),
        }
    }

    fn write(&mut self, id: RequestId, write: Write, effects: &mut Vec<Effect<Self>>) {
        self.apply(write);
        let missing = (0..self.config.nodes).map(NodeId).filter(|node| *node != PRIMARY).collect();
        let open = Open { id, write, missing };
        copy(&open, effects);
        let persist = match self.config.mode {
            Mode::Checkpoints => {
                let all = self.values.iter().map(|(key, (number, value))| (*number, *key, *value));
                Effect::Checkpoint(all.collect())
            }
            mode => Effect::Persist { records: vec![write], durable: mode != Mode::Unsynced },
        };
        let persisted_at = effects.len();
        effects.push(persist);
        self.open.insert(write.0, open);
        self.finish(write.0, effects);
        if self.config.mode == Mode::AnswersFirst {
            let persist = effects.remove(persisted_at);
            effects.push(persist);
        }
        self.watch(effects);
    }

    /// Answers a write that everybody has.
    fn finish(&mut self, number: u64, effects: &mut Vec<Effect<Self>>) {
        if self.open.get(&number).is_some_and(|open| open.missing.is_empty())
            && let Some(open) = self.open.remove(&number)
        {
            effects.push(Effect::Reply { id: open.id, response: KvResponse::Done });
        }
    }

    fn watch(&self, effects: &mut Vec<Effect<Self>>) {
        effects.push(if self.open.is_empty() {
            Effect::CancelTimer(())
        } else {
            Effect::SetTimer { timer: (), after_ns: RESEND_AFTER_NS }
        });
    }

    fn apply(&mut self, (number, key, value): Write) {
        self.next = self.next.max(number + 1);
        let entry = self.values.entry(key).or_insert((number, value));
        if entry.0 <= number {
            *entry = (number, value);
        }
    }
}

fn copy(open: &Open, effects: &mut Vec<Effect<Toy>>) {
    let send = |to: &NodeId| Effect::Send { to: *to, message: Message::Copy(open.write) };
    effects.extend(open.missing.iter().map(send));
}
