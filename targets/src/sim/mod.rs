//! The environment `sim`: nodes, network, disks, clocks and clients in one thread of virtual time.
//!
//! ```text
//!   invoke(client, node, op)                                  kill, set_links, set_clock, ...
//!          |                                                               |
//!          v                                                               v
//!   +---------------------------------- World<P> ------------------------------------+
//!   |  clients --- links ---> node: inbox -> P.step -> effects -> links, disk, timers |
//!   +---------------------------------------------------------------------------------+
//!          |                                                               |
//!          v advance(until) -> Completed                                   v news()
//! ```
//!
//! The same protocol code runs here and on real machines; what differs is who steps it. Everything
//! that is drawn comes from a named stream of the seed, each link, disk and node from its own, so
//! the same seed gives the same run, byte for byte, on every machine.
//!
//! ```text
//!   queue     what will happen, and when
//!   network   links, and what is under way on them        node     one node's state
//!   callers   clients: requests, answers, silence          turn     what a node does with an input
//!   timers    of a node, on its own clock                  life     start, boot, kill, pause
//!   disk      what survives a crash                        clock    a node's own time
//!   places    what was reached                             tracing  for people who look at a run
//! ```
//!
//! SHORTCUTS. Every transmission counts 200 bytes on a link with a rate, and links carry whole
//! messages: a connection that loses a piece stalls instead of sending it again. A client opens a
//! connection with its request, so that a cut link is a time-out, never "no connection". A message
//! to a node that is down is lost; a real node sends the newest ones when it can connect again. A
//! protocol that panics takes its world along.

mod callers;
mod clock;
mod disk;
mod environment;
mod life;
mod network;
mod node;
mod places;
mod queue;
mod timers;
mod tracing;
mod turn;

use crate::environment::NodeNews;
use crate::links::NodeId;
use crate::protocol::Effect;
use crate::seed::{Seed, Stream};
use crate::service::Service;
use callers::{Caller, Cargo};
use checkers::history::Outcome;
use checkers::history::trace::Trace;
use disk::Disks;
use network::{Arrival, Network};
use node::Node;
use places::Places;
use queue::{Due, Queue, Ticket, What};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use tracing::Tracer;

/// What a world is like while nothing goes wrong. Times are drawn uniformly between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calm {
    /// One way over a link; at least a microsecond, or time could stand still.
    pub link_delay_us: (u32, u32),
    /// To make a write durable.
    pub sync_us: (u32, u32),
    /// From the start of a node until it serves.
    pub boot_ms: (u32, u32),
}

impl Default for Calm {
    /// Machines in one data centre, with disks that sync.
    fn default() -> Self {
        Self { link_delay_us: (100, 400), sync_us: (300, 1500), boot_ms: (5, 20) }
    }
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldSpec<P: Service> {
    /// How many nodes.
    pub nodes: u8,
    /// How many clients.
    pub clients: u32,
    /// How every node is set up.
    pub config: P::Config,
    /// Where everything that is drawn comes from.
    pub seed: Seed,
    /// What it is like while nothing goes wrong.
    pub calm: Calm,
    /// How long a client waits for an answer, redirects included.
    pub op_timeout: Duration,
}

/// An operation is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Who had invoked it.
    pub client: u32,
    /// What came of it.
    pub outcome: Outcome,
}

/// Why [`World::advance`] returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// An operation is back; the time is when.
    Completed(Completion),
    /// Nodes have news, see [`crate::environment::Environment::news`]; the time is when.
    News,
    /// The time that was asked for has come.
    Time,
}

/// A simulated world. See the module's page.
pub struct World<P: Service> {
    spec: WorldSpec<P>,
    now_ns: u64,
    queue: Queue,
    network: Network<Cargo<P>>,
    disks: Disks<P::Record>,
    nodes: Vec<Node<P>>,
    /// How long each node takes to boot.
    boots: Vec<Stream>,
    /// The clients, and behind them changes of members.
    callers: Vec<Caller>,
    last_request: u64,
    completed: VecDeque<Completion>,
    news: Vec<NodeNews>,
    /// There are news that nobody was told of.
    has_news: bool,
    places: Places,
    tracer: Option<Tracer>,
    /// Empty between two steps.
    effects: Vec<Effect<P>>,
}

impl<P: Service> fmt::Debug for World<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let World { spec, now_ns, .. } = self;
        let mut debug = f.debug_struct("World");
        debug.field("nodes", &spec.nodes).field("clients", &spec.clients);
        debug.field("seed", &spec.seed).field("now_ns", now_ns).finish_non_exhaustive()
    }
}

impl<P: Service> World<P> {
    /// A world at time zero in which no node runs yet.
    pub fn new(spec: WorldSpec<P>) -> Self {
        assert!((1..=64).contains(&spec.nodes), "a world has 1 to 64 nodes");
        assert!(spec.clients <= callers::CLIENTS_MAX, "a world has fewer than a million clients");
        let (nodes, calm, seed) = (spec.nodes, spec.calm, spec.seed);
        let ids = || (0..nodes).map(NodeId);
        let stream = |what: &str, node| seed.stream(&format!("{what} {node}"));
        Self {
            now_ns: 0,
            queue: Queue::default(),
            network: Network::new(nodes, calm.link_delay_us, seed),
            disks: Disks::new(nodes, calm.sync_us, seed),
            nodes: ids().map(|id| Node::new(id, stream("node", id))).collect(),
            boots: ids().map(|id| stream("boots", id)).collect(),
            callers: (0..spec.clients).map(|_| Caller::default()).collect(),
            last_request: 0,
            completed: VecDeque::new(),
            news: Vec::new(),
            has_news: false,
            places: Places::default(),
            tracer: None,
            effects: Vec::new(),
            spec,
        }
    }

    /// Nanoseconds of virtual time since the beginning.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Lets time pass until `until_ns`, or until an operation is back or a node has news. What
    /// happens at `until_ns` itself has happened when it returns `Time`. News that are not taken
    /// are announced once.
    pub fn advance(&mut self, until_ns: u64) -> Advanced {
        loop {
            if let Some(completion) = self.completed.pop_front() {
                return Advanced::Completed(completion);
            }
            if std::mem::take(&mut self.has_news) {
                return Advanced::News;
            }
            let Some(due) = self.queue.next(until_ns) else {
                assert!(until_ns < u64::MAX, "nothing is planned: no time would ever come");
                self.now_ns = self.now_ns.max(until_ns);
                return Advanced::Time;
            };
            self.now_ns = due.at_ns;
            self.handle(due);
        }
    }

    fn handle(&mut self, due: Due) {
        match due.what {
            What::Arrival { flight } => self.arrival(flight, due.ticket),
            What::Done { node } => self.done(usize::from(node), due.ticket),
            What::Timers { node } => self.timers(usize::from(node), due.ticket),
            What::Held { node } => self.held(usize::from(node), due.ticket),
            What::Patience { caller } => self.patience(caller),
        }
    }

    fn arrival(&mut self, flight: u32, ticket: Ticket) {
        let (number, from, to, cargo) = match self.network.arrive(flight, ticket) {
            Arrival::Nothing => return,
            Arrival::Lost { id, loss } => {
                self.traces(|tracer, now_ns| {
                    tracer.lost(now_ns, id, format_args!("{}", loss.why()));
                });
                return;
            }
            Arrival::Here { id, from, to, cargo } => (id, from, to, cargo),
        };
        if !matches!(cargo, Cargo::Message(_) | Cargo::Request(..)) {
            self.traces(|tracer, now_ns| tracer.delivered(now_ns, number));
        }
        match cargo {
            Cargo::Message(message) => {
                self.deliver_message(to, number, NodeId(from as u8), message);
            }
            Cargo::Request(id, request) => self.arrive_request(to, number, (id, request)),
            Cargo::Answer(id, response) => self.hear(id, response),
            Cargo::Refused(id) => self.hear_refusal(id),
            Cargo::Broken(id) => self.hear_nothing(id, "connection broken"),
        }
    }

    /// How often each place of the protocols was reached so far, and how often the world did
    /// something that matters (`world-torn-write`, ...), in order of names.
    pub fn places(&self) -> Vec<(String, u64)> {
        self.places.all()
    }

    /// Keeps a trace from now on, of a window in nanoseconds of the world's time.
    pub fn keep_trace(&mut self, window_ns: (u64, u64)) {
        self.tracer = Some(Tracer::new(window_ns, self.spec.nodes));
    }

    /// The trace, if one was asked for.
    pub fn take_trace(&mut self) -> Option<Trace> {
        self.tracer.as_mut().map(Tracer::take)
    }

    /// A node's protocol, if it runs: for tests and traces.
    pub fn protocol(&self, node: NodeId) -> Option<&P> {
        self.nodes.get(usize::from(node.0))?.protocol.as_ref()
    }

    /// Adds to the trace, if there is one and its window is open.
    fn traces(&mut self, add: impl FnOnce(&mut Tracer, u64)) {
        if let Some(tracer) = &mut self.tracer
            && tracer.is_open(self.now_ns)
        {
            add(tracer, self.now_ns);
        }
    }

    fn trace_state(&mut self, at: usize) {
        let Some(tracer) = self.tracer.as_mut().filter(|t| t.is_open(self.now_ns)) else { return };
        let node = &self.nodes[at];
        if let Some(protocol) = &node.protocol {
            tracer.state(self.now_ns, node.id, &protocol.describe());
        }
    }

    fn trace_sent(&mut self, id: u64, (from, to): (usize, usize), cargo: &Cargo<P>) {
        let Some(tracer) = self.tracer.as_mut().filter(|t| t.is_open(self.now_ns)) else { return };
        let (text, request): (&dyn fmt::Debug, _) = match cargo {
            Cargo::Message(message) => (message, None),
            Cargo::Request(id, request) => (request, Some(*id)),
            Cargo::Answer(id, response) => (response, Some(*id)),
            Cargo::Refused(id) => (&format_args!("connection refused"), Some(*id)),
            Cargo::Broken(id) => (&format_args!("connection broken"), Some(*id)),
        };
        let caller = request.map(callers::caller_of);
        let clients = self.spec.clients;
        let name = |at: usize| match caller {
            _ if at < self.nodes.len() => NodeId(at as u8).to_string(),
            Some(client) if client < clients => format!("client {client}"),
            _ => "operator".to_owned(),
        };
        tracer.sent(self.now_ns, id, (name(from), name(to)), text);
    }
}
