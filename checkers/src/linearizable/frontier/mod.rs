//! Search over any [`Model`]: depth-first while it is lucky, then breadth-first over the events.
//!
//! ```text
//!   Part --> depth   Wing & Gong's search with a cache: nearly linear on most legal histories
//!              | not decided within its share
//!              v
//!            front   every explanation of the events so far, side by side: what refutes a
//!                    history, and what a stream of events needs
//!   both stand on: table (states, operations, steps as numbers), intern, set (dominance)
//! ```
//!
//! Both are exact: they say *illegal* only when nothing was left out. Both count configurations,
//! so the same part and limits give the same answer on every machine.

mod depth;
mod front;
mod intern;
mod set;
mod table;
#[cfg(test)]
mod tests;

use super::engine::{Engine, Found, Limits, Outcome};
use super::model::{Model, Part};
use depth::Depth;
pub(super) use front::{Exhausted, Frontier};

/// What the depth-first search may look at before it counts as out of luck: a legal history that
/// it is lucky with takes one or two configurations per operation.
const DEPTH_CONFIGURATIONS_MIN: u64 = 20_000;
const DEPTH_CONFIGURATIONS_PER_OP: u64 = 20;

/// Decides whether there is an order that begins in one of these states.
pub(super) fn search<M: Model>(
    model: &M,
    part: &Part<M::Op>,
    initial: &[M::State],
    limits: &Limits<'_>,
) -> Found {
    let share = DEPTH_CONFIGURATIONS_MIN + DEPTH_CONFIGURATIONS_PER_OP * part.ops.len() as u64;
    let share = share.min(limits.configurations_max / 4);
    let depth =
        Depth::new(model, part).search(initial, &Limits { configurations_max: share, ..*limits });
    let Outcome::Spent { placed } = depth.outcome else { return depth };
    let rest = limits.configurations_max - depth.configurations;
    let limits = Limits { configurations_max: rest, ..*limits };
    let mut found = breadth_first(model, part, initial, &limits);
    found.configurations += depth.configurations;
    if let Outcome::Spent { placed: completed } = &mut found.outcome {
        *completed = placed.max(*completed);
    }
    found
}

/// An event of a part, by the position of its operation.
#[derive(Clone, Copy, Debug)]
enum Step {
    Invoke(u32),
    Complete(u32),
}

fn breadth_first<M: Model>(
    model: &M,
    part: &Part<M::Op>,
    initial: &[M::State],
    limits: &Limits<'_>,
) -> Found {
    let mut frontier = Frontier::new(model, initial, limits.order);
    let mut slots = vec![0; part.ops.len()];
    let mut completed = 0;
    let mut outcome = if frontier.is_dead() { Outcome::Illegal } else { Outcome::Legal };
    for step in steps(part) {
        match step {
            Step::Invoke(at) => {
                let timed = &part.ops[at as usize];
                if timed.is_optional() {
                    frontier.optional(model, &timed.op, at);
                } else {
                    slots[at as usize] = frontier.invoke(model, &timed.op, timed.ret, at);
                }
                continue;
            }
            Step::Complete(at) => {
                if frontier.complete(model, slots[at as usize], limits) == Err(Exhausted) {
                    outcome = Outcome::Spent { placed: completed };
                } else if frontier.is_dead() {
                    outcome = Outcome::Illegal;
                }
            }
        }
        if outcome != Outcome::Legal {
            break;
        }
        completed += 1;
    }
    let order = if outcome == Outcome::Legal { frontier.order() } else { None };
    let configurations = frontier.configurations();
    Found { outcome, engine: Engine::Frontier, configurations, order }
}

/// The events of a part in their order.
fn steps<Op>(part: &Part<Op>) -> Vec<Step> {
    let positions = 0..part.ops.len() as u32;
    let mut steps: Vec<(u32, Step)> = Vec::with_capacity(2 * part.ops.len());
    for (at, timed) in positions.zip(&part.ops) {
        steps.push((timed.invoke, Step::Invoke(at)));
        if !timed.is_optional() {
            steps.push((timed.ret, Step::Complete(at)));
        }
    }
    steps.sort_by_key(|(index, _)| *index);
    steps.into_iter().map(|(_, step)| step).collect()
}
