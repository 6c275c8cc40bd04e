//! A linearization from zones: the blocks in an order that respects real time, and in each block
//! its producer, those that found the value, and the cas that leads on.
//!
//! ```text
//!   forward a  |=======|         backward x   |--|            a at its begin
//!   backward y    |---------|    forward b          |=====|   y at the end of a, since it is not
//!                                                             inside; x where it begins
//! ```
//!
//! Each block gets a point in time: a forward one where it begins, a backward one where it begins,
//! too, unless that is in a forward zone; then where that zone ends, which is not behind its own
//! end. By these points every block stands behind those that must stand before it:
//! * forward zones do not overlap;
//! * a backward one with point p ends at p or later and begins at p or before, so whoever must
//!   stand before it has a point of at most its begin, and likewise for those behind.

use super::super::op::{Effect, NEVER, Problem, ValueId};
use super::{Blocks, NOBODY, blocks};

/// Positions of operations, one behind the other; nothing if zones cannot decide that the history
/// is legal. Indeterminate operations that nobody found are left out.
pub(in super::super) fn order(problem: &Problem<'_>) -> Option<Vec<u32>> {
    let found = blocks(problem)?;
    if !found.complete {
        return None;
    }
    let (starts, readers) = readers(problem);
    let mut order = Vec::with_capacity(problem.ops.len());
    for head in heads(&found) {
        let mut next = Some(head);
        while let Some(value) = next {
            let cluster = &found.clusters[value as usize];
            if cluster.producer != NOBODY {
                order.push(cluster.producer);
            }
            let value = value as usize;
            order.extend_from_slice(&readers[starts[value] as usize..starts[value + 1] as usize]);
            next = match cluster.leaver {
                NOBODY => None,
                leaver => problem.ops[leaver as usize].effect.produces(),
            };
            // The cas itself is the producer of the next cluster.
        }
    }
    Some(order)
}

/// The first values of the blocks by their points in time.
fn heads(found: &Blocks) -> Vec<ValueId> {
    // Invocation i is at 2i + 1; a return with r invocations before it is at 2r.
    let point = |block: &super::Block| {
        if block.is_forward() {
            return 2 * u64::from(block.first);
        }
        let end = found.cover[block.last as usize];
        let latest = if end == NOBODY { block.last } else { block.last.max(end) };
        2 * u64::from(latest) + 1
    };
    let mut heads: Vec<(u64, ValueId)> =
        found.blocks.iter().map(|block| (point(block), block.head)).collect();
    heads.sort_unstable();
    heads.into_iter().map(|(_, head)| head).collect()
}

/// The positions of those that read each value, by value, and where each value's begin.
fn readers(problem: &Problem<'_>) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0; problem.values + 1];
    let reads = || {
        problem.ops.iter().enumerate().filter_map(|(at, op)| match op.effect {
            Effect::Read(value) if op.ret != NEVER => Some((at as u32, value as usize)),
            _ => None,
        })
    };
    for (_, value) in reads() {
        starts[value + 1] += 1;
    }
    for value in 0..problem.values {
        starts[value + 1] += starts[value];
    }
    let mut next = starts.clone();
    let mut readers = vec![0; starts[problem.values] as usize];
    for (at, value) in reads() {
        readers[next[value] as usize] = at;
        next[value] += 1;
    }
    (starts, readers)
}
