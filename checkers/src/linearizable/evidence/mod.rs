//! The smallest contradiction of a part of any [`Model`].

pub(super) mod orders;

use super::model::{Model, Part};
use crate::budget::Budget;
use crate::history::History;
use crate::verdict::OrderEvidence;

/// The evidence against one of these parts, whose histories are illegal.
pub(super) fn find<M: Model>(
    history: &History,
    model: &M,
    parts: &[&Part<M::Op>],
    budget: &Budget<'_>,
) -> OrderEvidence {
    let _ = (history, model, budget);
    OrderEvidence {
        key: parts[0].name.clone(),
        ops: Vec::new(),
        states_before: Vec::new(),
        steps: Vec::new(),
        other_orders: Vec::new(),
        more_orders: 0,
        sentence: String::new(),
    }
}
