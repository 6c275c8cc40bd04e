//! Whether a few operations have an order: depth-first, remembering what was tried.

use super::orders::{self, Slot};
use rustc_hash::FxHashSet;
use std::hash::Hash;

/// Configurations that are looked at.
const CONFIGURATIONS_MAX: usize = 20_000;

/// Decides, and says at what cost; nothing if there are too many operations or it costs too much.
pub(super) fn has_order<S: Clone + Eq + Hash>(
    slots: &[Slot],
    initials: &[S],
    step: impl Fn(usize, &S, &mut Vec<S>),
) -> (Option<bool>, u64) {
    if slots.len() > orders::OPS_MAX {
        return (None, 0);
    }
    let mut seen: FxHashSet<(u64, S)> = FxHashSet::default();
    let mut stack: Vec<(u64, S)> = initials.iter().map(|state| (0, state.clone())).collect();
    while let Some((placed, state)) = stack.pop() {
        if orders::is_complete(slots, placed) {
            return (Some(true), seen.len() as u64);
        }
        if seen.len() >= CONFIGURATIONS_MAX {
            return (None, seen.len() as u64);
        }
        if !seen.insert((placed, state.clone())) {
            continue;
        }
        let moves = orders::moves(slots, placed, &state, &step);
        stack.extend(moves.into_iter().rev().map(|(op, state)| (placed | 1 << op, state)));
    }
    (Some(false), seen.len() as u64)
}
