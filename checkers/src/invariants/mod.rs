//! Invariants of workloads: what must hold of a history whatever order its operations took.
//!
//! ```text
//!   bank        transfers keep the total          ids        no id is given twice
//!   set         what was added stays              log        offsets, order, nothing skipped
//!   queue       what came in goes out once        ...
//! ```
//!
//! They are Jepsen's workload checkers, each without the weak points of the original (its file says
//! which). An invariant needs no search: it is one or two passes over the history. What it cannot
//! judge it calls `unknown`, and a history without anything to judge is never `valid` by silence
//! where Jepsen says `unknown`.

mod atomic_commit;
mod bank;
mod broadcast;
mod causal_reverse;
mod complaint;
mod counter;
mod fenced_locks;
mod fifo_order;
mod kafka;
mod long_fork;
mod members;
mod monotonic;
mod queue;
mod reading;
mod set;
mod set_full;
mod shape;
mod subject;
#[cfg(test)]
mod tests;
mod total_queue;
mod unique_ids;

use complaint::Complaints;

use crate::history::History;
use crate::verdict::Judgement;

/// An invariant by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// Transfers keep the total, and no balance is negative unless allowed.
    Bank,
    /// Two reads see two writes in the same order.
    LongFork,
    /// Who sees a write sees what was complete before it began.
    CausalReverse,
    /// What was added stands in the last read, and nothing else.
    Set,
    /// Each added element is seen by all reads from some time on.
    SetFull,
    /// Each read lies between what must and what may have been added.
    Counter,
    /// No id is given twice.
    UniqueIds,
    /// Values that only grow are never seen to shrink.
    Monotonic,
    /// What was enqueued is dequeued exactly once.
    TotalQueue,
    /// What was enqueued first is dequeued first, once.
    FifoOrder,
    /// Records of a partition keep offset and order, and none is lost.
    Kafka,
    /// Every message reaches every node once.
    Broadcast,
    /// All participants decide alike, and none commits over a no.
    AtomicCommit,
    /// No two hold a lock at once, and its tokens grow.
    FencedLocks,
}

/// What has to be known beside the history; each invariant looks at its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Bank: the total; nothing to take it from the first read.
    pub total: Option<i64>,
    /// Bank: whether a balance may be negative.
    pub negative_balances: bool,
    /// Long fork: how many keys a group has; nothing to take it from the first read.
    pub group_size: Option<u32>,
    /// Set: whether an element has to be seen by every read that begins after its `add` completed.
    pub linearizable: bool,
    /// Kafka: whether the polls at the end went on until nothing came any more, so that what was
    /// acknowledged and never polled is lost.
    pub final_polls: bool,
    /// Atomic commit: how many participants have to vote yes before anybody may commit.
    pub participants: Option<u32>,
    /// Atomic commit: whether who voted yes has to learn the decision before the end.
    pub nonblocking: bool,
    /// Counter: whether only final reads are judged, as an eventually consistent counter wants it.
    pub final_reads_only: bool,
}

impl Invariant {
    /// Every invariant with its name and one sentence.
    pub const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("bank", Self::Bank, "transfers keep the total, and no balance is negative unless allowed"),
        ("long-fork", Self::LongFork, "two reads see two writes in the same order"),
        (
            "causal-reverse",
            Self::CausalReverse,
            "who sees a write sees what was complete before it began",
        ),
        ("set", Self::Set, "what was added stands in the last read, and nothing else"),
        ("set-full", Self::SetFull, "each added element is seen by all reads from some time on"),
        ("counter", Self::Counter, "each read lies between what must and what may have been added"),
        ("unique-ids", Self::UniqueIds, "no id is given twice"),
        ("monotonic", Self::Monotonic, "values that only grow are never seen to shrink"),
        ("total-queue", Self::TotalQueue, "what was enqueued is dequeued exactly once"),
        ("fifo-order", Self::FifoOrder, "what was enqueued first is dequeued first, once"),
        ("kafka", Self::Kafka, "records of a partition keep offset and order, and none is lost"),
        ("broadcast", Self::Broadcast, "every message reaches every node once"),
        (
            "atomic-commit",
            Self::AtomicCommit,
            "all participants decide alike, and none commits over a no",
        ),
        ("fenced-locks", Self::FencedLocks, "no two hold a lock at once, and its tokens grow"),
    ];

    /// The invariant of this name; `comments` is elle-cli's for causal-reverse.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "comments" {
            return Some(Self::CausalReverse);
        }
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(_, this, _)| *this)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, this, _)| *this == self);
        known.expect("every invariant stands in the list").0
    }
}

/// Judges a history by an invariant: one or two passes, so there is no budget.
pub fn check(claim: &str, history: &History, invariant: Invariant, options: &Options) -> Judgement {
    let check = match invariant {
        Invariant::Bank => bank::check,
        Invariant::LongFork => long_fork::check,
        Invariant::CausalReverse => causal_reverse::check,
        Invariant::Set => set::check,
        Invariant::SetFull => set_full::check,
        Invariant::Counter => counter::check,
        Invariant::UniqueIds => unique_ids::check,
        Invariant::Monotonic => monotonic::check,
        Invariant::TotalQueue => total_queue::check,
        Invariant::FifoOrder => fifo_order::check,
        Invariant::Kafka => kafka::check,
        Invariant::Broadcast => broadcast::check,
        Invariant::AtomicCommit => atomic_commit::check,
        Invariant::FencedLocks => fenced_locks::check,
    };
    check(claim, history, options)
}
