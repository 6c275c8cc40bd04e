//! Verdicts and their evidence.
//!
//! ```text
//!   valid  <  unknown(why)  <  invalid(evidence)        merge = the greater one
//! ```
//!
//! A verdict is about a claim ("raft claims a linearizable kv"). One [`Verdict::merge`] serves
//! checker, run, suite, exit code and report alike: a found violation is never hidden by something
//! that could not be decided.

use serde::{Deserialize, Serialize};

/// What a checker decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// The claim holds on this history.
    Valid,
    /// Nothing could be decided, and why: a spent budget, a vacuous run.
    Unknown {
        /// The reason, with how far the checker got.
        why: String,
    },
    /// The claim is broken.
    Invalid {
        /// What proves it.
        evidence: Box<Evidence>,
    },
}

impl Verdict {
    /// The greater of two verdicts; of two equal ones, the first.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    /// `valid`, `unknown` or `invalid`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unknown { .. } => "unknown",
            Self::Invalid { .. } => "invalid",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Unknown { .. } => 1,
            Self::Invalid { .. } => 2,
        }
    }
}

/// A checker's name, the claim it judged, what it decided, and the figures worth keeping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The checker: `linearizable`, `vacuity`, ...
    pub checker: String,
    /// The claim as a sentence: "raft claims a linearizable kv".
    pub claim: String,
    /// What was decided.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Figures for the reader, in order: `("keys checked", "182")`.
    pub figures: Vec<(String, String)>,
}

/// How much of a silence is worth a look from inside.
const SILENCE_LOOK_NS: u64 = 1_000_000_000;

/// What proves a claim broken, small enough for a person to check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// Operations that no order explains.
    Order(OrderEvidence),
    /// A time in which nothing was answered although it should have been.
    Silence(SilenceEvidence),
    /// Transactions that contradict what was promised of their isolation.
    Anomalies(AnomalyEvidence),
}

impl Evidence {
    /// One sentence saying what is wrong.
    pub fn sentence(&self) -> &str {
        match self {
            Self::Order(evidence) => &evidence.sentence,
            Self::Silence(evidence) => &evidence.sentence,
            Self::Anomalies(evidence) => &evidence.sentence,
        }
    }

    /// The operations a person has to look at, in order of invocation.
    pub fn ops(&self) -> &[EvidenceOp] {
        match self {
            Self::Order(evidence) => &evidence.ops,
            Self::Silence(evidence) => &evidence.ops,
            Self::Anomalies(evidence) => &evidence.ops,
        }
    }

    /// The number of operations a person has to look at.
    pub fn len(&self) -> usize {
        self.ops().len()
    }

    /// When what is worth a look from inside began and ended, in nanoseconds since the run began:
    /// the operations, or the beginning of a silence, which goes on as it began.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        match self {
            Self::Order(OrderEvidence { ops, .. })
            | Self::Anomalies(AnomalyEvidence { ops, .. }) => {
                let first = ops.iter().map(|op| op.invoke_ns).min()?;
                let last = ops.iter().map(|op| op.complete_ns.unwrap_or(op.invoke_ns)).max()?;
                Some((first, last))
            }
            Self::Silence(SilenceEvidence { from_ns, until_ns, .. }) => {
                Some((*from_ns, (*until_ns).min(from_ns + SILENCE_LOOK_NS)))
            }
        }
    }

    /// Whether the evidence names no operation.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A set of operations that is contradictory by itself, whatever the rest of the history did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvidence {
    /// The key whose history this is, as JSON text.
    pub key: Option<String>,
    /// The operations in order of invocation.
    pub ops: Vec<EvidenceOp>,
    /// The states that were possible before the first of them.
    pub states_before: Vec<String>,
    /// The longest legal order, one step an operation, and then the ones that cannot follow.
    pub steps: Vec<EvidenceStep>,
    /// The other orders that nothing can follow, the longest first: the steps of each, and then
    /// the operations that would have to come next. Few; orders that place the same operations and
    /// leave the same state count as one.
    #[serde(default)]
    pub other_orders: Vec<Vec<EvidenceStep>>,
    /// How many more such orders there are.
    #[serde(default)]
    pub more_orders: usize,
    /// One sentence saying why no order works.
    pub sentence: String,
}

impl OrderEvidence {
    /// Operations that need no states and no orders to contradict each other.
    pub fn of(key: Option<String>, ops: Vec<EvidenceOp>, sentence: String) -> Self {
        Self {
            key,
            ops,
            states_before: Vec::new(),
            steps: Vec::new(),
            other_orders: Vec::new(),
            more_orders: 0,
            sentence,
        }
    }
}

/// A stretch of time in which a system that nothing hindered answered nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceEvidence {
    /// The key that was not answered, as JSON text; nothing if no key was.
    pub key: Option<String>,
    /// A sample: the operation that was acknowledged last before it, if there is one, then the
    /// first attempts and the last ones.
    pub ops: Vec<EvidenceOp>,
    /// When the last fault was undone, or was known to be: nanoseconds since the run began.
    pub healed_ns: u64,
    /// From the first attempt, in nanoseconds since the run began ...
    pub from_ns: u64,
    /// ... to where the last one was given up, or the first answer came.
    pub until_ns: u64,
    /// How long it may take.
    pub bound_ms: u64,
    /// How many attempts there were.
    pub attempts: u64,
    /// What they failed with and how often, the most frequent first.
    pub errors: Vec<(String, u64)>,
    /// Who said that it leads.
    pub leaders: LeadersSeen,
    /// One sentence saying what was asked and not answered.
    pub sentence: String,
}

/// Who said that it leads, up to the end of the silence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadersSeen {
    /// The last one: node, term, and when it said so in nanoseconds since the run began.
    pub last: Option<(String, u64, u64)>,
    /// How often one said so after the faults were undone.
    pub since_heal: u64,
}

/// An operation of the evidence, with where it stands in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceOp {
    /// The index of its `invoke`.
    pub invoke_index: usize,
    /// The index of its completion, when it has one.
    pub complete_index: Option<usize>,
    /// Who acted.
    pub process: String,
    /// The node that was asked.
    pub node: Option<String>,
    /// The function.
    pub f: String,
    /// Argument and result in words: `write 3`, `read -> 5`, `cas 3 -> 4`.
    pub text: String,
    /// `ok`, or `info` when nobody knows whether it happened (but its effect was seen).
    pub outcome: String,
    /// When it began, in nanoseconds since the run began.
    pub invoke_ns: u64,
    /// When it completed; nothing while it is open.
    pub complete_ns: Option<u64>,
    /// What it failed with; or a weakening under which the evidence already stands: "only its
    /// effect matters here".
    pub note: Option<String>,
}

/// A step of the longest legal order, or an operation that cannot follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceStep {
    /// Which operation: a position in [`OrderEvidence::ops`].
    pub op: usize,
    /// The possible state before it.
    pub before: String,
    /// The state after it, or nothing if it cannot happen here.
    pub after: Option<String>,
    /// Why it cannot: "reads 3, but the register holds 5".
    pub why_not: Option<String>,
}

/// What is wrong between transactions, the smallest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnomalyEvidence {
    /// What was found, the smallest first.
    pub found: Vec<FoundAnomaly>,
    /// The name of every reported anomaly: `G-single-item`, `G1a`, ...
    pub types: Vec<String>,
    /// The weakest consistency models that are broken.
    pub not: Vec<String>,
    /// Those that are broken by implication.
    pub also_not: Vec<String>,
    /// The strongest that still may hold.
    pub may_hold: Vec<String>,
    /// The transactions that a person has to look at, in order of invocation.
    pub ops: Vec<EvidenceOp>,
    /// Their micro-operations, for each of them; of a long transaction those that matter here.
    #[serde(default)]
    pub mops: Vec<Vec<EvidenceMop>>,
    /// One sentence: what the first of them is.
    pub sentence: String,
}

/// A micro-operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceMop {
    /// Its place in the transaction.
    pub place: u32,
    /// What it did, in words: `append x 3`, `r y [1 2]`.
    pub text: String,
}

/// One anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAnomaly {
    /// Its name: `G-single-item`.
    pub name: String,
    /// The key that it is about, as JSON text, if it is about one.
    pub key: Option<String>,
    /// Its transactions, as positions in [`AnomalyEvidence::ops`]; of a cycle, in its order.
    pub ops: Vec<usize>,
    /// The edges of the cycle, the first one out of the first transaction; none if it is no cycle.
    pub edges: Vec<EvidenceEdge>,
    /// How many of this kind there are, where they were counted.
    pub count: Option<u64>,
    /// The anomaly in words.
    pub sentence: String,
}

/// Why one transaction has to come before another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceEdge {
    /// The one that comes first: a position in [`AnomalyEvidence::ops`].
    pub from: usize,
    /// The one that comes after it.
    pub to: usize,
    /// `ww`, `wr`, `rw`, `process`, `realtime`, ...
    pub kind: String,
    /// The key that both touched, as JSON text.
    pub key: Option<String>,
    /// The micro-operation of the first, by its place in the transaction.
    pub from_mop: Option<u32>,
    /// The micro-operation of the second.
    pub to_mop: Option<u32>,
    /// The reason in words.
    pub reason: String,
}
