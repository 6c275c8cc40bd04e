//! Mistakes that can be planted, one at a time. Each is one small deviation at the place where the
//! mistake would be made; what each of them is, and where such a bug was seen, says
//! [`crate::catalogue`].

use serde::{Deserialize, Serialize};

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bug {
    /// Any node answers reads from its own state without asking anybody.
    StaleRead,
    /// A leader commits as soon as its own log has the entry.
    EarlyAck,
    /// Neither a vote nor the term that it was given in is written to disk.
    ForgetVote,
    /// Entries are acknowledged before they are on disk.
    NoFsync,
    /// Entries of earlier terms are committed by counting replicas.
    CommitOldTerm,
    /// The lease outlives the election timeout, and followers do not hold back their votes.
    LongLease,
    /// A snapshot claims an entry whose effect it lacks.
    SnapshotForgetsLast,
    /// Votes go to any candidate, however old its log is.
    VoteWithoutLogCheck,
    /// A compare-and-set is compared when it is proposed, not when it is applied.
    CasAtProposal,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::StaleRead,
        Self::EarlyAck,
        Self::ForgetVote,
        Self::NoFsync,
        Self::CommitOldTerm,
        Self::LongLease,
        Self::SnapshotForgetsLast,
        Self::VoteWithoutLogCheck,
        Self::CasAtProposal,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::StaleRead => "stale-read",
            Self::EarlyAck => "early-ack",
            Self::ForgetVote => "forget-vote",
            Self::NoFsync => "no-fsync",
            Self::CommitOldTerm => "commit-old-term",
            Self::LongLease => "long-lease",
            Self::SnapshotForgetsLast => "snapshot-forgets-last",
            Self::VoteWithoutLogCheck => "vote-without-log-check",
            Self::CasAtProposal => "cas-at-proposal",
        }
    }

    /// The bug of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}
