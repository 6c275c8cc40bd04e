//! Raft: a replicated log that elects its leader, as a pure state machine.
//!
//! After Diego Ongaro and John Ousterhout, *In Search of an Understandable Consensus Algorithm*
//! (USENIX ATC 2014, "the paper"), and Ongaro's dissertation *Consensus: Bridging Theory and
//! Practice* (Stanford, 2014, "the thesis").
//!
//! ```text
//!    request                                              message
//!       |                                                    |
//!       v                                                    v
//!   +--------+  propose   +-------------+  append   +----------------+
//!   | leader |----------->| replication |---------->| follower's log |
//!   +--------+            +-------------+  accepted +----------------+
//!       |                        |       <----------        |
//!       | reads                  | a majority has it        | commit index
//!       v                        v                          v
//!   [reads]  confirmed ---> [machine] <-------- applied in order
//!                                |
//!                                v  every so many entries
//!                           [snapshot]
//! ```
//!
//! THE PARTS. `election` decides who leads, `replication` what is committed, `reads` who may
//! answer without writing, `snapshot` what may be forgotten, `membership` who votes. `log` and
//! `machine` are plain data, `leader` is what only a leader knows, and `step` keeps the order of
//! effects: a promise leaves a node after the record that makes it true.
//!
//! SAFETY, in the order in which it is relied on: one vote a term, on disk before it is given; a
//! vote only for a log that is at least as long; logs that agree at an index agree before it; only
//! entries of the current term are committed by counting; a committed entry is never truncated.
//! The checks on these stay in release builds, except where a planted bug breaks them on purpose: a
//! planted bug must show as a wrong history, not as a crash.
//!
//! TIME is only ever the node's own clock. Elections tolerate any clock; leases need clocks whose
//! rates stay within a quarter of the world's, and do not jump.
//!
//! CLIENTS are told the truth about what may have happened. A leader that steps down answers
//! `Unknown` to every proposal in its log, for the next leader may commit it, and `NotLeader` to
//! reads. Nothing is retried here, and a request that a client sends twice is done twice.
//!
//! SHORTCUTS: a snapshot is one message; no leadership transfer; no witness nodes.

mod bugs;
mod election;
mod leader;
mod log;
mod machine;
mod membership;
mod message;
mod places;
mod reads;
mod replication;
mod service;
mod snapshot;
mod step;

pub use bugs::Bug;
pub use machine::Machine;
pub use message::{
    AppendOutcome, Body, Command, Entry, HardState, Index, Position, RaftMessage, RaftRecord,
    Snapshot, Stamp, Term,
};
pub use places::PLACES;

use crate::kv::{KvRequest, KvResponse};
use crate::links::NodeId;
use crate::protocol::{Context, Effect, Input, Note, Protocol, RequestId};
use election::Poll;
use leader::Leadership;
use log::Log;
use places::Place;
use serde::{Deserialize, Serialize};
use step::Step;

/// The most entries in one append.
pub const APPEND_ENTRIES_MAX: usize = 256;
/// The most bytes of entries in one append, as they are at most encoded.
pub const APPEND_BYTES_MAX: usize = 64 * 1024;
/// The most unanswered appends with entries to one node.
pub const IN_FLIGHT_MAX: usize = 32;
/// The most keys of a state that snapshots are taken of: 8 MB at 20 bytes a key, in one message.
pub const SNAPSHOT_KEYS_MAX: usize = 400_000;
/// The most requests that wait in a leader; more are refused.
pub const REQUESTS_WAITING_MAX: usize = 10_000;
/// A node that joins may lack this many entries when it becomes a voter.
pub const JOIN_LAG_ENTRIES_MAX: u64 = 64;
/// A node that joins is given up after this many election timeouts.
pub const JOIN_TIMEOUTS: u64 = 20;
/// A snapshot that is not answered is sent again after this many election timeouts.
pub const SNAPSHOT_RESEND_TIMEOUTS: u64 = 2;
/// A lease's length, as a part of the minimum election timeout. What is missing is the margin for
/// clocks that run at different rates: a leader's that is slow by a quarter of the world's rate
/// makes 80 of it, a follower's that is fast by a quarter makes 80 of the whole timeout.
pub const LEASE_PERCENT: u64 = 60;
/// The lease's length of the planted bug [`Bug::LongLease`].
pub const LONG_LEASE_PERCENT: u64 = 800;
/// The lease's length of the planted bug [`Bug::LeaseIgnoresClockRate`]: followers campaign after
/// one to two timeouts.
pub const LONGEST_WAIT_PERCENT: u64 = 200;
/// How often a leader sends its own entries with the planted bug [`Bug::CommitOldTerm`].
pub const RELEASE_EVERY_HEARTBEATS: u64 = 6;
/// The shortest wait for the first election of a cluster.
pub const FRESH_TIMEOUT_MS_MIN: u64 = 50;
/// The longest wait for the first election of a cluster.
pub const FRESH_TIMEOUT_MS_MAX: u64 = 150;

const MS: u64 = 1_000_000;

/// How a leader makes sure that it still leads before it answers a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// It asks a majority, once for each batch of reads.
    #[default]
    Index,
    /// It relies on a majority's promise, as long as its clock says that it holds.
    Lease,
}

/// How a node is set up. All nodes of a cluster are set up alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftConfig {
    /// Who votes at first, in ascending order; a disk that knows better is believed.
    pub voters: Vec<NodeId>,
    /// The shortest time without a leader before an election; each is drawn below twice of this.
    pub election_timeout_ms: u64,
    /// How often a leader gives a sign of life.
    pub heartbeat_ms: u64,
    /// How reads are made linearizable.
    pub reads: Reads,
    /// How many entries are applied between snapshots.
    pub snapshot_every_entries: u64,
    /// The planted mistake, if any.
    pub bug: Option<Bug>,
}

impl RaftConfig {
    /// A correct cluster of these nodes with the default times.
    pub fn of(voters: Vec<NodeId>) -> Self {
        Self {
            voters,
            election_timeout_ms: 250,
            heartbeat_ms: 50,
            reads: Reads::Index,
            snapshot_every_entries: 2_000,
            bug: None,
        }
    }
}

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RaftRequest {
    /// An operation of the `kv` interface.
    Kv(KvRequest),
    /// Let a node vote that does not yet. `Done` when it does, `Refused` if another change is under
    /// way or the node does not catch up.
    AddServer(NodeId),
    /// Let a node not vote any more.
    RemoveServer(NodeId),
}

/// The timers of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RaftTimer {
    /// No leader was heard for long.
    Election,
    /// A leader owes a sign of life; a candidate asks those again who were silent.
    Heartbeat,
}

#[derive(Clone, Debug)]
enum Role {
    Follower,
    PreCandidate(Poll),
    Candidate(Poll),
    Leader(Box<Leadership>),
}

/// A node of a Raft cluster.
#[derive(Clone, Debug)]
pub struct Raft {
    me: NodeId,
    config: RaftConfig,
    hard: HardState,
    /// The hard state as it was last written.
    saved: HardState,
    log: Log,
    /// Everything up to here is committed.
    commit: Index,
    /// Where the snapshot on disk ends.
    checkpoint: Index,
    machine: Machine,
    role: Role,
    /// Who leads the current term, if that is known.
    leader: Option<NodeId>,
    /// When a leader was last heard.
    heard_ns: Option<u64>,
    election_deadline_ns: u64,
    /// Whether the disk held anything at the start.
    restarted: bool,
}

impl Protocol for Raft {
    type Message = RaftMessage;
    type Record = RaftRecord;
    type Request = RaftRequest;
    type Response = KvResponse;
    type Timer = RaftTimer;
    type Config = RaftConfig;

    fn recover(me: NodeId, config: RaftConfig, records: Vec<RaftRecord>) -> Self {
        let restarted = !records.is_empty();
        let snapshot::Recovered { hard, log, machine } =
            snapshot::recover(config.voters.clone(), records);
        let checkpoint = machine.applied();
        Self {
            me,
            config,
            hard,
            saved: hard,
            log,
            commit: checkpoint,
            checkpoint,
            machine,
            role: Role::Follower,
            leader: None,
            heard_ns: None,
            election_deadline_ns: 0,
            restarted,
        }
    }

    fn step(&mut self, context: Context, input: Input<Self>, effects: &mut Vec<Effect<Self>>) {
        let mut step = Step::new(context, self.config.bug, effects);
        match input {
            Input::Start => self.start(&mut step),
            Input::Message { from, message } => self.on_message(&mut step, from, message),
            Input::Request { id, request } => self.on_request(&mut step, id, request),
            Input::Timer(RaftTimer::Election) => self.on_election_timer(&mut step),
            Input::Timer(RaftTimer::Heartbeat) => self.on_heartbeat_timer(&mut step),
        }
        step.flush();
    }
}

impl Raft {
    /// Whether this node leads.
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The current term.
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// Who leads the current term, if that is known.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The last index that is known to be committed.
    pub fn commit(&self) -> Index {
        self.commit
    }

    /// The end of the log.
    pub fn last(&self) -> Position {
        self.log.last()
    }

    /// The entry at an index, unless it is compacted away or not there yet.
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.log.entry(index)
    }

    /// Who votes, in ascending order.
    pub fn voters(&self) -> &[NodeId] {
        self.log.voters()
    }

    /// The state machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    fn start(&mut self, step: &mut Step<'_>) {
        if self.restarted {
            self.heard_ns = Some(step.now_ns);
        }
        self.arm_election(step);
    }

    fn on_message(&mut self, step: &mut Step<'_>, from: NodeId, message: RaftMessage) {
        if from == self.me {
            return;
        }
        let term = message.term;
        match message.body {
            Body::PreVote { proposed, last } => self.on_pre_vote(step, from, proposed, last),
            Body::Vote { last } => self.on_vote(step, from, term, last),
            Body::Append { .. } | Body::Install { .. } => {
                self.on_leaders_message(step, from, term, message.body);
            }
            Body::PreVoteReply { proposed, granted } => {
                self.learn_term(step, term);
                self.on_pre_vote_reply(step, from, proposed, granted);
            }
            Body::VoteReply { granted } => {
                self.learn_term(step, term);
                self.on_vote_reply(step, from, term, granted);
            }
            Body::AppendReply { stamp, outcome } => {
                self.learn_term(step, term);
                if term == self.hard.term {
                    self.on_append_reply(step, from, stamp, outcome);
                } else {
                    step.reached(Place::AppendReplyOfOldTerm);
                }
            }
        }
    }

    fn on_leaders_message(&mut self, step: &mut Step<'_>, from: NodeId, term: Term, body: Body) {
        let (Body::Append { stamp, .. } | Body::Install { stamp, .. }) = body else { return };
        if term < self.hard.term {
            // A leader of the past learns that it is one.
            step.reached(Place::AppendOfOldTerm);
            let outcome = AppendOutcome::TermOver;
            step.send(from, self.hard.term, Body::AppendReply { stamp, outcome });
            return;
        }
        if !self.follow(step, from, term) {
            return;
        }
        match body {
            Body::Append { previous, commit, entries, .. } => {
                self.on_append(step, from, stamp, (previous, commit, entries));
            }
            Body::Install { snapshot, .. } => self.on_install(step, from, stamp, snapshot),
            _ => {}
        }
    }

    fn on_request(&mut self, step: &mut Step<'_>, id: RequestId, request: RaftRequest) {
        let hint = self.leader;
        if self.leadership().is_some_and(|l| l.waiting() >= REQUESTS_WAITING_MAX) {
            step.reply(id, KvResponse::Refused);
            return;
        }
        match request {
            RaftRequest::Kv(KvRequest::Read { key }) => self.on_read(step, id, key),
            _ if !self.is_leader() => step.reply(id, KvResponse::NotLeader { hint }),
            RaftRequest::Kv(request) => self.on_write(step, id, request),
            RaftRequest::AddServer(node) => self.on_add_server(step, id, node),
            RaftRequest::RemoveServer(node) => self.on_remove_server(step, id, node),
        }
    }

    fn on_write(&mut self, step: &mut Step<'_>, id: RequestId, request: KvRequest) {
        let request = match request {
            KvRequest::Cas { key, from, to } if self.has(Bug::CasAtProposal) => {
                if self.machine.get(key) != Some(from) {
                    step.reply(id, KvResponse::Mismatch);
                    return;
                }
                KvRequest::Write { key, value: to }
            }
            other => other,
        };
        self.propose(step, id, Command::Kv(request));
    }

    /// Appends a command; whoever asked is answered when it is applied.
    fn propose(&mut self, step: &mut Step<'_>, id: RequestId, command: Command) {
        // Before the append: a leader that votes alone commits within it.
        let index = self.log.last().index + 1;
        let Some(leadership) = self.leadership() else { return };
        leadership.proposals.insert(index, id);
        self.append_as_leader(step, command);
    }

    /// Commits and applies everything up to an index.
    fn commit_to(&mut self, step: &mut Step<'_>, index: Index) {
        let index = index.min(self.log.last().index);
        if index <= self.commit {
            return;
        }
        let config_committed = (self.commit + 1..=index).contains(&self.log.config_index());
        self.commit = index;
        for next in self.machine.applied() + 1..=index {
            let entry = self.log.entry(next).expect("what is not applied is not compacted");
            let response = self.machine.apply(entry);
            if let Role::Leader(leadership) = &mut self.role
                && let Some(id) = leadership.proposals.remove(&next)
            {
                step.reply(id, response);
            }
        }
        if config_committed {
            self.on_config_committed(step);
        }
        self.compact_if_due(step);
        self.confirm_reads(step);
    }

    /// Takes over a later term that another node's answer carries.
    fn learn_term(&mut self, step: &mut Step<'_>, term: Term) {
        if term > self.hard.term {
            self.enter_term(step, term, None);
            self.save_hard_state(step);
        }
    }

    /// Begins a later term as a follower. The caller writes it down.
    fn enter_term(&mut self, step: &mut Step<'_>, term: Term, leader: Option<NodeId>) {
        assert!(term > self.hard.term, "terms only rise");
        let vote = if self.has(Bug::VoteOutlivesTerm) { self.hard.vote } else { None };
        self.hard = HardState { term, vote };
        if self.is_leader() {
            step.reached(Place::LeaderDeposed);
        }
        self.become_follower(step, leader);
    }

    /// Stops leading or campaigning, and answers everybody who waits.
    fn become_follower(&mut self, step: &mut Step<'_>, leader: Option<NodeId>) {
        self.leader = leader;
        match std::mem::replace(&mut self.role, Role::Follower) {
            Role::Follower => {}
            Role::PreCandidate(_) | Role::Candidate(_) => step.cancel_timer(RaftTimer::Heartbeat),
            Role::Leader(leadership) => {
                step.cancel_timer(RaftTimer::Heartbeat);
                step.note(Note::Following { term: self.hard.term });
                self.arm_election(step);
                let proposed = match self.config.bug {
                    Some(Bug::UnknownSaidFailed) => KvResponse::NotLeader { hint: leader },
                    _ => KvResponse::Unknown,
                };
                dismiss(step, *leadership, proposed, leader);
            }
        }
    }

    fn save_hard_state(&mut self, step: &mut Step<'_>) {
        self.saved = match self.config.bug {
            Some(Bug::ForgetTerm) => HardState { term: 0, ..self.hard },
            _ => self.hard,
        };
        step.save(RaftRecord::HardState(self.saved));
    }

    fn leadership(&mut self) -> Option<&mut Leadership> {
        match &mut self.role {
            Role::Leader(leadership) => Some(leadership),
            Role::Follower | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.config.bug == Some(bug)
    }

    /// Whether Raft's invariants hold: a planted bug breaks them on purpose.
    fn strict(&self) -> bool {
        self.config.bug.is_none()
    }
}

/// Answers those who waited for a leader that leads no more: what it had proposed may still happen.
fn dismiss(
    step: &mut Step<'_>,
    leadership: Leadership,
    proposed: KvResponse,
    hint: Option<NodeId>,
) {
    if !leadership.proposals.is_empty() {
        step.reached(Place::ProposalLeftUnknown);
    }
    if leadership.reads_confirming.is_some() {
        step.reached(Place::ReadIndexInterrupted);
    }
    for id in leadership.proposals.into_values() {
        step.reply(id, proposed);
    }
    let confirming = leadership.reads_confirming.into_iter().flat_map(|(_, reads)| reads);
    for read in confirming.chain(leadership.reads_waiting) {
        step.reply(read.id, KvResponse::NotLeader { hint });
    }
    // A node that was still catching up is in nobody's log.
    if let Some(joining) = leadership.joining {
        step.reply(joining.id, KvResponse::NotLeader { hint });
    }
}
