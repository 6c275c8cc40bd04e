//! Contradictions at sight, in O(n log n): values that cannot both have had their time.
//!
//! A value with one producer has a *cluster*: the producer and all that find the value. In every
//! order a cluster is one block, since once the register holds something else the value never comes
//! back. Let f be the earliest return in the cluster and s its latest invocation. If f < s, the
//! register held the value during all of [f, s], a *forward* zone; else the block is somewhere in
//! [s, f], a *backward* one.
//!
//! ```text
//!   write 1 |--|                read 1 |--|          forward:   f(1) < s(1)
//!                write 2 |--|                        backward:  s(2) < f(2), in the zone of 1
//! ```
//!
//! Cluster a must stand before b when f(a) < s(b). So it is a contradiction if two forward zones
//! overlap, or a backward zone lies in a forward one (Gibbons & Korach 1997). For reads and writes
//! with unique values these are all contradictions there are, so such a history is decided. Of any
//! other one the values with several producers are left out, and what a chain of cas adds, too: it
//! can be refuted here, and else it is left to the search.
//!
//! A cas from a to b is the last of block a and the first of block b. That its two blocks share it
//! does no harm: against a third one both are blocks, and against each other a stands before b.

use super::op::{Effect, NEVER, Problem, ValueId};

#[derive(Clone, Copy, Debug)]
struct Cluster {
    producers: u32,
    /// The invocation of the producer.
    produced_from: u64,
    /// The earliest return of an operation that finds the value.
    found_by: u64,
    /// The earliest return of all.
    first: u64,
    /// The latest invocation.
    last: u64,
}

/// Nothing certain is known of this cluster yet.
const NOTHING: u64 = u64::MAX;

/// Whether there is an order, if that can be said at sight.
pub(super) fn decide(problem: &Problem<'_>) -> Option<bool> {
    let clusters = clusters(problem);
    let initial = problem.initial as usize;
    let unique = |(value, cluster): (usize, &Cluster)| {
        cluster.producers == 0 || cluster.producers == 1 && value != initial
    };
    let complete = clusters.iter().enumerate().all(unique)
        && !problem.ops.iter().any(|op| matches!(op.effect, Effect::Cas(..) | Effect::Miss(_)));
    if refuted(problem, &clusters) { Some(false) } else { complete.then_some(true) }
}

/// Whether there certainly is no order.
fn refuted(problem: &Problem<'_>, clusters: &[Cluster]) -> bool {
    let mut forward: Vec<(u64, u64)> = Vec::new();
    let mut backward: Vec<(u64, u64)> = Vec::new();
    for (value, cluster) in clusters.iter().enumerate() {
        let initial = value as ValueId == problem.initial;
        let found = cluster.found_by != NOTHING;
        match (cluster.producers, initial) {
            (0, false) if found => return true,
            (1, false) if found && cluster.found_by < cluster.produced_from => return true,
            // It was there before everything.
            (0, true) if found => forward.push((0, cluster.last)),
            (1, false) if cluster.first < cluster.last => {
                forward.push((cluster.first, cluster.last));
            }
            (1, false) if cluster.first != NOTHING => backward.push((cluster.first, cluster.last)),
            _ => {}
        }
    }
    forward.sort_unstable();
    if forward.windows(2).any(|pair| pair[1].0 < pair[0].1) {
        return true;
    }
    backward.iter().any(|&(first, last)| {
        let before = forward.partition_point(|zone| zone.0 < last);
        before > 0 && first < forward[before - 1].1
    })
}

/// The clusters by value, on event indices counted from one.
fn clusters(problem: &Problem<'_>) -> Vec<Cluster> {
    let none =
        Cluster { producers: 0, produced_from: 0, found_by: NOTHING, first: NOTHING, last: 0 };
    let mut clusters = vec![none; problem.values];
    for op in problem.ops {
        let invoke = u64::from(op.invoke) + 1;
        let ret = if op.ret == NEVER { NOTHING } else { u64::from(op.ret) + 1 };
        if let Some(value) = op.effect.produces() {
            let cluster = &mut clusters[value as usize];
            cluster.producers += 1;
            cluster.produced_from = invoke;
            cluster.first = cluster.first.min(ret);
            // An optional producer of a value that somebody found did happen; if nobody did, then
            // the cluster has no first, and does not count.
            cluster.last = cluster.last.max(invoke);
        }
        if let (Some(value), true) = (op.effect.observes(), op.ret != NEVER) {
            let cluster = &mut clusters[value as usize];
            cluster.found_by = cluster.found_by.min(ret);
            cluster.first = cluster.first.min(ret);
            cluster.last = cluster.last.max(invoke);
        }
    }
    clusters
}
