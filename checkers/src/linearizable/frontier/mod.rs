//! Search over any [`Model`]: depth-first and breadth-first over the events, in turns.
//!
//! ```text
//!   Part --> depth   Wing & Gong's search with a cache: nearly linear on most legal histories
//!            |   ^
//!            v   | not decided within its share: the other one, with four times as much
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

/// What the depth-first search may look at in its first turn: a legal history that it is lucky with
/// takes one or two configurations per operation.
const CONFIGURATIONS_MIN: u64 = 20_000;
const CONFIGURATIONS_PER_OP: u64 = 20;

/// Each turn may look at so many times more than the one before. What a turn found out is lost, so
/// that all turns together cost a third more than the last one.
const GROWTH: u64 = 4;

/// Decides whether there is an order that begins in one of these states. The two searches take
/// turns: neither is always the better one, and nobody can tell beforehand.
pub(super) fn search<M: Model>(
    model: &M,
    part: &Part<M::Op>,
    initial: &[M::State],
    limits: &Limits<'_>,
) -> Found {
    let mut share = CONFIGURATIONS_MIN + CONFIGURATIONS_PER_OP * part.ops.len() as u64;
    let mut configurations = 0;
    let mut placed_max = 0;
    loop {
        let mut starved = true;
        for engine in [Engine::Search, Engine::Frontier] {
            let left = limits.configurations_max - configurations;
            let turn_max = match engine {
                Engine::Search => share.min(left / GROWTH),
                // There would be nothing left for two more turns.
                _ if left / GROWTH.pow(2) < share => left,
                _ => share,
            };
            let turn = Limits { configurations_max: turn_max, ..*limits };
            let mut found = match engine {
                Engine::Search => Depth::new(model, part).search(initial, &turn),
                _ => breadth_first(model, part, initial, &turn),
            };
            starved &= found.configurations < turn_max;
            configurations += found.configurations;
            found.configurations = configurations;
            let Outcome::Spent { placed } = &mut found.outcome else { return found };
            placed_max = placed_max.max(*placed);
            *placed = placed_max;
            let last = engine == Engine::Frontier;
            if last && (starved || configurations >= limits.configurations_max) {
                return found;
            }
            share = share.saturating_mul(GROWTH);
        }
    }
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
