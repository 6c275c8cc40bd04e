//! Contradictions at sight, in linear time: values that cannot both have had their time.
//!
//! A value with one producer has a *cluster*: the producer and all that find the value. In every
//! order a cluster is one block, since once the register holds something else the value never comes
//! back. A cas from a to b is the last of block a and the first of block b, so it glues the two
//! together: chains of cas are one block. Let f be the earliest return in a block and s its latest
//! invocation. If f < s, the block's value was held during all of [f, s], a *forward* zone; else
//! the block is somewhere in [s, f], a *backward* one.
//!
//! ```text
//!   write 1 |--|                read 1 |--|          forward:   f(1) < s(1)
//!                write 2 |--|                        backward:  s(2) < f(2), in the zone of 1
//! ```
//!
//! Block a must stand before b when f(a) < s(b). The history is legal iff
//! * each value that was found was produced, and not found before its producer began;
//! * no two cas find the same value, no cas chain is a cycle, and along a chain nobody is forced
//!   before somebody of an earlier cluster: f(next) >= s(all before);
//! * forward zones do not overlap, and no backward zone lies in a forward one.
//!
//! Gibbons & Korach 1997, theorems 4.1 and 4.2. An indeterminate producer counts iff its value was
//! found, and if it is a cas, it found the value that it compares with. A history where a value has
//! several producers, or somebody says what he did *not* find, can be refuted here but not decided:
//! values with several producers are left out.
//!
//! Times are positions among the invocations, and only returns are ever compared with invocations,
//! so two returns between the same invocations are the same. That saves every sort.

mod order;
#[cfg(test)]
mod tests;

pub(super) use order::order;

use super::op::{Effect, KeyOp, NEVER, Problem, ValueId};

/// No operation.
pub(super) const NOBODY: u32 = u32::MAX;

/// More than one operation.
const SEVERAL: u32 = u32::MAX - 1;

/// What is known of one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    /// The position of the only operation that sets it, [`NOBODY`], or [`SEVERAL`].
    pub(super) producer: u32,
    /// The position of the cas that finds it, [`NOBODY`], or [`SEVERAL`].
    pub(super) leaver: u32,
    /// The event of the earliest return.
    first: u32,
    /// The position of the operation that was invoked last, or [`NOBODY`].
    pub(super) last: u32,
    /// Whether somebody who certainly acted found it.
    found: bool,
}

/// Clusters that stand behind each other in every order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// The value of its first cluster.
    pub(super) head: ValueId,
    /// How many operations were invoked before its earliest return.
    pub(super) first: u32,
    /// The position of the operation that was invoked last.
    pub(super) last: u32,
}

impl Block {
    /// Whether its value was held during all of a time that is known.
    pub(super) fn is_forward(&self) -> bool {
        self.first <= self.last
    }
}

/// A history without contradiction at sight.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) clusters: Vec<Cluster>,
    /// In order of the number of their first value.
    pub(super) blocks: Vec<Block>,
    /// For each operation, the `last` of the forward block that began last before it, or
    /// [`NOBODY`].
    pub(super) cover: Vec<u32>,
    /// Whether nothing was left out.
    pub(super) complete: bool,
}

/// Whether there is an order, if that can be said at sight.
pub(super) fn decide(problem: &Problem<'_>) -> Option<bool> {
    match blocks(problem) {
        None => Some(false),
        Some(blocks) => blocks.complete.then_some(true),
    }
}

/// The blocks, or nothing if they contradict each other.
pub(super) fn blocks(problem: &Problem<'_>) -> Option<Blocks> {
    let clusters = clusters(problem);
    let zones = Zones { problem, clusters: &clusters };
    let complete = (0..problem.values)
        .all(|value| zones.is_unique(value as ValueId) || clusters[value].producer == NOBODY)
        && !problem.ops.iter().any(|op| matches!(op.effect, Effect::Miss(_)));
    if zones.broken() {
        return None;
    }
    let blocks = zones.chains()?;
    let cover = cover(&blocks, problem.ops.len())?;
    let hidden = |block: &Block| {
        let end = cover[block.last as usize];
        !block.is_forward() && end != NOBODY && block.first <= end
    };
    if blocks.iter().any(hidden) {
        return None;
    }
    Some(Blocks { clusters, blocks, cover, complete })
}

/// Sweeps the forward blocks; nothing if two of them overlap.
fn cover(blocks: &[Block], operations: usize) -> Option<Vec<u32>> {
    let mut cover = vec![NOBODY; operations];
    for block in blocks.iter().filter(|block| block.is_forward()) {
        // Of two that begin between the same invocations, each must stand before the other.
        if std::mem::replace(&mut cover[block.first as usize], block.last) != NOBODY {
            return None;
        }
    }
    let mut end = NOBODY;
    for (at, begins) in cover.iter_mut().enumerate() {
        if *begins != NOBODY {
            if end != NOBODY && at as u32 <= end {
                return None;
            }
            end = *begins;
        }
        *begins = end;
    }
    Some(cover)
}

/// Clusters with the operations that they are made of.
struct Zones<'a> {
    problem: &'a Problem<'a>,
    clusters: &'a [Cluster],
}

impl Zones<'_> {
    /// Whether all that find the value stand in one block.
    fn is_unique(&self, value: ValueId) -> bool {
        is_unique(&self.clusters[value as usize], value == self.problem.initial)
    }

    fn op(&self, position: u32) -> &KeyOp {
        &self.problem.ops[position as usize]
    }

    /// Whether a cluster contradicts itself.
    fn broken(&self) -> bool {
        self.clusters.iter().enumerate().any(|(value, cluster)| {
            let initial = value as ValueId == self.problem.initial;
            if cluster.producer == NOBODY && !initial {
                return cluster.found;
            }
            if cluster.last == NOBODY || !is_unique(cluster, initial) {
                return false;
            }
            let early = !initial && cluster.first < self.op(cluster.producer).invoke;
            let overtaken = |leaver: &KeyOp| leaver.ret < self.op(cluster.last).invoke;
            early
                || match cluster.leaver {
                    NOBODY => false,
                    SEVERAL => true,
                    leaver => overtaken(self.op(leaver)),
                }
        })
    }

    /// The value behind this one, if a cas leads there and nowhere else.
    fn next(&self, cluster: &Cluster) -> Option<ValueId> {
        if cluster.leaver == NOBODY {
            return None;
        }
        self.op(cluster.leaver).effect.produces().filter(|to| self.is_unique(*to))
    }

    /// Whether a cas from another cluster leads here.
    fn is_glued(&self, cluster: &Cluster) -> bool {
        cluster.producer != NOBODY
            && matches!(self.op(cluster.producer).effect,
                Effect::Cas(from, _) if self.is_unique(from))
    }

    /// The blocks; nothing if a chain contradicts itself.
    fn chains(&self) -> Option<Vec<Block>> {
        let mut blocks = Vec::new();
        let (mut used, mut visited) = (0, 0);
        for (value, cluster) in self.clusters.iter().enumerate() {
            let value = value as ValueId;
            if cluster.last == NOBODY || !self.is_unique(value) {
                continue;
            }
            used += 1;
            if self.is_glued(cluster) {
                continue;
            }
            visited += 1;
            let (mut first, mut last) = (cluster.first, cluster.last);
            let mut next = self.next(cluster);
            while let Some(value) = next {
                let cluster = &self.clusters[value as usize];
                if cluster.first < self.op(last).invoke {
                    return None;
                }
                first = first.min(cluster.first);
                last = last.max(cluster.last);
                visited += 1;
                next = self.next(cluster);
            }
            // What the register held at first was there before everything.
            let initial = value == self.problem.initial;
            let first = if initial { 0 } else { self.invoked_by(first, cluster.producer) };
            blocks.push(Block { head: value, first, last });
        }
        // Whoever is in no chain that has a beginning is in a cycle.
        (used == visited).then_some(blocks)
    }

    /// How many operations were invoked before this event. It comes after the invocation of
    /// `since`, and mostly soon.
    fn invoked_by(&self, event: u32, since: u32) -> u32 {
        let ops = &self.problem.ops[since as usize..];
        let mut step = 1;
        while ops.get(step).is_some_and(|op| op.invoke <= event) {
            step *= 2;
        }
        let tail = &ops[step / 2..ops.len().min(step)];
        since + (step / 2 + tail.partition_point(|op| op.invoke <= event)) as u32
    }
}

fn is_unique(cluster: &Cluster, initial: bool) -> bool {
    match cluster.producer {
        NOBODY => initial,
        SEVERAL => false,
        _ => !initial,
    }
}

/// The clusters by value.
fn clusters(problem: &Problem<'_>) -> Vec<Cluster> {
    let none =
        Cluster { producer: NOBODY, leaver: NOBODY, first: NEVER, last: NOBODY, found: false };
    let mut clusters = vec![none; problem.values];
    let mut optional_cas = Vec::new();
    for (at, op) in problem.ops.iter().enumerate() {
        if let Some(value) = op.effect.produces() {
            join(&mut clusters[value as usize].producer, at as u32);
        }
        match (op.effect.observes(), op.ret) {
            (Some(_), NEVER) => optional_cas.push(at as u32),
            (Some(value), _) => clusters[value as usize].found = true,
            (None, _) => {}
        }
    }
    for &at in &optional_cas {
        mark_found(problem, &mut clusters, at);
    }
    for (at, op) in problem.ops.iter().enumerate() {
        let produced = op.effect.produces();
        if op.ret == NEVER && !produced.is_some_and(|v| happened(problem, &clusters, at as u32, v))
        {
            continue;
        }
        for value in [produced, op.effect.observes()].into_iter().flatten() {
            let cluster = &mut clusters[value as usize];
            cluster.first = cluster.first.min(op.ret);
            cluster.last = at as u32;
        }
        if let Effect::Cas(from, _) = op.effect {
            join(&mut clusters[from as usize].leaver, at as u32);
        }
    }
    clusters
}

fn join(slot: &mut u32, position: u32) {
    *slot = if *slot == NOBODY { position } else { SEVERAL };
}

/// Whether an optional operation that sets this value certainly happened.
fn happened(problem: &Problem<'_>, clusters: &[Cluster], at: u32, value: ValueId) -> bool {
    let cluster = &clusters[value as usize];
    cluster.found && cluster.producer == at && value != problem.initial
}

/// An optional cas whose value was found did happen, and found a value itself; and so on.
fn mark_found(problem: &Problem<'_>, clusters: &mut [Cluster], mut at: u32) {
    while let Some(KeyOp { effect: Effect::Cas(from, to), ret: NEVER, .. }) =
        problem.ops.get(at as usize)
    {
        if !happened(problem, clusters, at, *to) || clusters[*from as usize].found {
            return;
        }
        clusters[*from as usize].found = true;
        at = clusters[*from as usize].producer;
    }
}
