//! A small deterministic cluster: virtual time, a network that loses, repeats and reorders, disks
//! that lose what was not durable. Everything is drawn from one seed.
//!
//! ```text
//!   events by time:  deliver | timer | disk done
//!         |
//!         v
//!   node: Raft --effects--> queue --in order--> network, replies, timers
//!                             |  stops at a Persist
//!                             v
//!                            disk, some time later: the queue goes on
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use targets::kv::KvResponse;
use targets::links::NodeId;
use targets::protocol::{Context, Effect, Input, Note, Protocol, RequestId};
use targets::raft::{Raft, RaftConfig, RaftMessage, RaftRecord, RaftRequest, RaftTimer};
use targets::seed::{Seed, Stream};

pub(crate) const MS: u64 = 1_000_000;

/// What the network and the disks do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) delay_us: (u64, u64),
    pub(crate) loss_ppm: u32,
    pub(crate) duplicate_ppm: u32,
    pub(crate) disk_us: (u64, u64),
}

impl World {
    pub(crate) const CALM: Self =
        Self { delay_us: (1000, 1000), loss_ppm: 0, duplicate_ppm: 0, disk_us: (500, 500) };
    /// Processes on one machine, and a disk that syncs.
    pub(crate) const LAN: Self =
        Self { delay_us: (100, 400), loss_ppm: 0, duplicate_ppm: 0, disk_us: (500, 3000) };
    /// Everything is possible, also that a message arrives a second late.
    pub(crate) const ROUGH: Self = Self {
        delay_us: (200, 3000),
        loss_ppm: 20_000,
        duplicate_ppm: 20_000,
        disk_us: (100, 4000),
    };
    /// Messages overtake one another all the time.
    pub(crate) const MIXED_UP: Self = Self {
        delay_us: (200, 40_000),
        loss_ppm: 20_000,
        duplicate_ppm: 50_000,
        disk_us: (100, 4000),
    };
    /// Continents apart.
    pub(crate) const FAR: Self =
        Self { delay_us: (60_000, 120_000), loss_ppm: 0, duplicate_ppm: 0, disk_us: (500, 3000) };
}

enum Event {
    Deliver { from: NodeId, to: NodeId, message: RaftMessage },
    Timer { node: NodeId, timer: RaftTimer, version: u64 },
    DiskDone { node: NodeId, life: u64 },
}

enum Write {
    Append(Vec<RaftRecord>),
    Replace(Vec<RaftRecord>),
}

#[derive(Default)]
struct Host {
    raft: Option<Raft>,
    disk: Vec<RaftRecord>,
    /// Records that are not durable; a later durable write takes them along.
    volatile: Vec<RaftRecord>,
    queue: VecDeque<Effect<Raft>>,
    writing: Option<Write>,
    timers: BTreeMap<RaftTimer, u64>,
    life: u64,
    clock: Clock,
}

/// A node's own clock: what it showed at some moment, and how it goes since.
#[derive(Clone, Copy, Default)]
struct Clock {
    since_ns: u64,
    shown_ns: u64,
    rate_ppm: i32,
}

impl Clock {
    fn at(&self, now_ns: u64) -> u64 {
        self.shown_ns + self.scaled(now_ns - self.since_ns)
    }

    fn scaled(&self, ns: u64) -> u64 {
        (u128::from(ns) * u128::from(self.pace()) / 1_000_000) as u64
    }

    /// How long something takes in the world that takes so long on this clock.
    fn in_world(&self, ns: u64) -> u64 {
        (u128::from(ns) * 1_000_000).div_ceil(u128::from(self.pace())) as u64
    }

    fn pace(&self) -> u64 {
        (1_000_000 + i64::from(self.rate_ppm)) as u64
    }
}

pub(crate) struct Cluster {
    pub(crate) now_ns: u64,
    pub(crate) world: World,
    /// Directed links on which nothing passes.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    pub(crate) replies: Vec<(RequestId, KvResponse)>,
    pub(crate) notes: Vec<(NodeId, Note)>,
    config: RaftConfig,
    hosts: Vec<Host>,
    events: BTreeMap<(u64, u64), Event>,
    counter: u64,
    stream: Stream,
}

impl Cluster {
    /// So many hosts, all started.
    pub(crate) fn new(hosts: u8, config: RaftConfig, world: World, seed: u64) -> Self {
        let mut cluster = Self {
            now_ns: MS,
            world,
            cut: BTreeSet::new(),
            replies: Vec::new(),
            notes: Vec::new(),
            config,
            hosts: (0..hosts).map(|_| Host::default()).collect(),
            events: BTreeMap::new(),
            counter: 0,
            stream: Seed(seed).stream("cluster"),
        };
        cluster.nodes().for_each(|node| cluster.start(node));
        cluster
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.hosts.len() as u8).map(NodeId)
    }

    pub(crate) fn raft(&self, node: NodeId) -> Option<&Raft> {
        self.hosts[usize::from(node.0)].raft.as_ref()
    }

    /// The leader of the latest term.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let leads = |node: &NodeId| self.raft(*node).is_some_and(Raft::is_leader);
        self.nodes().filter(leads).max_by_key(|node| self.raft(*node).map(Raft::term))
    }

    pub(crate) fn start(&mut self, node: NodeId) {
        let config = self.config.clone();
        let host = self.host(node);
        if host.raft.is_none() {
            host.raft = Some(Raft::recover(node, config, host.disk.clone()));
            self.step(node, Input::Start);
        }
    }

    /// Kills a node. A write that was under way is on disk or not.
    pub(crate) fn kill(&mut self, node: NodeId) {
        let finished = self.stream.chance_ppm(500_000);
        let host = self.host(node);
        if let Some(write) = host.writing.take().filter(|_| finished) {
            host.finish(write);
        }
        host.raft = None;
        host.life += 1;
        host.volatile.clear();
        host.queue.clear();
        host.timers.clear();
    }

    /// Cuts every link between nodes of different groups.
    pub(crate) fn partition(&mut self, groups: &[Vec<NodeId>]) {
        let group = |node: NodeId| groups.iter().position(|members| members.contains(&node));
        let pairs = self.nodes().flat_map(|a| self.nodes().map(move |b| (a, b)));
        self.cut = pairs.filter(|(a, b)| group(*a) != group(*b)).collect();
    }

    /// Sends a request; a node that is down gives no id.
    pub(crate) fn request(&mut self, node: NodeId, request: RaftRequest) -> Option<RequestId> {
        self.raft(node)?;
        let id = RequestId(self.count());
        self.step(node, Input::Request { id, request });
        Some(id)
    }

    /// Moves a node's clock forward; its timers stay where they are.
    pub(crate) fn jump_clock(&mut self, node: NodeId, by_ns: u64) {
        self.host(node).clock.shown_ns += by_ns;
    }

    /// Lets a node's clock run faster from now on, in millionths, or slower. Timers that are set
    /// stay where they are.
    pub(crate) fn set_rate(&mut self, node: NodeId, rate_ppm: i32) {
        let now_ns = self.now_ns;
        let clock = &mut self.host(node).clock;
        *clock = Clock { since_ns: now_ns, shown_ns: clock.at(now_ns), rate_ppm };
    }

    /// Lets a timer go off now.
    pub(crate) fn fire(&mut self, node: NodeId, timer: RaftTimer) {
        if self.raft(node).is_some() {
            self.step(node, Input::Timer(timer));
        }
    }

    pub(crate) fn run_for(&mut self, ns: u64) {
        let end = self.now_ns + ns;
        while let Some(first) = self.events.first_entry() {
            if first.key().0 > end {
                break;
            }
            let ((at, _), event) = first.remove_entry();
            self.now_ns = at;
            self.handle(event);
        }
        self.now_ns = end;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message } => {
                if !self.cut.contains(&(from, to)) && self.raft(to).is_some() {
                    self.step(to, Input::Message { from, message });
                }
            }
            Event::Timer { node, timer, version } => {
                let host = self.host(node);
                if host.timers.get(&timer) == Some(&version) {
                    host.timers.remove(&timer);
                    self.step(node, Input::Timer(timer));
                }
            }
            Event::DiskDone { node, life } => {
                let host = self.host(node);
                if host.life == life
                    && let Some(write) = host.writing.take()
                {
                    host.finish(write);
                    self.pump(node);
                }
            }
        }
    }

    fn step(&mut self, node: NodeId, input: Input<Raft>) {
        let entropy = self.stream.draw();
        let now_ns = self.now_ns;
        let host = self.host(node);
        let context = Context { now_ns: host.clock.at(now_ns), entropy };
        let mut effects = Vec::new();
        if let Some(raft) = &mut host.raft {
            raft.step(context, input, &mut effects);
        }
        host.queue.extend(effects);
        self.pump(node);
    }

    /// Lets effects happen in order, up to a write that is under way.
    fn pump(&mut self, node: NodeId) {
        while self.host(node).writing.is_none() {
            let Some(effect) = self.host(node).queue.pop_front() else { return };
            match effect {
                Effect::Send { to, message } => self.send(node, to, &message),
                Effect::Reply { id, response } => self.replies.push((id, response)),
                Effect::Note(note) => self.notes.push((node, note)),
                Effect::Persist { records, durable: false } => {
                    self.host(node).volatile.extend(records);
                }
                Effect::Persist { records, durable: true } => {
                    self.write(node, Write::Append(records));
                }
                Effect::Checkpoint(records) => self.write(node, Write::Replace(records)),
                Effect::SetTimer { timer, after_ns } => {
                    let version = self.count();
                    let host = self.host(node);
                    host.timers.insert(timer, version);
                    let after_ns = host.clock.in_world(after_ns);
                    self.at(after_ns, Event::Timer { node, timer, version });
                }
                Effect::CancelTimer(timer) => {
                    self.host(node).timers.remove(&timer);
                }
            }
        }
    }

    fn write(&mut self, node: NodeId, write: Write) {
        let (low, high) = self.world.disk_us;
        let after_ns = self.stream.between(low, high) * 1000;
        let host = self.host(node);
        host.writing = Some(write);
        let life = host.life;
        self.at(after_ns, Event::DiskDone { node, life });
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: &RaftMessage) {
        let copies = 1 + usize::from(self.stream.chance_ppm(self.world.duplicate_ppm));
        for _ in 0..copies {
            if self.stream.chance_ppm(self.world.loss_ppm) || self.cut.contains(&(from, to)) {
                continue;
            }
            let (low, high) = self.world.delay_us;
            // Very late messages are as rare as repeated ones.
            let late = self.stream.chance_ppm(self.world.duplicate_ppm);
            let delay_us = self.stream.between(low, if late { 1_000_000 } else { high });
            self.at(delay_us * 1000, Event::Deliver { from, to, message: message.clone() });
        }
    }

    fn at(&mut self, after_ns: u64, event: Event) {
        let key = (self.now_ns + after_ns, self.count());
        self.events.insert(key, event);
    }

    fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn host(&mut self, node: NodeId) -> &mut Host {
        &mut self.hosts[usize::from(node.0)]
    }
}

impl Host {
    fn finish(&mut self, write: Write) {
        match write {
            Write::Append(records) => {
                self.disk.append(&mut self.volatile);
                self.disk.extend(records);
            }
            Write::Replace(records) => {
                self.volatile.clear();
                self.disk = records;
            }
        }
    }
}
