//! The smallest contradiction of a part of any [`Model`].
//!
//! ```text
//!   a part --> what the model's procedure names, if a search confirms it
//!     '------> sweep: the shortest illegal prefix --> [ groups, observers ]* --> small enough?
//!                       |                                                         | no
//!                       +--> windows at its end, from the states possible there --'
//!   reduce: what may be done to a case     orders, words: what a person reads of it
//! ```

pub(super) mod orders;
mod reduce;
mod search;
mod sweep;
#[cfg(test)]
pub(super) mod tests;
pub(super) mod words;

use super::model::{Model, Part};
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::OrderEvidence;
use reduce::{Case, Reducer};

/// What all the searches together may explore. The stop flag is not looked at: the violation is
/// already certain, and evidence that was never reduced would be of no use to anybody.
const CONFIGURATIONS_MAX: u64 = 4_000_000;

/// Evidence is looked for in at most so many parts.
const PARTS_TRIED_MAX: usize = 8;

/// The evidence against one of these parts, whose histories are illegal: the first one, unless its
/// contradiction is too large for a person and that of a later one is smaller.
pub(super) fn find<M: Model>(
    history: &History,
    model: &M,
    parts: &[&Part<M::Op>],
    budget: &Budget<'_>,
) -> OrderEvidence {
    let mut configurations_left = CONFIGURATIONS_MAX.min(budget.configurations_max);
    let mut best: Option<(Reducer<'_, M>, Case<M::State>)> = None;
    for part in parts.iter().take(PARTS_TRIED_MAX) {
        let bytes_max = budget.bytes_max;
        let mut reducer = Reducer { model, part, configurations_left, bytes_max };
        let case = reducer.smallest();
        configurations_left = reducer.configurations_left;
        let ops = case.pieces.len();
        if best.as_ref().is_none_or(|(_, best)| ops < best.pieces.len()) {
            best = Some((reducer, case));
        }
        if ops <= reduce::OPS_WANTED || configurations_left == 0 {
            break;
        }
    }
    let (reducer, case) = best.expect("there is an illegal part");
    words::explain(history, &reducer, &case)
}
