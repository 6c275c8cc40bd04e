//! Sequential consistency: one order of all operations in which each session's own order holds and
//! every read finds the last write of its key (Lamport 1979). Real time does not count.
//!
//! To decide it is NP-complete even if it is known who found whose value (Gibbons & Korach 1997).
//! Hence in turn, the cheap and certain things first:
//!
//! 1. An order by time, verified: what is linearizable is sequential as well, and so is what
//!    replicas answer that apply one log, each as late as it likes. O(n * sessions).
//! 2. Causal memory, which it implies, with its evidence of one session.
//! 3. What must come before what, to a fixpoint, from the sessions' orders and from
//!    ```text
//!      w -> r found w's value
//!      w' before r, r found w:  w' -> w
//!      w before w', r found w:  r -> w'
//!    ```
//!    A cycle means that there is no order.
//! 4. An order that keeps all of this, by a bounded search, verified. All orders tried: there is
//!    none.
//!
//! A cas is one operation: between what it found and what it set there is nothing.

use super::clocks::{self, Clocks};
use super::graph::Rule;
use super::problem::{Problem, Source};
use super::{Outcome, Question, search, views};
use crate::budget::Budget;

/// So many comparisons of clocks count as one configuration.
const COMPARISONS_PER_CONFIGURATION: u64 = 64;

/// Judges it.
pub(super) fn judge(problem: &Problem, budget: &Budget<'_>) -> Outcome {
    if search::by_time(problem) {
        return Outcome::Kept;
    }
    let causal = views(problem, Rule::Causal, budget);
    if causal != Outcome::Kept {
        return causal;
    }
    let clocks = match saturate(problem, budget) {
        Forced::Cycle => return Outcome::Broken(Question::Order),
        Forced::Spent(why) => return Outcome::Spent(why),
        Forced::Before(clocks) => clocks,
    };
    match search::search(&clocks, budget) {
        search::Found::Order => Outcome::Kept,
        search::Found::NoOrder => Outcome::Broken(Question::AnyOrder),
        search::Found::Spent { placed } => Outcome::Spent(format!(
            "{}: nothing forced contradicts itself, but of {} operations at most {placed} could be \
             put in order",
            if budget.stopped() { "time was up" } else { "the budget was spent" },
            problem.ops.len(),
        )),
    }
}

/// Whether what must come before what goes round in a circle.
pub(super) fn circular(problem: &Problem, budget: &Budget<'_>) -> bool {
    matches!(saturate(problem, budget), Forced::Cycle)
}

/// Whether there is certainly no order.
pub(super) fn no_order(problem: &Problem, budget: &Budget<'_>) -> bool {
    match saturate(problem, budget) {
        Forced::Cycle => true,
        Forced::Spent(_) => false,
        Forced::Before(clocks) => search::search(&clocks, budget) == search::Found::NoOrder,
    }
}

/// What must come before what.
#[derive(Debug)]
pub(super) enum Forced<'a> {
    Cycle,
    Before(Clocks<'a>),
    Spent(String),
}

/// Who found a value, as far as it matters: the last of each session.
struct Readers {
    of_write: Vec<Vec<u32>>,
    of_initial: Vec<Vec<u32>>,
}

impl Readers {
    fn new(clocks: &Clocks<'_>) -> Self {
        let problem = clocks.problem;
        let mut readers = Self {
            of_write: vec![Vec::new(); problem.ops.len()],
            of_initial: vec![Vec::new(); problem.keys],
        };
        let session = |at: u32| problem.ops[at as usize].session;
        for &at in clocks.of_session.iter().flatten() {
            let op = &problem.ops[at as usize];
            let of = match op.finds {
                None => continue,
                Some(Source::Initial) => &mut readers.of_initial[op.key as usize],
                Some(Source::Op(source)) => &mut readers.of_write[source as usize],
            };
            match of.last_mut() {
                Some(last) if session(*last) == op.session => *last = at,
                _ => of.push(at),
            }
        }
        readers
    }
}

/// All that must come before what, from what is known, to a fixpoint.
fn saturate<'a>(problem: &'a Problem, budget: &Budget<'_>) -> Forced<'a> {
    let bytes = clocks::bytes(problem);
    if bytes > budget.bytes_max {
        return Forced::Spent(format!(
            "the budget was spent: the clocks of {} operations in {} sessions take {} MiB",
            problem.ops.len(),
            problem.sessions,
            bytes >> 20
        ));
    }
    let (Some(order), Some(mut clocks)) = (clocks::topological(problem), Clocks::causal(problem))
    else {
        return Forced::Cycle;
    };
    let readers = Readers::new(&clocks);
    for (key, of_initial) in readers.of_initial.iter().enumerate() {
        let first: Vec<u32> = clocks.first_writes(key as u32).collect();
        for (write, &reader) in
            first.iter().flat_map(|write| of_initial.iter().map(move |r| (write, r)))
        {
            if *write != reader {
                clocks.join(*write, reader);
            }
        }
    }
    let comparisons = (problem.sessions * problem.sessions) as u64;
    let mut left = budget.configurations_max.saturating_mul(COMPARISONS_PER_CONFIGURATION);
    for round in 1.. {
        let mut new = false;
        for (count, &op) in order.iter().enumerate() {
            left = left.saturating_sub(comparisons);
            if left == 0 || (count % 1024 == 0 && budget.stopped()) {
                return Forced::Spent(format!(
                    "{}: what must come before what was still growing in round {round}",
                    if budget.stopped() { "time was up" } else { "the budget was spent" },
                ));
            }
            new |= clocks.close(op);
            if clocks.is_before(op, op) {
                return Forced::Cycle;
            }
            new |= follow(&mut clocks, &readers, op);
        }
        if !new {
            break;
        }
    }
    Forced::Before(clocks)
}

/// What follows from what is before an operation.
fn follow(clocks: &mut Clocks<'_>, readers: &Readers, op: u32) -> bool {
    let Some(&found) = clocks.problem.ops.get(op as usize) else { return false };
    let seen: Vec<u32> = clocks.last_writes(found.key, op).collect();
    let mut new = false;
    for write in seen {
        if let Some(source) = found.source()
            && source != write
        {
            new |= clocks.join(source, write);
        }
        if !found.sets {
            continue;
        }
        for &reader in &readers.of_write[write as usize] {
            if reader != op {
                new |= clocks.join(op, reader);
            }
        }
    }
    new
}
