//! Interesting places of the protocol: a good test reaches each of them at least once.
//!
//! A hunt counts them and names those that no run reached. So the list holds only what a correct
//! cluster can reach under random faults, and it cannot miss one: a place is noted by its variant.

macro_rules! places {
    ($($(#[doc = $about:literal])+ $place:ident = $name:literal,)+) => {
        /// A place that is worth reaching.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Place {
            $($(#[doc = $about])+ $place,)+
        }

        impl Place {
            /// Its name in notes.
            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$place => $name,)+
                }
            }
        }

        /// The names of all places that a node may note, each of which a good test reaches.
        pub const PLACES: &[&str] = &[$($name),+];
    };
}

places! {
    /// A leader backed off to where a follower's log may agree.
    AppendBackedOff = "append-backed-off",
    /// A leader whose term is over sent something.
    AppendOfOldTerm = "append-of-old-term",
    /// A follower holds everything of an append already: it came twice, or was overtaken.
    AppendOvertaken = "append-overtaken",
    /// A follower lacks the entry before those that it was sent.
    AppendRejected = "append-rejected",
    /// An answer to an append came after its term was over.
    AppendReplyOfOldTerm = "append-reply-of-old-term",
    /// A rejection came after the leader had backed off because of a later one.
    AppendReplyOld = "append-reply-old",
    /// Somebody asked a leader that had committed nothing of its own term for a change of members.
    ChangeRefusedEarly = "change-refused-early",
    /// Somebody asked for a change of members while another was under way.
    ChangeRefusedPending = "change-refused-pending",
    /// A majority has an entry, but it is of an earlier term, so it does not count.
    CommitWaitsForTerm = "commit-waits-for-term",
    /// A candidate gave up: another one was elected, or nobody.
    ElectionLost = "election-lost",
    /// A candidate was elected.
    ElectionWon = "election-won",
    /// A leader heard of a later term.
    LeaderDeposed = "leader-deposed",
    /// A node that joins did not catch up in time.
    LearnerAbandoned = "learner-abandoned",
    /// A node begins to catch up.
    LearnerAdded = "learner-added",
    /// A read came when the lease had run out, or before there was one.
    LeaseExpired = "lease-expired",
    /// A read was answered without asking anybody.
    LeaseRead = "lease-read",
    /// Entries of a leader that failed were overwritten.
    LogTruncated = "log-truncated",
    /// A change of members was committed.
    MembershipChanged = "membership-changed",
    /// A node joins that had been a member at first and was removed.
    NodeAddedAgain = "node-added-again",
    /// A pre-vote was not answered because of a leader that was heard.
    PreVoteHeldBack = "pre-vote-held-back",
    /// A pre-vote was refused because of the candidate's log.
    PreVoteRefusedOldLog = "pre-vote-refused-old-log",
    /// A leader stepped down, and nobody knows what becomes of an entry that a client waits for.
    ProposalLeftUnknown = "proposal-left-unknown",
    /// A read came before the leader knew what is committed.
    ReadBeforeFirstCommit = "read-before-first-commit",
    /// A leader stepped down while it asked a majority whether it leads.
    ReadIndexInterrupted = "read-index-interrupted",
    /// A majority confirmed a round of reads.
    ReadIndexRead = "read-index-read",
    /// A leader that had removed itself stepped down.
    RemovedLeaderSteppedDown = "removed-leader-stepped-down",
    /// A follower was sent the whole state.
    SnapshotSent = "snapshot-sent",
    /// A snapshot was not answered.
    SnapshotSentAgain = "snapshot-sent-again",
    /// A follower replaced its state by a leader's.
    SnapshotInstalled = "snapshot-installed",
    /// A follower was sent a snapshot of what it has.
    SnapshotOld = "snapshot-old",
    /// The log on disk was replaced by a snapshot.
    SnapshotTaken = "snapshot-taken",
    /// A candidate asked another candidate of its term.
    SplitVote = "split-vote",
    /// A leader heard no majority for too long.
    StepDownCheckQuorum = "step-down-check-quorum",
    /// A vote was not answered because of a leader that was heard.
    VoteHeldBack = "vote-held-back",
    /// A vote was refused because of the candidate's log.
    VoteRefusedOldLog = "vote-refused-old-log",
}
