//! What Raft nodes say to one another and write to disk.
//!
//! Every message carries its sender's term. Every message of a leader carries a [`Stamp`] that the
//! answer returns, so that a leader can tell a late answer from a fresh one, knows which answers
//! confirm a round of reads, and counts its lease from the moment when the question was *sent*.

use crate::kv::KvRequest;
use crate::links::NodeId;
use serde::{Deserialize, Serialize};

/// A term: Raft's logical clock. Zero is before the first election.
pub type Term = u64;
/// A place in the log. The first entry has index one; index zero is the empty log's end.
pub type Index = u64;

/// What an entry does when it is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Nothing: the first entry of a leader's term, which commits everything before it.
    Noop,
    /// A write or a compare-and-set.
    Kv(KvRequest),
    /// From here on these nodes vote, in ascending order.
    Config(Vec<NodeId>),
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub index: Index,
    /// The term in which a leader created it.
    pub term: Term,
    /// What it does.
    pub command: Command,
}

impl Entry {
    /// An upper bound of its size on the wire: variable-length integers take up to ten bytes each,
    /// and a command has at most three.
    pub fn bytes_max(&self) -> usize {
        match &self.command {
            Command::Noop => 24,
            Command::Kv(_) => 54,
            Command::Config(voters) => 34 + voters.len(),
        }
    }

    /// Its place and term.
    pub fn position(&self) -> Position {
        Position { index: self.index, term: self.term }
    }
}

/// An entry's identity: two logs that hold an entry of the same index and term agree up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The index.
    pub index: Index,
    /// The term of the entry there.
    pub term: Term,
}

/// The effects of all entries up to an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry that it holds.
    pub last: Position,
    /// Who votes as of that entry.
    pub voters: Vec<NodeId>,
    /// The state machine's keys and values, in ascending order.
    pub state: Vec<(i64, i64)>,
}

/// A leader's mark on what it sends, returned by the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Counts the messages that this leader sent in this term, from one.
    pub sequence: u64,
    /// When it was sent, on the leader's own clock. It means nothing to anybody else.
    pub sent_ns: u64,
}

/// A message between nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftMessage {
    /// The sender's current term.
    pub term: Term,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Would you vote for me if I asked in the proposed term? (Thesis, section 9.6.)
    PreVote {
        /// The term that the sender would campaign in.
        proposed: Term,
        /// The end of the sender's log.
        last: Position,
    },
    /// The answer; it promises nothing.
    PreVoteReply {
        /// The term that was proposed.
        proposed: Term,
        /// Whether the sender would vote so.
        granted: bool,
    },
    /// Vote for me in this message's term.
    Vote {
        /// The end of the sender's log.
        last: Position,
    },
    /// The answer. A granted vote is on disk.
    VoteReply {
        /// Whether the sender voted so.
        granted: bool,
    },
    /// Append these entries behind `previous`; without entries, a heartbeat.
    Append {
        /// Returned by the answer.
        stamp: Stamp,
        /// The entry before the first one sent.
        previous: Position,
        /// How far the leader has committed.
        commit: Index,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// Replace everything up to the snapshot's end. One message, bounded by
    /// [`crate::raft::SNAPSHOT_KEYS_MAX`].
    Install {
        /// Returned by the answer.
        stamp: Stamp,
        /// The state.
        snapshot: Snapshot,
    },
    /// The answer to `Append` and `Install`. What it accepts is on disk.
    AppendReply {
        /// The question's mark.
        stamp: Stamp,
        /// What became of it.
        outcome: AppendOutcome,
    },
}

/// What a follower did with an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendOutcome {
    /// Its log agrees with the leader's up to here.
    Accepted {
        /// The last index known to agree.
        up_to: Index,
    },
    /// It lacks `previous`.
    Rejected {
        /// The last entry of its log that may still agree.
        hint: Position,
    },
    /// It has a later term than the append. This says nothing about its log and confirms nothing:
    /// it may reach its receiver when that leads again, with messages of the same sequence.
    TermOver,
}

/// What a node writes to disk. Recovery reads the records in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RaftRecord {
    /// The term and the vote given in it, replacing what was recorded before.
    HardState(HardState),
    /// An entry; it replaces whatever the log held from its index on.
    Entry(Entry),
    /// The state up to an index, where a checkpoint begins.
    Snapshot(Snapshot),
}

/// What must never be forgotten, or a node votes twice in a term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term seen.
    pub term: Term,
    /// Who got this node's vote in it.
    pub vote: Option<NodeId>,
}
