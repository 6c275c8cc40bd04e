//! Weaker promises than linearizability, judged on the same histories of registers.
//!
//! Each says which session, and which operations of it, break the promise.

use crate::budget::Budget;
use crate::history::History;
use crate::linearizable::Semantics;
use crate::verdict::{Judgement, Verdict};

/// A promise about what sessions see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// One order of all operations, in which each session's own order holds (Lamport 1979).
    Sequential,
    /// Whoever saw an effect sees its causes (Ahamad et al. 1995).
    Causal,
    /// Each session sees the writes of each other one in their order (Lipton & Sandberg 1988).
    Pram,
    /// A session sees what it wrote (Terry et al. 1994, as the next three).
    ReadYourWrites,
    /// A session does not see less than it saw before.
    MonotonicReads,
    /// A session's writes are seen in their order.
    MonotonicWrites,
    /// A write is seen after what its session had read before it.
    WritesFollowReads,
    /// After the faults are undone, all last reads agree and hold every acknowledged write.
    Convergence,
}

impl Consistency {
    /// Every promise, with its name.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("sequential", Self::Sequential),
        ("causal", Self::Causal),
        ("pram", Self::Pram),
        ("read-your-writes", Self::ReadYourWrites),
        ("monotonic-reads", Self::MonotonicReads),
        ("monotonic-writes", Self::MonotonicWrites),
        ("writes-follow-reads", Self::WritesFollowReads),
        ("convergence", Self::Convergence),
    ];

    /// The promise of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, promise)| *promise)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, promise)| *promise == self);
        found.expect("every promise has a name").0
    }
}

/// Judges whether a history of registers keeps a promise; `claim` is the sentence on trial.
pub fn check(
    claim: &str,
    history: &History,
    promise: Consistency,
    semantics: &Semantics,
    budget: &Budget<'_>,
) -> Judgement {
    let _ = (history, semantics, budget);
    Judgement {
        checker: promise.name().to_owned(),
        claim: claim.to_owned(),
        verdict: Verdict::Unknown { why: format!("{} is not there yet", promise.name()) },
        figures: Vec::new(),
    }
}
