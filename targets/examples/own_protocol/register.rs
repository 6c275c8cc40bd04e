//! A protocol of one's own: a register per key that any node serves and no leader guards.
//!
//! Attiya, Bar-Noy and Dolev, "Sharing Memory Robustly in Message-Passing Systems" (JACM 1995),
//! with the version numbers of Lynch and Shvartsman (FTCS 1997) for several writers:
//!
//! ```text
//!   client -> node --ask----> everybody       what is your newest version?
//!                  <--tell--- a majority
//!                  --store--> everybody       a write: one newer than all; a read: the newest
//!                  <--stored- a majority      ... that have it on disk
//!   client <- node
//! ```

use std::collections::{BTreeMap, BTreeSet};

use checkers::history::{Op, Outcome};
use serde::{Deserialize, Serialize};
use targets::kv::{self, KvRequest, KvResponse};
use targets::links::NodeId;
use targets::protocol::{Context, Effect, Input, Protocol, RequestId};
use targets::service::{Answer, Service};

/// A request that has come no further after so long is given up.
const PATIENCE_NS: u64 = 2_000_000_000;

/// A mistake that somebody could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A write is acknowledged when one node has it.
    AcknowledgesBeforeReplication,
    /// A read answers what it saw, without making sure that the next one sees it too.
    ReadsWithoutWritingBack,
}

/// How every node is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// How many there are.
    pub(crate) nodes: u8,
    /// The planted bug.
    pub(crate) bug: Option<Bug>,
}

/// What a key holds. The greater is the newer; no two operations make the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version {
    count: u64,
    writer: u64,
    value: Option<i64>,
}

/// What nodes say to one another. `op` is one random number for each request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// What is your newest version of this key?
    Ask { op: u64, key: i64 },
    /// This.
    Tell { op: u64, version: Version },
    /// Keep this if it is newer than what you have.
    Store { op: u64, key: i64, version: Version },
    /// It, or something newer, is on my disk.
    Stored { op: u64 },
}

/// A request that waits for a majority.
#[derive(Debug)]
struct Open {
    id: RequestId,
    key: i64,
    write: Option<i64>,
    stores: bool,
    heard: BTreeSet<NodeId>,
    newest: Version,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Register {
    me: NodeId,
    config: Config,
    versions: BTreeMap<i64, Version>,
    open: BTreeMap<u64, Open>,
}

/// What it takes to run: in the simulated world, and on real machines.
impl Protocol for Register {
    type Message = Message;
    type Record = (i64, Version);
    type Request = KvRequest;
    type Response = KvResponse;
    type Timer = u64;
    type Config = Config;

    fn recover(me: NodeId, config: Config, records: Vec<Self::Record>) -> Self {
        // Records are oldest first, and only newer versions were written.
        Self { me, config, versions: records.into_iter().collect(), open: BTreeMap::new() }
    }

    fn step(&mut self, context: Context, input: Input<Self>, effects: &mut Vec<Effect<Self>>) {
        match input {
            Input::Start => {}
            Input::Request { id, request } => {
                let (key, write) = match request {
                    KvRequest::Read { key } => (key, None),
                    KvRequest::Write { key, value } => (key, Some(value)),
                    KvRequest::Cas { .. } => {
                        effects.push(Effect::Reply { id, response: KvResponse::Refused });
                        return;
                    }
                };
                let (op, newest) = (context.entropy, self.version(key));
                let heard = BTreeSet::from([self.me]);
                self.open.insert(op, Open { id, key, write, stores: false, heard, newest });
                effects.push(Effect::SetTimer { timer: op, after_ns: PATIENCE_NS });
                self.send_all(&Message::Ask { op, key }, effects);
                self.go_on(op, effects);
            }
            Input::Message { from: to, message: Message::Ask { op, key } } => {
                let message = Message::Tell { op, version: self.version(key) };
                effects.push(Effect::Send { to, message });
            }
            Input::Message { from, message: Message::Tell { op, version } } => {
                if let Some(open) = self.open.get_mut(&op).filter(|open| !open.stores) {
                    open.heard.insert(from);
                    open.newest = open.newest.max(version);
                    self.go_on(op, effects);
                }
            }
            Input::Message { from: to, message: Message::Store { op, key, version } } => {
                self.store(key, version, effects);
                // Behind the record in the list of effects: sent when it is durable.
                effects.push(Effect::Send { to, message: Message::Stored { op } });
            }
            Input::Message { from, message: Message::Stored { op } } => {
                if let Some(open) = self.open.get_mut(&op).filter(|open| open.stores) {
                    open.heard.insert(from);
                    self.go_on(op, effects);
                }
            }
            Input::Timer(op) => self.reply(op, effects, |_| KvResponse::Unknown),
        }
    }
}

impl Register {
    fn version(&self, key: i64) -> Version {
        self.versions.get(&key).copied().unwrap_or_default()
    }

    /// Takes a request as far as those who were heard allow.
    fn go_on(&mut self, op: u64, effects: &mut Vec<Effect<Self>>) {
        let Some(open) = self.open.get_mut(&op) else { return };
        let majority = usize::from(self.config.nodes) / 2 + 1;
        let needed = match self.config.bug {
            Some(Bug::AcknowledgesBeforeReplication) if open.stores => 1,
            _ => majority,
        };
        let skips = self.config.bug == Some(Bug::ReadsWithoutWritingBack) && open.write.is_none();
        if open.heard.len() < needed {
            return;
        }
        if open.stores || skips {
            let response = |open: &Open| match open.write {
                Some(_) => KvResponse::Done,
                None => KvResponse::Value(open.newest.value),
            };
            return self.reply(op, effects, response);
        }
        if open.write.is_some() {
            open.newest = Version { count: open.newest.count + 1, writer: op, value: open.write };
        }
        (open.stores, open.heard) = (true, BTreeSet::from([self.me]));
        let (key, version) = (open.key, open.newest);
        self.send_all(&Message::Store { op, key, version }, effects);
        self.store(key, version, effects);
        self.go_on(op, effects);
    }

    fn store(&mut self, key: i64, version: Version, effects: &mut Vec<Effect<Self>>) {
        if version > self.version(key) {
            self.versions.insert(key, version);
            effects.push(Effect::Persist { records: vec![(key, version)], durable: true });
        }
    }

    fn reply(
        &mut self,
        op: u64,
        effects: &mut Vec<Effect<Self>>,
        response: impl FnOnce(&Open) -> KvResponse,
    ) {
        if let Some(open) = self.open.remove(&op) {
            effects.push(Effect::Reply { id: open.id, response: response(&open) });
            effects.push(Effect::CancelTimer(op));
        }
    }

    fn send_all(&self, message: &Message, effects: &mut Vec<Effect<Self>>) {
        for to in (0..self.config.nodes).map(NodeId).filter(|to| *to != self.me) {
            effects.push(Effect::Send { to, message: message.clone() });
        }
    }
}

/// What it takes to be tested: operations in, outcomes out. The interface `kv` says both.
impl Service for Register {
    fn request(op: &Op) -> Option<KvRequest> {
        kv::request(op)
    }

    fn answer(op: &Op, response: KvResponse) -> Answer {
        let outcome = match kv::request(op) {
            Some(request) => kv::outcome(request, response, &op.value),
            None => Outcome::Info("answered what nobody asked".into()),
        };
        Answer::Settled(outcome)
    }

    fn lost(op: &Op, why: &'static str) -> Outcome {
        kv::request(op).map_or(Outcome::Info(why.into()), |request| kv::open(request, why))
    }
}
