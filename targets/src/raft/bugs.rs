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
    /// Votes are written to disk without their terms: a restarted node begins again at term zero.
    ForgetTerm,
    /// A node votes for more than one candidate of a term.
    VoteTwice,
    /// A vote binds its node in later terms too.
    VoteOutlivesTerm,
    /// Entries are acknowledged before they are on disk.
    NoFsync,
    /// Entries of earlier terms are committed by counting replicas.
    CommitOldTerm,
    /// A follower commits what it holds beyond the place where its log is known to agree.
    CommitBeyondMatch,
    /// A follower truncates its log behind every append.
    TruncateOnStaleAppend,
    /// A follower appends behind an entry whose term it does not compare.
    AppendWithoutPreviousCheck,
    /// A leader answers reads before it knows what is committed.
    ReadIndexEarly,
    /// The lease outlives the election timeout, and followers do not hold back their votes.
    LongLease,
    /// The lease lasts as long as a follower waits at most, from the answer on.
    LeaseIgnoresClockRate,
    /// A snapshot claims an entry whose effect it lacks.
    SnapshotForgetsLast,
    /// A snapshot that comes late replaces a newer state.
    SnapshotOverwritesNewer,
    /// Votes go to any candidate, however old its log is.
    VoteWithoutLogCheck,
    /// A change of members begins before the one before it is committed.
    OverlappingChanges,
    /// A compare-and-set is compared when it is proposed, not when it is applied.
    CasAtProposal,
    /// A leader proposes again what is not committed for a while, and both take effect.
    RetryAppliedTwice,
    /// A leader that steps down says that what it had proposed did not happen.
    UnknownSaidFailed,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::StaleRead,
        Self::EarlyAck,
        Self::ForgetVote,
        Self::ForgetTerm,
        Self::VoteTwice,
        Self::VoteOutlivesTerm,
        Self::NoFsync,
        Self::CommitOldTerm,
        Self::CommitBeyondMatch,
        Self::TruncateOnStaleAppend,
        Self::AppendWithoutPreviousCheck,
        Self::ReadIndexEarly,
        Self::LongLease,
        Self::LeaseIgnoresClockRate,
        Self::SnapshotForgetsLast,
        Self::SnapshotOverwritesNewer,
        Self::VoteWithoutLogCheck,
        Self::OverlappingChanges,
        Self::CasAtProposal,
        Self::RetryAppliedTwice,
        Self::UnknownSaidFailed,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::StaleRead => "stale-read",
            Self::EarlyAck => "early-ack",
            Self::ForgetVote => "forget-vote",
            Self::ForgetTerm => "forget-term",
            Self::VoteTwice => "vote-twice",
            Self::VoteOutlivesTerm => "vote-outlives-term",
            Self::NoFsync => "no-fsync",
            Self::CommitOldTerm => "commit-old-term",
            Self::CommitBeyondMatch => "commit-beyond-match",
            Self::TruncateOnStaleAppend => "truncate-on-stale-append",
            Self::AppendWithoutPreviousCheck => "append-without-previous-check",
            Self::ReadIndexEarly => "read-index-early",
            Self::LongLease => "long-lease",
            Self::LeaseIgnoresClockRate => "lease-ignores-clock-rate",
            Self::SnapshotForgetsLast => "snapshot-forgets-last",
            Self::SnapshotOverwritesNewer => "snapshot-overwrites-newer",
            Self::VoteWithoutLogCheck => "vote-without-log-check",
            Self::OverlappingChanges => "overlapping-changes",
            Self::CasAtProposal => "cas-at-proposal",
            Self::RetryAppliedTwice => "retry-applied-twice",
            Self::UnknownSaidFailed => "unknown-said-failed",
        }
    }

    /// The bug of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}
