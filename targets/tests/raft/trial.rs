//! A randomized trial: clients, faults, invariants, and a history that is judged at the end.

use crate::history::{Call, Op, Outcome, anomaly};
use crate::invariants::Invariants;
use crate::support::{Cluster, MS, World};
use std::collections::{BTreeMap, BTreeSet};
use targets::kv::{KvRequest, KvResponse};
use targets::links::NodeId;
use targets::protocol::{Note, RequestId};
use targets::raft::{Raft, RaftConfig, RaftRequest};
use targets::seed::{Seed, Stream};

const CHASE_MS: (u64, u64) = (5, 150);
const SETTLE_MS: u64 = 3_000;
const SLICE_NS: u64 = MS;
const TIMEOUT_NS: u64 = 400 * MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Halves,
    IsolateLeader,
    /// Isolates every new leader soon after its election, until the next one is.
    ChaseLeader,
    KillOne,
    KillMajority,
    KillAll,
    /// Adds or removes a node; never undone.
    Reconfigure,
    /// Cuts the leader off with less than half of the nodes, and asks it to remove the others.
    RemoveMajority,
    /// Isolates the leader; its clock goes slow by a fifth, and those of the others fast.
    IsolateSlowLeader,
}

/// A fault begins `gap_ms` after the one before it, which ends then if `chase`, else `hold_ms`
/// after it began.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) hosts: u8,
    pub(crate) config: RaftConfig,
    pub(crate) world: World,
    pub(crate) faults: &'static [Fault],
    pub(crate) gap_ms: (u64, u64),
    pub(crate) hold_ms: (u64, u64),
    pub(crate) main_ms: u64,
    pub(crate) clients: usize,
    pub(crate) keys: u64,
    pub(crate) think_ms: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) anomaly: Option<String>,
    pub(crate) broken: Option<String>,
    pub(crate) acknowledged: usize,
    pub(crate) elections: usize,
    /// Reads that were answered after everything was repaired.
    pub(crate) answered_at_last: usize,
    pub(crate) places: BTreeSet<String>,
}

struct Client {
    open: Option<(RequestId, usize)>,
    target: NodeId,
    idle_until_ns: u64,
}

struct Run {
    cluster: Cluster,
    stream: Stream,
    clients: Vec<Client>,
    calls: Vec<Call>,
    values: i64,
    keys: u64,
    think_ms: u64,
    /// The last value seen of each key.
    seen: BTreeMap<i64, i64>,
    replies_read: usize,
    /// Who leads, and when it is to be isolated.
    chased: Option<(NodeId, u64)>,
}

impl Trial {
    pub(crate) fn run(&self, seed: u64) -> Findings {
        let mut run = Run::new(self, seed);
        let mut nemesis = Seed(seed).stream("nemesis");
        let mut invariants = Invariants::default();
        let mut findings = Findings::default();
        let strict = self.config.bug.is_none();
        let (mut next_ns, mut undo_ns) = (600 * MS, u64::MAX);
        while run.cluster.now_ns < self.main_ms * MS {
            if run.cluster.now_ns >= undo_ns {
                run.heal();
                undo_ns = u64::MAX;
            }
            if self.faults == [Fault::ChaseLeader] {
                run.chase(&mut nemesis);
            } else if run.cluster.now_ns >= next_ns {
                run.heal();
                run.inject(self.faults, &mut nemesis);
                next_ns = run.cluster.now_ns + between(&mut nemesis, self.gap_ms);
                undo_ns = run.cluster.now_ns + between(&mut nemesis, self.hold_ms);
            }
            run.slice();
            if strict && findings.broken.is_none() {
                findings.broken = invariants.check(&run.cluster);
            }
        }
        run.heal();
        run.rest();
        while run.cluster.now_ns < (self.main_ms + SETTLE_MS) * MS {
            run.slice();
            if strict && findings.broken.is_none() {
                findings.broken = invariants.check(&run.cluster);
            }
        }
        findings.answered_at_last = run.read_everything();
        run.judge(findings)
    }
}

impl Run {
    fn new(trial: &Trial, seed: u64) -> Self {
        let cluster = Cluster::new(trial.hosts, trial.config.clone(), trial.world, seed);
        let client = |_| Client { open: None, target: NodeId(0), idle_until_ns: 0 };
        Self {
            cluster,
            stream: Seed(seed).stream("clients"),
            clients: (0..trial.clients).map(client).collect(),
            calls: Vec::new(),
            values: 0,
            keys: trial.keys,
            think_ms: trial.think_ms,
            seen: BTreeMap::new(),
            replies_read: 0,
            chased: None,
        }
    }

    fn slice(&mut self) {
        for client in 0..self.clients.len() {
            self.drive(client);
        }
        self.cluster.run_for(SLICE_NS);
        while let Some((id, response)) = self.cluster.replies.get(self.replies_read).copied() {
            self.replies_read += 1;
            let waiting = |client: &&mut Client| client.open.is_some_and(|(open, _)| open == id);
            if let Some(client) = self.clients.iter_mut().find(waiting) {
                let Some((_, call)) = client.open.take() else { continue };
                if let KvResponse::NotLeader { hint } = response {
                    let any = NodeId(
                        self.stream.below(u64::from(self.cluster.nodes().count() as u8)) as u8,
                    );
                    client.target = hint.unwrap_or(any);
                }
                self.complete(call, response);
            }
        }
    }

    fn drive(&mut self, client: usize) {
        let now_ns = self.cluster.now_ns;
        let hosts = self.cluster.nodes().count() as u64;
        let Client { open, idle_until_ns, target } = self.clients[client];
        if let Some((_, call)) = open {
            if now_ns >= self.calls[call].invoked_ns + TIMEOUT_NS {
                self.clients[client].open = None;
                self.clients[client].target = NodeId(self.stream.below(hosts) as u8);
            }
            return;
        }
        if now_ns < idle_until_ns {
            return;
        }
        self.clients[client].idle_until_ns = now_ns + self.stream.below(self.think_ms * MS + 1);
        // Some ask anybody: a deposed leader is found by those who do not know that it is one.
        let stray = self.stream.chance_ppm(300_000);
        let target = if stray { NodeId(self.stream.below(hosts) as u8) } else { target };
        let (key, op) = self.draw_op();
        self.invoke(client, target, key, op);
    }

    fn draw_op(&mut self) -> (i64, Op) {
        let key = self.stream.below(self.keys) as i64;
        self.values += 1;
        let op = match (self.stream.below(10), self.seen.get(&key)) {
            (0..=4, _) => Op::Read,
            (5..=6, Some(from)) => Op::Cas(*from, self.values),
            _ => Op::Write(self.values),
        };
        (key, op)
    }

    fn invoke(&mut self, client: usize, target: NodeId, key: i64, op: Op) {
        let request = match op {
            Op::Read => KvRequest::Read { key },
            Op::Write(value) => KvRequest::Write { key, value },
            Op::Cas(from, to) => KvRequest::Cas { key, from, to },
        };
        let invoked_ns = self.cluster.now_ns;
        let Some(id) = self.cluster.request(target, RaftRequest::Kv(request)) else {
            self.clients[client].target =
                NodeId(self.stream.below(self.cluster.nodes().count() as u64) as u8);
            return;
        };
        self.clients[client].open = Some((id, self.calls.len()));
        let outcome = Outcome::Open;
        self.calls.push(Call { key, op, invoked_ns, returned_ns: u64::MAX, outcome });
    }

    fn complete(&mut self, call: usize, response: KvResponse) {
        let call = &mut self.calls[call];
        call.outcome = match response {
            KvResponse::Value(value) => Outcome::Done(value),
            KvResponse::Done => Outcome::Done(None),
            KvResponse::Mismatch | KvResponse::NotLeader { .. } | KvResponse::Refused => {
                Outcome::Failed
            }
            KvResponse::Unknown => return,
        };
        call.returned_ns = self.cluster.now_ns;
        match (call.op, call.outcome) {
            (Op::Write(value) | Op::Cas(_, value), Outcome::Done(_)) => {
                self.seen.insert(call.key, value);
            }
            (Op::Read, Outcome::Done(Some(value))) => {
                self.seen.insert(call.key, value);
            }
            _ => {}
        }
    }

    fn heal(&mut self) {
        self.cluster.cut.clear();
        for node in self.cluster.nodes() {
            self.cluster.start(node);
            self.cluster.set_rate(node, 0);
        }
    }

    fn inject(&mut self, faults: &[Fault], nemesis: &mut Stream) {
        let mut nodes: Vec<NodeId> = self.cluster.nodes().collect();
        nemesis.shuffle(&mut nodes);
        let majority = nodes.len() / 2 + 1;
        match nemesis.pick(faults) {
            Some(Fault::Halves) => {
                let (one, other) = nodes.split_at(majority);
                self.cluster.partition(&[one.to_vec(), other.to_vec()]);
            }
            Some(fault @ (Fault::IsolateLeader | Fault::IsolateSlowLeader)) => {
                if let Some(leader) = self.cluster.leader() {
                    for node in &nodes {
                        let rate_ppm = if *node == leader { -200_000 } else { 200_000 };
                        let skewed = *fault == Fault::IsolateSlowLeader;
                        self.cluster.set_rate(*node, if skewed { rate_ppm } else { 0 });
                    }
                    nodes.retain(|node| *node != leader);
                    self.cluster.partition(&[vec![leader], nodes]);
                }
            }
            Some(Fault::ChaseLeader) => {}
            Some(Fault::KillOne) => self.kill(&nodes[..1]),
            Some(Fault::KillMajority) => self.kill(&nodes[..majority]),
            Some(Fault::KillAll) => self.kill(&nodes),
            Some(Fault::Reconfigure) => self.reconfigure(nodes[0]),
            Some(Fault::RemoveMajority) => self.remove_majority(&nodes),
            None => {}
        }
    }

    fn chase(&mut self, nemesis: &mut Stream) {
        let now_ns = self.cluster.now_ns;
        let leader = self.cluster.leader();
        if leader != self.chased.map(|(node, _)| node) {
            self.chased = leader.map(|node| (node, now_ns + between(nemesis, CHASE_MS)));
        }
        if let Some((node, at)) = self.chased
            && (at..at + SLICE_NS).contains(&now_ns)
        {
            let others = self.cluster.nodes().filter(|other| *other != node).collect();
            self.cluster.partition(&[vec![node], others]);
        }
    }

    /// Keeps at least three voters.
    fn reconfigure(&mut self, node: NodeId) {
        let Some(leader) = self.cluster.leader() else { return };
        let Some(voters) = self.cluster.raft(leader).map(Raft::voters) else { return };
        let request = match voters.contains(&node) {
            true if voters.len() > 3 => RaftRequest::RemoveServer(node),
            _ => RaftRequest::AddServer(node),
        };
        self.cluster.request(leader, request);
    }

    fn remove_majority(&mut self, nodes: &[NodeId]) {
        let Some(leader) = self.cluster.leader() else { return };
        let mut others: Vec<NodeId> = nodes.iter().copied().filter(|n| *n != leader).collect();
        let removed =
            others.split_off(others.len() / 2 - usize::from(nodes.len().is_multiple_of(2)));
        others.push(leader);
        self.cluster.partition(&[others, removed.clone()]);
        for node in removed {
            self.cluster.request(leader, RaftRequest::RemoveServer(node));
        }
    }

    /// Kills nodes one after another: clients are served by those that are still alive.
    fn kill(&mut self, nodes: &[NodeId]) {
        for node in nodes {
            self.cluster.kill(*node);
            self.slice();
        }
    }

    /// The network recovers and the clients stop.
    fn rest(&mut self) {
        self.cluster.world.loss_ppm = 0;
        for client in &mut self.clients {
            client.open = None;
            client.idle_until_ns = u64::MAX;
        }
    }

    /// Reads every key on every node, and counts the answers.
    fn read_everything(&mut self) -> usize {
        let asked_before = self.calls.len();
        for node in self.cluster.nodes() {
            for key in 0..self.keys as i64 {
                self.invoke(0, node, key, Op::Read);
                (0..10).for_each(|_| self.slice());
                self.clients[0].open = None;
            }
        }
        let done = |call: &&Call| matches!(call.outcome, Outcome::Done(_));
        self.calls[asked_before..].iter().filter(done).count()
    }

    fn judge(self, mut findings: Findings) -> Findings {
        findings.anomaly = anomaly(&self.calls);
        let done = |call: &&Call| matches!(call.outcome, Outcome::Done(_));
        findings.acknowledged = self.calls.iter().filter(done).count();
        for (_, note) in self.cluster.notes {
            match note {
                Note::Leading { .. } => findings.elections += 1,
                Note::Sometimes { place } => {
                    findings.places.insert(place.into_owned());
                }
                Note::Following { .. } => {}
            }
        }
        findings
    }
}

fn between(stream: &mut Stream, (low, high): (u64, u64)) -> u64 {
    stream.between(low, high) * MS
}
