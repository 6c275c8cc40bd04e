//! Log replication: what leaders send, what followers accept, and when an entry is committed.
//!
//! ```text
//!             accepted                 rejected
//!   Probe ---------------> Pipeline ---------------> Probe
//!     | the place of agreement is compacted away
//!     +------> Snapshot ---- accepted ----> Pipeline
//! ```
//!
//! The network may lose, repeat, delay and reorder. Three things make that harmless. A follower
//! drops nothing unless an entry contradicts it: an old append is a prefix of what it has. A leader
//! believes an acceptance whenever it comes, since it stays true for the whole term. It believes a
//! rejection only if the question was sent after the last one that made it back off.

use super::leader::{Flow, Leadership, Peer};
use super::message::{AppendOutcome, Body, Command, Entry, Index, Position, Stamp, Term};
use super::places::Place;
use super::step::Step;
use super::{
    APPEND_BYTES_MAX, APPEND_ENTRIES_MAX, Bug, IN_FLIGHT_MAX, MS, RELEASE_EVERY_HEARTBEATS, Raft,
    RaftRecord, RaftTimer, Role,
};
use crate::links::NodeId;

impl Raft {
    /// Appends an entry of this term, sends it, and has it written at the same time.
    pub(super) fn append_as_leader(&mut self, step: &mut Step<'_>, command: Command) -> Index {
        let index = self.log.last().index + 1;
        let entry = Entry { index, term: self.hard.term, command };
        self.log.push(entry.clone());
        step.save(RaftRecord::Entry(entry));
        self.add_missing_peers(step.now_ns, index);
        self.replicate_to_all(step);
        step.flush();
        self.advance_commit(step);
        index
    }

    pub(super) fn replicate_to_all(&mut self, step: &mut Step<'_>) {
        for peer in self.peers() {
            self.replicate(step, peer);
        }
    }

    /// Sends a node what it lacks, as far as its flow allows.
    pub(super) fn replicate(&mut self, step: &mut Step<'_>, to: NodeId) {
        let (base, last) = (self.log.base().index, self.sendable());
        while let Some(peer) = self.peer(to) {
            let ready = match peer.flow {
                Flow::Probe { waiting } => !waiting,
                Flow::Pipeline => peer.next <= last && peer.in_flight.len() < IN_FLIGHT_MAX,
                Flow::Snapshot { .. } => false,
            };
            if !ready {
                return;
            }
            if peer.next <= base {
                self.send_snapshot(step, to);
                return;
            }
            let batch = self.batch(peer.next, last);
            self.send_append(step, to, batch);
        }
    }

    /// The last entry that may be sent now.
    fn sendable(&self) -> Index {
        match (self.config.bug, &self.role) {
            // Figure 8 needs leaders that fail before their own entries spread. This mode sends
            // them in batches, with every so many heartbeats, which is harmless in itself.
            (Some(Bug::CommitOldTerm), Role::Leader(leadership)) => leadership.released,
            _ => self.log.last().index,
        }
    }

    /// The entries of one append: at least one if there is one, at most what the bounds allow.
    fn batch(&self, next: Index, last: Index) -> Vec<Entry> {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.bytes_max();
            bytes <= APPEND_BYTES_MAX && entry.index <= last
        };
        self.log.from(next).take(APPEND_ENTRIES_MAX).take_while(fits).cloned().collect()
    }

    /// Sends entries behind what the peer was sent so far; none make a heartbeat.
    fn send_append(&mut self, step: &mut Step<'_>, to: NodeId, entries: Vec<Entry>) {
        let (term, commit) = (self.hard.term, self.commit);
        let Some((leadership, log)) = self.leadership_and_log() else { return };
        let stamp = leadership.stamp(step.now_ns);
        let Some(peer) = leadership.peers.get_mut(&to) else { return };
        let index = peer.next - 1;
        let previous = Position { index, term: log.term_at(index).unwrap_or_default() };
        if let Flow::Probe { waiting } = &mut peer.flow {
            *waiting = true;
        } else if !entries.is_empty() {
            peer.next += entries.len() as u64;
            peer.in_flight.push_back(stamp.sequence);
        }
        step.send_early(to, term, Body::Append { stamp, previous, commit, entries });
    }

    pub(super) fn on_heartbeat_timer(&mut self, step: &mut Step<'_>) {
        match self.role {
            Role::Leader(_) => {
                if self.quorum_is_silent(step.now_ns) {
                    step.reached(Place::StepDownCheckQuorum);
                    self.become_follower(step, None);
                    return;
                }
                self.expire_joining(step);
                self.release(self.log.last().index);
                if self.has(Bug::RetryAppliedTwice) {
                    self.propose_late_ones_again(step);
                }
                self.replicate_to_all(step);
                self.heartbeat(step);
            }
            Role::PreCandidate(_) | Role::Candidate(_) => self.solicit(step),
            Role::Follower => return,
        }
        step.set_timer(RaftTimer::Heartbeat, self.config.heartbeat_ms * MS);
    }

    /// Appends once more what clients still wait for since before the last heartbeat: the planted
    /// bug [`Bug::RetryAppliedTwice`].
    fn propose_late_ones_again(&mut self, step: &mut Step<'_>) {
        let last = self.log.last().index;
        let Some(leadership) = self.leadership() else { return };
        let before = std::mem::replace(&mut leadership.last_at_heartbeat, last);
        let late: Vec<Index> = leadership.proposals.range(..=before).map(|(i, _)| *i).collect();
        for index in late {
            let command = self.log.entry(index).map(|entry| entry.command.clone());
            if let Some(command @ Command::Kv(_)) = command {
                self.append_as_leader(step, command);
            }
        }
    }

    fn release(&mut self, up_to: Index) {
        if let Role::Leader(leadership) = &mut self.role {
            leadership.heartbeats += 1;
            if leadership.heartbeats.is_multiple_of(RELEASE_EVERY_HEARTBEATS) {
                leadership.released = up_to;
            }
        }
    }

    /// Asks every peer for a sign of life. The answer also moves on a flow whose messages were
    /// lost: it accepts or rejects what the last of them stood behind.
    pub(super) fn heartbeat(&mut self, step: &mut Step<'_>) {
        let base = self.log.base().index;
        for to in self.peers() {
            match self.peer(to) {
                Some(Peer { flow: Flow::Snapshot { sent_ns, .. }, .. }) => {
                    self.heartbeat_beside_snapshot(step, to, *sent_ns);
                }
                Some(peer) if peer.next <= base => self.send_snapshot(step, to),
                Some(_) => self.send_append(step, to, Vec::new()),
                None => {}
            }
        }
    }

    /// Check quorum: a leader whom a majority has not answered for an election timeout is probably
    /// alone, and its clients had better ask elsewhere.
    fn quorum_is_silent(&self, now_ns: u64) -> bool {
        let Role::Leader(leadership) = &self.role else { return false };
        let patience_ns = match self.config.bug {
            // A leader that trusts its lease that long has no reason to doubt itself before.
            Some(Bug::LongLease | Bug::LeaseIgnoresClockRate) => self.lease_ns(),
            _ => self.config.election_timeout_ms * MS,
        };
        let heard_ns = leadership.majority(self.log.voters(), self.me, now_ns, |p| p.heard_ns);
        now_ns >= heard_ns + patience_ns
    }

    /// Accepts a message of the leader of a term. Says whether it is to be listened to.
    pub(super) fn follow(&mut self, step: &mut Step<'_>, leader: NodeId, term: Term) -> bool {
        if term < self.hard.term {
            return false;
        }
        if term > self.hard.term {
            self.enter_term(step, term, Some(leader));
            self.save_hard_state(step);
        }
        let rival = self.is_leader() || self.leader.is_some_and(|known| known != leader);
        assert!(!rival || !self.strict(), "{leader} and another node lead term {term}");
        if self.is_leader() {
            return false;
        }
        if !matches!(self.role, Role::Follower) {
            step.reached(Place::ElectionLost);
            self.become_follower(step, Some(leader));
        }
        self.leader = Some(leader);
        self.heard_ns = Some(step.now_ns);
        self.postpone_election(step);
        true
    }

    pub(super) fn on_append(
        &mut self,
        step: &mut Step<'_>,
        from: NodeId,
        stamp: Stamp,
        (previous, commit, entries): (Position, Index, Vec<Entry>),
    ) {
        let in_order = (previous.index + 1..).zip(&entries).all(|(index, e)| e.index == index);
        if !in_order {
            return;
        }
        // What is committed here agrees with every later leader; it may be compacted away.
        let committed = previous.index <= self.commit;
        let held = self.log.term_at(previous.index);
        let contradicts = committed && held.is_some_and(|term| term != previous.term);
        assert!(!contradicts || !self.strict(), "entry {} is committed", previous.index);
        let same = match self.config.bug {
            Some(Bug::AppendWithoutPreviousCheck) => held.is_some(),
            _ => held == Some(previous.term),
        };
        let outcome = if committed || same {
            let up_to = previous.index + entries.len() as u64;
            self.store(step, entries);
            if self.has(Bug::TruncateOnStaleAppend) {
                self.log.truncate(up_to.max(self.commit) + 1);
            }
            AppendOutcome::Accepted { up_to }
        } else {
            step.reached(Place::AppendRejected);
            AppendOutcome::Rejected { hint: self.hint(previous) }
        };
        step.send(from, self.hard.term, Body::AppendReply { stamp, outcome });
        if let AppendOutcome::Accepted { up_to } = outcome {
            let agreed = if self.has(Bug::CommitBeyondMatch) { commit } else { commit.min(up_to) };
            self.commit_to(step, agreed);
        }
    }

    /// Where this log may agree with one that holds `previous`.
    fn hint(&self, previous: Position) -> Position {
        if self.has(Bug::AppendWithoutPreviousCheck) {
            // All that can be wrong is that entries are missing.
            return Position { term: previous.term, ..self.log.last() };
        }
        self.log.last_agreeable(previous).unwrap_or(self.log.base())
    }

    /// Adds a leader's entries to the log; only an entry that contradicts the log shortens it.
    fn store(&mut self, step: &mut Step<'_>, entries: Vec<Entry>) {
        if entries.last().is_some_and(|last| self.log.term_at(last.index) == Some(last.term)) {
            step.reached(Place::AppendOvertaken);
        }
        for entry in entries {
            let held = self.log.term_at(entry.index);
            let contradicts = held.is_some_and(|term| term != entry.term);
            if entry.index <= self.commit {
                assert!(!contradicts || !self.strict(), "entry {} is committed", entry.index);
                continue;
            }
            if contradicts {
                step.reached(Place::LogTruncated);
                self.log.truncate(entry.index);
            } else if held.is_some() {
                continue;
            }
            step.save(RaftRecord::Entry(entry.clone()));
            self.log.push(entry);
        }
    }

    pub(super) fn on_append_reply(
        &mut self,
        step: &mut Step<'_>,
        from: NodeId,
        stamp: Stamp,
        outcome: AppendOutcome,
    ) {
        let now_ns = step.now_ns;
        let Some((leadership, log)) = self.leadership_and_log() else { return };
        if stamp.sequence > leadership.sequence || outcome == AppendOutcome::TermOver {
            return;
        }
        let sequence = leadership.sequence;
        let Some(peer) = leadership.peers.get_mut(&from) else { return };
        peer.heard(stamp, now_ns);
        match outcome {
            AppendOutcome::Accepted { up_to } => peer.accepted(up_to.min(log.last().index)),
            AppendOutcome::Rejected { hint } => {
                let agreeable = log.last_agreeable(hint).map_or(0, |place| place.index);
                if peer.rejected(stamp, sequence, agreeable) {
                    step.reached(Place::AppendBackedOff);
                } else {
                    step.reached(Place::AppendReplyOld);
                }
            }
            AppendOutcome::TermOver => {}
        }
        self.replicate(step, from);
        self.advance_commit(step);
        self.confirm_reads(step);
        self.advance_joining(step);
    }

    /// Commits what a majority has. Only an entry of this term is committed by counting, and takes
    /// everything before it along: an entry of an earlier term may be on a majority and still be
    /// overwritten by a leader whose last entry is of a later term (paper, figure 8).
    fn advance_commit(&mut self, step: &mut Step<'_>) {
        let Role::Leader(leadership) = &self.role else { return };
        let last = self.log.last().index;
        let everywhere = match self.config.bug {
            Some(Bug::EarlyAck) => last,
            _ => leadership.majority(self.log.voters(), self.me, last, |peer| peer.matched),
        };
        if everywhere <= self.commit {
            return;
        }
        let own = self.log.term_at(everywhere) == Some(self.hard.term);
        if own || self.has(Bug::CommitOldTerm) {
            self.commit_to(step, everywhere);
        } else {
            step.reached(Place::CommitWaitsForTerm);
        }
    }

    /// The nodes that this leader sends entries to, in order.
    fn peers(&self) -> Vec<NodeId> {
        match &self.role {
            Role::Leader(leadership) => leadership.peers.keys().copied().collect(),
            Role::Follower | Role::PreCandidate(_) | Role::Candidate(_) => Vec::new(),
        }
    }

    fn peer(&self, node: NodeId) -> Option<&Peer> {
        match &self.role {
            Role::Leader(leadership) => leadership.peers.get(&node),
            Role::Follower | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    pub(super) fn leadership_and_log(&mut self) -> Option<(&mut Leadership, &super::log::Log)> {
        match &mut self.role {
            Role::Leader(leadership) => Some((leadership, &self.log)),
            Role::Follower | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }
}

impl Peer {
    fn accepted(&mut self, up_to: Index) {
        self.matched = self.matched.max(up_to);
        self.next = self.next.max(self.matched + 1);
        match self.flow {
            // Heartbeats beside a snapshot are accepted too, and say nothing about it.
            Flow::Snapshot { last, .. } if self.matched < last => {}
            Flow::Snapshot { .. } | Flow::Probe { .. } => {
                self.flow = Flow::Pipeline;
                self.next = self.matched + 1;
            }
            Flow::Pipeline => {}
        }
    }

    /// Backs off to a place that may agree. Says whether the rejection was news.
    ///
    /// A follower never rejects what it once accepted, unless its disk lost it. Believing it even
    /// then lets a disk that lies show as a wrong history and not as a node that is stuck.
    fn rejected(&mut self, stamp: Stamp, latest: u64, agreeable: Index) -> bool {
        if stamp.sequence <= self.backed_off_at || matches!(self.flow, Flow::Snapshot { .. }) {
            return false;
        }
        self.backed_off_at = latest;
        self.matched = self.matched.min(agreeable);
        self.next = agreeable + 1;
        self.flow = Flow::Probe { waiting: false };
        self.in_flight.clear();
        true
    }
}
