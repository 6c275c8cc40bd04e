//! Causal consistency, by its bad patterns (Bouajjani, Enea, Guerraoui & Hamza, POPL 2017).
//!
//! The causal order `->` is what follows from the sessions' own orders and from who found whose
//! value. Three promises are called causal, and the verdict is about the first, which both others
//! imply; what becomes of those is told in figures.
//!
//! * **CC**, weak causal: each read can be explained by an order of what it follows from. Broken by
//!   CyclicCO, ThinAirRead, WriteCOInitRead (w' -> r, and r found the initial value), WriteCORead
//!   (w -> w' -> r, and r found w).
//! * **CM**, causal memory (Ahamad et al. 1995): each session's reads can be explained together.
//!   Broken by the same on each session's own view.
//! * **CCv**, causal convergence: all reads can be explained by one order of writes. Broken by what
//!   breaks CC, and by CyclicCF.
//!
//! CM and CCv do not imply one another: of two concurrent writes, CM lets each session see its own
//! one first and the other one last; CCv lets a session learn of a write when it is overwritten
//! already ("the last writer wins"). To judge a store that promises "causal" by either would accuse
//! those that chose the other one.
//!
//! CM is judged first: it implies CC and takes O(n) a session. The clocks of CC and CCv take
//! O(n * sessions).

use super::clocks::{self, Clocks};
use super::graph::{self, Graph, Rule, read_node, write_node};
use super::problem::{Problem, Source};
use super::{Outcome, Question, views};
use crate::budget::Budget;

/// More clocks than this are not made for the sake of a figure.
const FIGURE_BYTES_MAX: u64 = 64 << 20;

/// Judges CC; CM and CCv become figures.
pub(super) fn judge(
    problem: &Problem,
    budget: &Budget<'_>,
    figures: &mut Vec<(String, String)>,
) -> Outcome {
    let mut figure = |name: &str, word: &str| figures.push((name.to_owned(), word.to_owned()));
    let memory = views(problem, Rule::Causal, budget);
    let word = match &memory {
        Outcome::Kept => "kept",
        Outcome::Broken(_) => "broken",
        Outcome::Spent(_) => return memory,
    };
    figure("causal memory (CM)", word);
    let bytes = clocks::bytes(problem);
    let kept = memory == Outcome::Kept;
    if bytes > if kept { FIGURE_BYTES_MAX } else { budget.bytes_max } {
        figure("causal convergence (CCv)", "not judged: too many sessions");
        return if kept { Outcome::Kept } else { Outcome::Spent(too_large(problem, budget)) };
    }
    let clocks = Clocks::causal(problem);
    let weak = kept || clocks.as_ref().is_some_and(|clocks| !contradicts(clocks));
    let converges = weak && clocks.as_ref().is_some_and(convergent);
    figure("causal convergence (CCv)", if converges { "kept" } else { "broken" });
    if weak { Outcome::Kept } else { Outcome::Broken(Question::Causal) }
}

fn too_large(problem: &Problem, budget: &Budget<'_>) -> String {
    format!(
        "the budget was spent: the clocks of {} operations in {} sessions take {} MiB, and {} MiB \
         are allowed; causal memory (CM) is broken",
        problem.ops.len(),
        problem.sessions,
        clocks::bytes(problem) >> 20,
        budget.bytes_max >> 20,
    )
}

/// Whether CC is broken.
pub(super) fn broken(problem: &Problem) -> bool {
    Clocks::causal(problem).is_none_or(|clocks| contradicts(&clocks))
}

/// Whether some read found what it follows from that it was overwritten.
fn contradicts(clocks: &Clocks<'_>) -> bool {
    clocks.problem.ops.iter().enumerate().any(|(at, op)| {
        let mut seen = clocks.last_writes(op.key, at as u32);
        match op.finds {
            None => false,
            Some(Source::Initial) => seen.next().is_some(),
            Some(Source::Op(source)) => seen.any(|write| clocks.is_before(source, write)),
        }
    })
}

/// Whether one order of writes explains all reads: what a read follows from is before what it
/// found.
pub(super) fn convergent(clocks: &Clocks<'_>) -> bool {
    let problem = clocks.problem;
    let mut edges = Vec::new();
    for (at, op) in problem.ops.iter().enumerate() {
        let Some(source) = op.source() else { continue };
        let seen = clocks.last_writes(op.key, at as u32).filter(|&write| write != source);
        edges.extend(seen.map(|write| (write_node(source), write_node(write))));
    }
    edges.sort_unstable();
    edges.dedup();
    let graph = Graph::new(problem, Rule::Causal);
    let found = (0..problem.ops.len()).filter(|&at| problem.ops[at].finds.is_some());
    let starts = found.map(|at| read_node(at as u32));
    !graph::cyclic(starts, 2 * problem.ops.len(), |node| graph.before(0, node), &edges)
}
