//! What an inference gives: edges, anomalies that need no cycle, and what it could not know.

use super::graph::{Dep, Edges};
use super::lattice::Anomaly;
use super::table::{KeyId, TxnId};

/// What was inferred from the values that transactions wrote and read.
#[derive(Clone, Debug)]
pub struct Inferred {
    /// The dependencies, without the orders of processes and of real time.
    pub edges: Edges,
    /// What is wrong without any cycle; of each anomaly the smallest few, with how many there are.
    pub findings: Vec<Finding>,
    /// Why nothing can be proved, if there is a reason: "the order of 12 values of key 3 is
    /// unknown".
    pub gaps: Vec<String>,
    /// Why nothing can be judged, if there is a reason: "key 3: 7 was appended twice".
    pub unjudged: Option<String>,
}

/// An anomaly that is not a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub anomaly: Anomaly,
    /// The key that it is about.
    pub key: Option<KeyId>,
    /// The transactions that a person has to look at, the accused first.
    pub txns: Vec<TxnId>,
    /// What is wrong, in one sentence that names the transactions as `T<index of completion>`
    /// (see [`super::explain::name`]).
    pub sentence: String,
    /// How many of this anomaly there are in the history, this one included.
    pub count: u64,
}

/// Why an edge is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The key that both touched.
    pub key: Option<KeyId>,
    /// The micro-operation of the first, by its place in the transaction.
    pub from_mop: Option<u32>,
    /// The micro-operation of the second.
    pub to_mop: Option<u32>,
    /// The end of a sentence that begins with the first transaction's name and goes on to the
    /// second's: "appended 3 to key 1, and T9 read it".
    pub text: String,
}

/// Says why there is an edge: one implementation per kind of history.
///
/// Edges are counted in tens of millions, cycles that are shown in dozens; so the reasons are not
/// kept but found again.
pub trait Reasons {
    /// In which order an edge with several reasons is named: Elle's.
    fn precedence(&self) -> &'static [Dep];

    /// Why the first has to come before the second; nothing if this dependency is not there.
    /// Only for the dependencies that come from values.
    fn reason(&self, from: TxnId, to: TxnId, dep: Dep) -> Option<Reason>;
}
