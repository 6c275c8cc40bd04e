//! Weak isolation of registers whose writes are unique, decided completely: no anomaly means that
//! there is an order of commits that explains every read.
//!
//! ```text
//!   Table --> facts        who read from whom; what is wrong at sight (thin air, aborted, ...)
//!               |
//!        order: wr, and for sessions so        a cycle?  G1c: broken
//!               |
//!        visible / causal: "T9 saw T4 and still read x of T1, so T4 comes before T1"
//!               |
//!        order: wr, so and these               a cycle?  broken; none?  proved
//! ```
//!
//! Biswas and Enea (OOPSLA 2019) reduced each level to the acyclicity of such a relation; Møldrup
//! and Pavlogiannis (AWDIT, PLDI 2025) found which few edges suffice. Which writes a reader counts
//! as seen is all that tells the levels apart:
//!
//! ```text
//!   read committed         none: any order of versions that agrees with wr will do
//!   monotonic atomic view  those of transactions it has read from before (their "RC", without so)
//!   read atomic            those of every transaction it reads from    (their "RA", without so)
//!   causal                 those of its whole causal past, by reads and by sessions  (their "CC")
//! ```
//!
//! The names are the lattice's: Adya's read committed (PL-2) allows a reader to see a part of a
//! transaction and later miss another, so their "RC" is a promise of its own, the monotonic atomic
//! view of Bailis et al. (VLDB 2014). Sessions are processes, and count where the model names them.
//!
//! What ended as `info` counts if somebody read from it; its own reads are unknown and constrain
//! nothing.

mod causal;
mod cycle;
mod evidence;
mod facts;
#[cfg(test)]
pub(in crate::transactions) mod fixture;
#[cfg(test)]
mod oracle;
mod order;
#[cfg(test)]
mod tests;
mod visible;

use super::lattice::Model;
use super::options::{Options, Sources};
use super::table::{KeyId, Table};
use crate::budget::Budget;
use crate::verdict::{Evidence, Judgement, Verdict};
use facts::Facts;
use order::{Base, Order};

/// A promise that can be decided completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only what was committed is read, in its final form, and nobody reads from his own future.
    ReadCommitted,
    /// The same when each process's transactions come one after another.
    StrongSessionReadCommitted,
    /// Who has seen a transaction goes on to see all of it.
    MonotonicAtomicView,
    /// Who sees a transaction sees all of it.
    ReadAtomic,
    /// Who sees a transaction sees all that it saw, and all that its process did before.
    Causal,
}

impl Level {
    /// All of them, the weak ones first.
    pub const ALL: [Self; 5] = [
        Self::ReadCommitted,
        Self::StrongSessionReadCommitted,
        Self::MonotonicAtomicView,
        Self::ReadAtomic,
        Self::Causal,
    ];

    /// The level of this model, if it is one of those decided here.
    pub fn of(model: Model) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.model() == model)
    }

    /// Its name in the lattice.
    pub fn model(self) -> Model {
        match self {
            Self::ReadCommitted => Model::ReadCommitted,
            Self::StrongSessionReadCommitted => Model::StrongSessionReadCommitted,
            Self::MonotonicAtomicView => Model::MonotonicAtomicView,
            Self::ReadAtomic => Model::ReadAtomic,
            Self::Causal => Model::Causal,
        }
    }

    /// Whether the transactions of a process come one after another.
    fn has_sessions(self) -> bool {
        matches!(self, Self::StrongSessionReadCommitted | Self::Causal)
    }

    /// Whether a transaction has to agree with itself: the lattice asks it from read atomic on.
    fn has_internal(self) -> bool {
        matches!(self, Self::ReadAtomic | Self::Causal)
    }
}

/// Who has to commit before whom, although neither read from the other: `reader` saw `before`,
/// which wrote the key, and still read the key from `after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Later {
    before: u32,
    /// A transaction, or the initial state ([`Facts::initial`]).
    after: u32,
    reader: u32,
    key: KeyId,
}

/// Why nothing was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Spent {
    #[error("time was up before the {0} level was decided")]
    Stopped(&'static str),
    #[error("the {0} level takes more than the budget of {1} bytes")]
    Bytes(&'static str, u64),
}

/// The level that is asked about, if it is the only thing asked and nothing is assumed of keys.
pub fn asked(options: &Options) -> Option<Level> {
    let level = options.only_model().and_then(Level::of);
    level.filter(|_| options.sources == Sources::default())
}

/// Whether the registers keep this promise.
pub fn check(claim: &str, table: &Table, level: Level, budget: &Budget<'_>) -> Judgement {
    let mut figures = vec![("transactions".to_owned(), table.len().to_string())];
    let verdict = match decide(table, level, budget, &mut figures) {
        Ok(verdict) => verdict,
        Err(spent) => Verdict::Unknown { why: spent.to_string() },
    };
    if verdict == Verdict::Valid {
        let how = "some order of commits explains every read";
        figures.push(("proved".to_owned(), how.to_owned()));
    }
    Judgement { checker: super::CHECKER.to_owned(), claim: claim.to_owned(), verdict, figures }
}

fn decide(
    table: &Table,
    level: Level,
    budget: &Budget<'_>,
    figures: &mut Vec<(String, String)>,
) -> Result<Verdict, Spent> {
    let facts = match Facts::new(table, level.has_internal()) {
        Ok(facts) => facts,
        Err(why) => return Ok(Verdict::Unknown { why }),
    };
    if !facts.findings.is_empty() {
        return Ok(invalid(evidence::at_sight(&facts, level)));
    }
    let name = level.model().name();
    let stopped = || if budget.stopped() { Err(Spent::Stopped(name)) } else { Ok(()) };
    stopped()?;
    let base = Base::new(&facts, level.has_sessions());
    let graph = base.edges(&facts).into_graph();
    let rank = match order::order(&graph) {
        Order::Acyclic(rank) => rank,
        Order::Cyclic(left) => {
            let steps = cycle::shortest(&base, &graph, &left, None);
            return Ok(invalid(evidence::cycle(&facts, &base, &graph, level, steps, &[])));
        }
    };
    stopped()?;
    let later = match level {
        Level::ReadCommitted | Level::StrongSessionReadCommitted => return Ok(Verdict::Valid),
        Level::MonotonicAtomicView => visible::monotonic(&facts),
        Level::ReadAtomic => visible::atomic(&facts),
        Level::Causal => causal::infer(&facts, &base, &rank, budget)?,
    };
    figures.push(("implied orders of writes".to_owned(), later.len().to_string()));
    drop(graph);
    stopped()?;
    let graph = base.edges_with(&facts, &later).into_graph();
    match order::order(&graph) {
        Order::Acyclic(_) => Ok(Verdict::Valid),
        Order::Cyclic(left) => {
            let steps = cycle::shortest(&base, &graph, &left, Some(&rank));
            Ok(invalid(evidence::cycle(&facts, &base, &graph, level, steps, &later)))
        }
    }
}

fn invalid(evidence: crate::verdict::AnomalyEvidence) -> Verdict {
    Verdict::Invalid { evidence: Box::new(Evidence::Anomalies(evidence)) }
}
