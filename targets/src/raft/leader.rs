//! What a leader knows that others do not: how far each node is, and who waits for what.

use super::message::{Index, Stamp};
use crate::links::NodeId;
use crate::protocol::RequestId;
use std::collections::{BTreeMap, VecDeque};

/// A leader's own state; it dies with the leadership.
#[derive(Clone, Debug)]
pub(super) struct Leadership {
    /// Once this is committed, everything that earlier leaders committed is known to be.
    pub(super) term_start: Index,
    /// Heartbeats since the election.
    pub(super) heartbeats: u64,
    /// The log's end when its entries were last released to be sent. Only
    /// [`super::Bug::CommitOldTerm`] asks for it.
    pub(super) released: Index,
    /// The log's end at the last heartbeat. Only [`super::Bug::RetryAppliedTwice`] asks for it.
    pub(super) last_at_heartbeat: Index,
    /// The nodes that are sent entries: voters, a joining node, nodes whose removal is under way.
    pub(super) peers: BTreeMap<NodeId, Peer>,
    /// The sequence of the last message sent.
    pub(super) sequence: u64,
    /// Who waits for which entry.
    pub(super) proposals: BTreeMap<Index, RequestId>,
    /// Reads that wait for the next round.
    pub(super) reads_waiting: Vec<PendingRead>,
    /// Reads that wait until a majority answers what was sent after this sequence.
    pub(super) reads_confirming: Option<(u64, Vec<PendingRead>)>,
    /// The node that catches up before it may vote.
    pub(super) joining: Option<Joining>,
}

/// A read that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PendingRead {
    pub(super) id: RequestId,
    pub(super) key: i64,
}

/// A node that is sent the log but does not vote yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joining {
    pub(super) node: NodeId,
    pub(super) id: RequestId,
    pub(super) since_ns: u64,
}

/// How the entries that a node is sent next are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// It is not known where the logs agree: one message at a time.
    Probe {
        /// Whether an answer is outstanding.
        waiting: bool,
    },
    /// The logs agree up to what was sent: messages follow one another without waiting.
    Pipeline,
    /// It needs a snapshot, which is on its way.
    Snapshot {
        /// Where the snapshot ends.
        last: Index,
        /// When it was sent.
        sent_ns: u64,
    },
}

/// How far another node is.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The first entry that it was not sent yet.
    pub(super) next: Index,
    /// Up to here its log is known to agree.
    pub(super) matched: Index,
    pub(super) flow: Flow,
    /// The sequences of messages with entries that are unanswered, oldest first.
    pub(super) in_flight: VecDeque<u64>,
    /// The latest of the leader's messages that it answered.
    pub(super) answered: Option<Stamp>,
    /// When the leader last heard from it; at first, when the leader was elected.
    pub(super) heard_ns: u64,
    /// Rejections of messages up to this sequence are old news.
    pub(super) backed_off_at: u64,
}

impl Peer {
    pub(super) fn new(next: Index, now_ns: u64) -> Self {
        Self {
            next,
            matched: 0,
            flow: Flow::Probe { waiting: false },
            in_flight: VecDeque::new(),
            answered: None,
            heard_ns: now_ns,
            backed_off_at: 0,
        }
    }

    /// Takes note of an answer, which may be late.
    pub(super) fn heard(&mut self, stamp: Stamp, now_ns: u64) {
        self.heard_ns = now_ns;
        if self.answered.is_none_or(|latest| latest.sequence < stamp.sequence) {
            self.answered = Some(stamp);
        }
        while self.in_flight.front().is_some_and(|sequence| *sequence <= stamp.sequence) {
            self.in_flight.pop_front();
        }
    }
}

impl Leadership {
    pub(super) fn new(term_start: Index) -> Self {
        Self {
            term_start,
            heartbeats: 0,
            released: term_start,
            last_at_heartbeat: term_start,
            peers: BTreeMap::new(),
            sequence: 0,
            proposals: BTreeMap::new(),
            reads_waiting: Vec::new(),
            reads_confirming: None,
            joining: None,
        }
    }

    /// The mark of the next message.
    pub(super) fn stamp(&mut self, now_ns: u64) -> Stamp {
        self.sequence += 1;
        Stamp { sequence: self.sequence, sent_ns: now_ns }
    }

    /// The largest value that a majority of the voters has reached. The leader counts as one of
    /// them only if it votes: a leader that removed itself must not.
    pub(super) fn majority<T: Ord + Copy>(
        &self,
        voters: &[NodeId],
        me: NodeId,
        mine: T,
        of: impl Fn(&Peer) -> T,
    ) -> T {
        let mut values: Vec<T> = voters
            .iter()
            .map(|voter| {
                if *voter == me {
                    mine
                } else {
                    of(self.peers.get(voter).expect("every voter is a peer of the leader"))
                }
            })
            .collect();
        values.sort_unstable_by(|a, b| b.cmp(a));
        values[voters.len() / 2]
    }

    /// The number of requests that wait.
    pub(super) fn waiting(&self) -> usize {
        let confirming = self.reads_confirming.as_ref().map_or(0, |(_, reads)| reads.len());
        self.proposals.len() + self.reads_waiting.len() + confirming
    }
}
