//! Weaker promises than linearizability, judged on the same histories of registers.
//!
//! Each says which session, and which operations of it, break the promise.
//!
//! ```text
//!   History --> ops: who found whose value                    unknown: values that are not unique
//!                |
//!                +--> view: one session's reads               the four session guarantees, PRAM
//!                +--> causal: bad patterns
//!                +--> sequential: what must come before what, then an order that is verified
//!                |
//!                '--> evidence: the fewest operations that still break it, and why in words
//!   History --> convergence: the last reads
//! ```
//!
//! What implies what, so that nobody has to ask for all of them:
//!
//! ```text
//!   linearizable --> sequential --> causal memory --> PRAM --> read your writes, monotonic reads
//!                                     |     |                  and monotonic writes
//!                                     |     '--> writes follow reads
//!                                     '--> causal, as it is judged here (weak: CC)
//! ```

mod causal;
mod clocks;
mod convergence;
mod evidence;
mod explain;
mod graph;
mod ops;
#[cfg(test)]
mod oracle;
mod search;
mod sequential;
#[cfg(test)]
mod tests;
mod view;
mod words;

use crate::budget::Budget;
use crate::history::History;
use crate::linearizable::Semantics;
use crate::verdict::{Evidence, Judgement, OrderEvidence, Verdict};
use graph::{Graph, Rule};
use ops::Problem;
use rayon::prelude::*;
use view::Seen;

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
    let mut figures = Vec::new();
    let verdict = if promise == Consistency::Convergence {
        convergence::judge(history, semantics, &mut figures)
    } else {
        judge(history, promise, semantics, budget, &mut figures)
    };
    figures.push(("semantics".to_owned(), semantics.to_string()));
    Judgement { checker: promise.name().to_owned(), claim: claim.to_owned(), verdict, figures }
}

/// What was found out about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// The promise is kept.
    Kept,
    /// It is broken, as whoever asks this again will see.
    Broken(Question),
    /// The budget was spent; how far it got.
    Spent(String),
}

/// What can be asked of a problem, and of parts of it when the evidence is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Whether this session's reads can be explained.
    View(Rule, u32),
    /// Whether some read contradicts what it follows from.
    Causal,
    /// Whether what must come before what goes round in a circle.
    Order,
    /// Whether there is no order, all being tried.
    AnyOrder,
}

fn judge(
    history: &History,
    promise: Consistency,
    semantics: &Semantics,
    budget: &Budget<'_>,
    figures: &mut Vec<(String, String)>,
) -> Verdict {
    let reading = match ops::read(history, semantics) {
        Ok(reading) => reading,
        Err(why) => return Verdict::Unknown { why },
    };
    let problem = &reading.problem;
    let mut figure = |name: &str, value: usize| figures.push((name.to_owned(), value.to_string()));
    figure("sessions", problem.sessions);
    figure("keys", problem.keys);
    figure("operations", problem.ops.len());
    figure("indeterminate operations that were seen", reading.found);
    if let Some(op) = &reading.thin_air {
        return invalid(evidence::thin_air(history, &reading, op));
    }
    let session = |rule| views(problem, rule, budget);
    let outcome = match promise {
        Consistency::Sequential => sequential::judge(problem, budget),
        Consistency::Causal => causal::judge(problem, budget, figures),
        Consistency::Pram => session(Rule::Pram),
        Consistency::ReadYourWrites => session(Rule::ReadYourWrites),
        Consistency::MonotonicReads => session(Rule::MonotonicReads),
        Consistency::MonotonicWrites => session(Rule::MonotonicWrites),
        Consistency::WritesFollowReads => session(Rule::WritesFollowReads),
        Consistency::Convergence => unreachable!("it is judged on other operations"),
    };
    match (outcome, &reading.doubt) {
        (Outcome::Broken(question), _) => {
            invalid(evidence::find(history, &reading, question, budget))
        }
        (Outcome::Kept, None) => Verdict::Valid,
        (Outcome::Kept, Some(doubt)) => Verdict::Unknown { why: doubt.clone() },
        (Outcome::Spent(why), _) => Verdict::Unknown { why },
    }
}

fn invalid(evidence: OrderEvidence) -> Verdict {
    Verdict::Invalid { evidence: Box::new(Evidence::Order(evidence)) }
}

/// Every session's view; the first broken one counts.
fn views(problem: &Problem, rule: Rule, budget: &Budget<'_>) -> Outcome {
    let graph = Graph::new(problem, rule);
    let found = (0..problem.sessions as u32).into_par_iter().find_map_first(|session| {
        if budget.stopped() {
            let why = format!("time was up: {session} of {} sessions are judged", problem.sessions);
            return Some(Outcome::Spent(why));
        }
        let broken = view::judge(&graph, session) == Seen::Broken;
        broken.then_some(Outcome::Broken(Question::View(rule, session)))
    });
    found.unwrap_or(Outcome::Kept)
}
