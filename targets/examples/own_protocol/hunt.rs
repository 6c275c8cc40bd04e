//! A run of the protocol in the simulated world: clients, a small nemesis, and the history of what
//! they saw.
//!
//! ```text
//!   advance(until) -> Completed: record it, think a while
//!                  -> Time:      an idle client asks, or the nemesis strikes
//! ```

use crate::register::{Bug, Config, Register};
use checkers::budget::Budget;
use checkers::history::{Datum, Event, EventType, History, Op, Outcome, Process};
use checkers::linearizable::{self, Object, Semantics};
use checkers::verdict::Verdict;
use std::time::Duration;
use targets::environment::{Environment, EnvironmentError};
use targets::links::{Endpoint, Link, LinkMatrix, NodeId};
use targets::seed::{Seed, Stream};
use targets::sim::{Advanced, Calm, World, WorldSpec};

const NODES: u8 = 3;
const CLIENTS: u32 = 4;
const MS: u64 = 1_000_000;
/// How long a run lasts, in virtual time.
const RUN_NS: u64 = 10_000 * MS;

/// One run. The same seed and bug give the same history, on every machine.
pub(crate) fn play(seed: Seed, bug: Option<Bug>) -> Result<History, EnvironmentError> {
    let mut world = World::<Register>::new(WorldSpec {
        nodes: NODES,
        clients: CLIENTS,
        config: Config { nodes: NODES, bug },
        seed,
        calm: Calm::default(),
        op_timeout: Duration::from_millis(500),
    });
    for node in 0..NODES {
        world.start(NodeId(node))?;
    }
    let mut clients = Clients::new(seed.stream("clients"));
    let mut nemesis = Nemesis { draws: seed.stream("nemesis"), at_ns: 300 * MS, killed: None };
    while world.now_ns() < RUN_NS {
        match world.advance(nemesis.at_ns.min(clients.next_ns()).min(RUN_NS)) {
            Advanced::Completed(done) => clients.complete(&world, done.client, &done.outcome),
            Advanced::News => drop(world.news()),
            Advanced::Time => {
                clients.invoke(&mut world);
                nemesis.strike(&mut world)?;
            }
        }
    }
    Ok(clients.history)
}

/// Whether the history breaks what the protocol promises.
pub(crate) fn judge(history: &History) -> Verdict {
    let claim = "the register claims to be linearizable";
    linearizable::check(claim, history, Object::CasRegister, &Semantics::STRICT, &Budget::default())
        .verdict
}

/// What goes wrong.
struct Nemesis {
    draws: Stream,
    /// When it strikes next.
    at_ns: u64,
    killed: Option<NodeId>,
}

impl Nemesis {
    /// When it is time, ends what was wrong, and lets something else go wrong with some node: it is
    /// killed, or cut off from the others (not from the clients), or nothing happens to it.
    fn strike(&mut self, world: &mut World<Register>) -> Result<(), EnvironmentError> {
        if world.now_ns() < self.at_ns {
            return Ok(());
        }
        self.at_ns += self.draws.between(50, 500) * MS;
        if let Some(node) = self.killed.take() {
            world.start(node)?;
        }
        let mut links = LinkMatrix::clear(NODES);
        let victim = NodeId(self.draws.below(NODES.into()) as u8);
        match self.draws.below(3) {
            0 => {
                world.kill(victim)?;
                self.killed = Some(victim);
            }
            1 => {
                for other in (0..NODES).map(NodeId).filter(|other| *other != victim) {
                    let (a, b) = (Endpoint::Node(victim), Endpoint::Node(other));
                    *links.link_mut(a, b) = Link::CUT;
                    *links.link_mut(b, a) = Link::CUT;
                }
            }
            _ => {}
        }
        world.set_links(&links)
    }
}

/// Clients that read and write, one operation each at a time, and what they saw.
struct Clients {
    draws: Stream,
    all: Vec<Client>,
    /// Every value is written once, so that a stale read shows.
    next_value: i64,
    history: History,
}

struct Client {
    process: u32,
    /// When it asks next, while it is idle.
    asks_at_ns: Option<u64>,
    /// What it asked last, and whom.
    asked: (Op, NodeId),
}

impl Clients {
    fn new(draws: Stream) -> Self {
        let nothing = || (Op { f: "read", key: None, value: Datum::Nil }, NodeId(0));
        let client = |process| Client { process, asks_at_ns: Some(100 * MS), asked: nothing() };
        let all = (0..CLIENTS).map(client).collect();
        Self { draws, all, next_value: 1, history: History::new() }
    }

    fn next_ns(&self) -> u64 {
        self.all.iter().filter_map(|client| client.asks_at_ns).min().unwrap_or(u64::MAX)
    }

    /// Lets those ask who have thought long enough.
    fn invoke(&mut self, world: &mut World<Register>) {
        let now_ns = world.now_ns();
        for number in 0..CLIENTS {
            let client = &mut self.all[number as usize];
            if client.asks_at_ns.is_none_or(|at_ns| at_ns > now_ns) {
                continue;
            }
            let key = Some(self.draws.below(2) as i64);
            let op = if self.draws.below(2) == 0 {
                self.next_value += 1;
                Op { f: "write", key, value: Datum::Int(self.next_value) }
            } else {
                Op { f: "read", key, value: Datum::Nil }
            };
            let node = NodeId(self.draws.below(NODES.into()) as u8);
            world.invoke(number, node, &op);
            (client.asks_at_ns, client.asked) = (None, (op.clone(), node));
            self.record(now_ns, number, EventType::Invoke, &op.value, None);
        }
    }

    fn complete(&mut self, world: &World<Register>, number: u32, outcome: &Outcome) {
        let now_ns = world.now_ns();
        match outcome {
            Outcome::Ok(value) => self.record(now_ns, number, EventType::Ok, value, None),
            Outcome::Fail(why) => {
                self.record(now_ns, number, EventType::Fail, &Datum::Nil, Some(why));
            }
            Outcome::Info(why) => {
                self.record(now_ns, number, EventType::Info, &Datum::Nil, Some(why));
                // Nobody knows whether it will still happen: this process never acts again.
                self.all[number as usize].process += CLIENTS;
            }
        }
        let thinks_ns = self.draws.between(1, 20) * MS;
        self.all[number as usize].asks_at_ns = Some(now_ns + thinks_ns);
    }

    fn record(
        &mut self,
        time_ns: u64,
        number: u32,
        kind: EventType,
        value: &Datum,
        why: Option<&str>,
    ) {
        let Client { process, asked: (op, node), .. } = &self.all[number as usize];
        let value = self.history.compact(value);
        let symbols = &mut self.history.symbols;
        let event = Event {
            time_ns,
            value,
            process: Process::client(*process),
            f: symbols.intern(op.f),
            key: op.key.map(|key| symbols.intern_int(key)),
            node: Some(symbols.intern(&node.to_string())),
            error: why.map(|why| symbols.intern(why)),
            kind,
        };
        self.history.push(event);
    }
}
