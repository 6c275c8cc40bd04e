//! Raft on trial in the simulated world: clients, every kind of fault, and the checker.

use checkers::budget::Budget;
use checkers::history::{Datum, Event, EventType, History, Op, Outcome, Process};
use checkers::linearizable::{Object, Semantics, check};
use checkers::verdict::Verdict;
use std::collections::BTreeSet;
use std::time::Duration;
use targets::environment::{Clock, Disk, Environment, MemberChange, Strobe};
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};
use targets::raft::{Bug, Raft, RaftConfig};
use targets::seed::{Seed, Stream};
use targets::sim::{Advanced, Calm, World, WorldSpec};

const MS: u64 = 1_000_000;
const NODES: u8 = 5;
const CLIENTS: u32 = 12;
const KEYS: u64 = 4;

/// A run: the world, what clients do in it, what goes wrong, and what clients saw.
pub(crate) struct Trial {
    pub(crate) world: World<Raft>,
    stream: Stream,
    history: History,
    /// The operation of every client that waits for an answer, and its process.
    open: Vec<Option<(Op, Process)>>,
    processes: u32,
    next_value: i64,
    oks: usize,
    faults: &'static [&'static str],
}

const EVERYTHING: &[&str] = &[
    "halves",
    "one-way",
    "kill",
    "kill-all",
    "kill-all",
    "pause",
    "clocks",
    "disks",
    "pace",
    "bad links",
    "hold",
    "members",
    "calm",
];

impl Trial {
    pub(crate) fn new(seed: u64, bug: Option<Bug>, faults: &'static [&'static str]) -> Self {
        let mut config = RaftConfig::of((0..NODES).map(NodeId).collect());
        config.bug = bug;
        config.snapshot_every_entries = if bug == Some(Bug::SnapshotForgetsLast) { 5 } else { 60 };
        // Slow disks write many records at once, which a crash can tear.
        let sync_us = if seed.is_multiple_of(3) { (3_000, 15_000) } else { (300, 1500) };
        let mut world = World::new(WorldSpec {
            nodes: NODES,
            clients: CLIENTS,
            config,
            seed: Seed(seed),
            calm: Calm { sync_us, ..Calm::default() },
            op_timeout: Duration::from_millis(400),
        });
        for node in nodes() {
            world.start(node).unwrap();
        }
        Self {
            world,
            stream: Seed(seed).stream("trial"),
            history: History::new(),
            open: vec![None; CLIENTS as usize],
            processes: CLIENTS,
            next_value: 1,
            oks: 0,
            faults,
        }
    }

    /// Faults come and go; then everything is mended, and every key is read.
    pub(crate) fn run(mut self, main_ms: u64) -> (History, usize, World<Raft>) {
        while self.world.now_ns() < main_ms * MS {
            let holds_ms = self.stream.between(300, 900);
            self.inject();
            self.pass(holds_ms);
            let rests_ms = self.stream.between(50, 400);
            self.heal();
            self.pass(rests_ms);
        }
        self.pass(3000);
        for key in 0..KEYS as i64 {
            let op = Op { f: "read", key: Some(key), value: Datum::Nil };
            while self.open[0].is_some() {
                self.pass(500);
            }
            let leader =
                nodes().find(|node| self.world.protocol(*node).is_some_and(Raft::is_leader));
            self.invoke(0, leader.unwrap(), op);
            self.wait(self.world.now_ns() + 500 * MS);
        }
        (self.history, self.oks, self.world)
    }

    fn pass(&mut self, ms: u64) {
        let until_ns = self.world.now_ns() + ms * MS;
        while self.world.now_ns() < until_ns {
            let client = self.stream.below(u64::from(CLIENTS)) as u32;
            if self.open[client as usize].is_none() {
                let node = NodeId(self.stream.below(u64::from(NODES)) as u8);
                let op = self.operation();
                self.invoke(client, node, op);
            }
            let gap_ns = self.stream.between(1, 5 * MS);
            self.wait(until_ns.min(self.world.now_ns() + gap_ns));
        }
    }

    fn operation(&mut self) -> Op {
        let key = Some(self.stream.below(KEYS) as i64);
        let value = self.next_value;
        self.next_value += 1;
        match self.stream.below(5) {
            0 | 1 => Op { f: "read", key, value: Datum::Nil },
            2 | 3 => Op { f: "write", key, value: Datum::Int(value) },
            _ => {
                let from = self.stream.between(1, value as u64) as i64;
                Op { f: "cas", key, value: Datum::Pair(from, value) }
            }
        }
    }

    fn invoke(&mut self, client: u32, node: NodeId, op: Op) {
        let known = self.open[client as usize].take().map(|(_, process)| process);
        assert!(known.is_none(), "client {client} is idle");
        let process = Process::client(self.processes);
        self.processes += 1;
        self.world.invoke(client, node, &op);
        self.record(process, EventType::Invoke, &op, &op.value);
        self.open[client as usize] = Some((op, process));
    }

    fn wait(&mut self, until_ns: u64) {
        loop {
            match self.world.advance(until_ns) {
                Advanced::Time => return,
                Advanced::News => drop(self.world.news()),
                Advanced::Completed(completion) => {
                    let open = self.open[completion.client as usize].take();
                    let (op, process) = open.expect("only who asked is answered");
                    let (event_type, value) = match completion.outcome {
                        Outcome::Ok(value) => (EventType::Ok, value),
                        Outcome::Fail(_) => (EventType::Fail, op.value.clone()),
                        Outcome::Info(_) => (EventType::Info, op.value.clone()),
                    };
                    self.oks += usize::from(event_type == EventType::Ok);
                    self.record(process, event_type, &op, &value);
                }
            }
        }
    }

    fn record(&mut self, process: Process, kind: EventType, op: &Op, value: &Datum) {
        let key = op.key.map(|key| self.history.symbols.intern(&key.to_string()));
        let event = Event {
            time_ns: self.world.now_ns(),
            value: self.history.compact(value),
            process,
            kind,
            f: self.history.symbols.intern(op.f),
            key,
            node: None,
            error: None,
        };
        self.history.push(event);
    }

    fn inject(&mut self) {
        let fault = *self.stream.pick(self.faults).unwrap();
        let mut matrix = LinkMatrix::clear(NODES);
        let victim = NodeId(self.stream.below(u64::from(NODES)) as u8);
        let mut order: Vec<NodeId> = nodes().collect();
        self.stream.shuffle(&mut order);
        let some = self.stream.between(1, 2) as usize;
        match fault {
            "halves" => {
                let pairs =
                    order[..some].iter().flat_map(|a| order[some..].iter().map(move |b| (a, b)));
                for (a, b) in pairs {
                    *matrix.link_mut(Endpoint::Node(*a), Endpoint::Node(*b)) = Link::CUT;
                    *matrix.link_mut(Endpoint::Node(*b), Endpoint::Node(*a)) = Link::CUT;
                }
            }
            "one-way" => {
                for to in nodes() {
                    *matrix.link_mut(Endpoint::Node(victim), Endpoint::Node(to)) = Link::CUT;
                }
            }
            "bad links" => {
                let link = Link {
                    delay_us: 3000,
                    jitter_us: 20_000,
                    loss_ppm: 50_000,
                    duplicate_ppm: 100_000,
                    reorder_ppm: 100_000,
                    corrupt_ppm: 20_000,
                    ..Link::default()
                };
                for (a, b) in matrix
                    .endpoints()
                    .flat_map(|a| matrix.endpoints().map(move |b| (a, b)))
                    .collect::<Vec<_>>()
                {
                    *matrix.link_mut(a, b) = link;
                }
            }
            "hold" => {
                for to in nodes() {
                    matrix.link_mut(Endpoint::Node(victim), Endpoint::Node(to)).hold = true;
                }
            }
            _ => self.inject_into_nodes(fault, &order, victim),
        }
        self.world.set_links(&matrix).unwrap();
    }

    fn inject_into_nodes(&mut self, fault: &str, order: &[NodeId], victim: NodeId) {
        match fault {
            "kill" => drop(self.world.kill(victim)),
            "kill-all" => nodes().for_each(|node| drop(self.world.kill(node))),
            "pause" => drop(self.world.pause(victim)),
            "pace" => self.world.set_pace(victim, 2000).unwrap(),
            "members" => {
                let change = match self.stream.below(2) {
                    0 => MemberChange::Add(victim),
                    _ => MemberChange::Remove(victim),
                };
                self.world.change_members(order[0], change).unwrap();
            }
            "clocks" => {
                for node in &order[..3] {
                    let clock = Clock {
                        offset_ms: self.stream.between(0, 2000) as i64 - 1000,
                        rate_ppm: self.stream.between(0, 1_000_000) as i32 - 500_000,
                        strobe: Some(Strobe { period_ms: 100, ahead_ms: 200 }),
                    };
                    self.world.set_clock(*node, &clock).unwrap();
                }
            }
            "disks" => {
                let [a, b] = [order[0], order[1]];
                let slow = Disk { sync_delay_us: 30_000, ..Disk::default() };
                let bad = Disk { write_error_ppm: 50_000, corrupt_ppm: 10_000, ..Disk::default() };
                self.world.set_disk(a, &slow).unwrap();
                self.world.set_disk(b, &bad).unwrap();
            }
            _ => {}
        }
    }

    fn heal(&mut self) {
        self.world.set_links(&LinkMatrix::clear(NODES)).unwrap();
        for node in nodes() {
            self.world.set_disk(node, &Disk::default()).unwrap();
            self.world.set_clock(node, &Clock::default()).unwrap();
            self.world.set_pace(node, 0).unwrap();
            // Whoever was not paused says so, as does whoever runs.
            let _ = self.world.resume(node);
            let _ = self.world.start(node);
        }
    }
}

fn nodes() -> impl Iterator<Item = NodeId> {
    (0..NODES).map(NodeId)
}

fn judge(history: &History) -> Verdict {
    let budget = Budget { configurations_max: 20_000_000, ..Budget::default() };
    check("linearizable", history, Object::CasRegister, &Semantics::STRICT, &budget).verdict
}

#[test]
fn the_correct_raft_stays_linearizable_whatever_goes_wrong() {
    let mut places = BTreeSet::new();
    for seed in 0..30 {
        let (history, oks, world) = Trial::new(seed, None, EVERYTHING).run(8_000);
        let verdict = judge(&history);
        assert!(matches!(verdict, Verdict::Valid), "seed {seed}: {verdict:?}");
        assert!(oks > 300, "seed {seed}: {oks} operations were acknowledged");
        places.extend(world.places().into_iter().map(|(place, _)| place));
    }
    // Runs that never get to the difficult places show nothing.
    for place in [
        "append-backed-off",
        "election-lost",
        "log-truncated",
        "membership-changed",
        "pre-vote-held-back",
        "snapshot-installed",
        "step-down-check-quorum",
        "world-lost-write",
        "world-torn-write",
        "world-unconfirmed-write-survived",
    ] {
        assert!(places.contains(place), "no run reached {place}: {places:?}");
    }
}

/// Many seeds. `cargo test --release -p targets --test sim -- --ignored soak`
#[test]
#[ignore = "takes minutes"]
fn soak() {
    for seed in 1_000..3_000 {
        let verdict = judge(&Trial::new(seed, None, EVERYTHING).run(20_000).0);
        assert!(matches!(verdict, Verdict::Valid), "seed {seed}: {verdict:?}");
    }
}

#[test]
fn planted_bugs_are_found() {
    for (bug, faults) in [
        (Bug::StaleRead, &["calm"][..]),
        (Bug::NoFsync, &["kill-all"][..]),
        (Bug::EarlyAck, &["halves", "kill"][..]),
        (Bug::SnapshotForgetsLast, &["kill-all"][..]),
    ] {
        let found = (0..20).find(|seed| {
            let (history, _, _) = Trial::new(*seed, Some(bug), faults).run(8_000);
            matches!(judge(&history), Verdict::Invalid { .. })
        });
        assert!(found.is_some(), "{} is not found", bug.name());
    }
}
