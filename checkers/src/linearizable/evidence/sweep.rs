//! Where a history stops being legal, and which states were possible shortly before.
//!
//! ```text
//!   events    i1  i2  r1  i3  r3  r2 ...
//!   set       {(state, which of the open operations were done)}     empty behind a return:
//!                                                                    no order goes so far
//! ```
//!
//! At the return of x, whoever has not done x does some open operations and then x (just-in-time
//! linearization, Lowe 2017). So behind every event the states of the set are those right after the
//! last operation of an order that returned by then: the states a window may begin in.
//! At most 64 operations are open at once, those that never return included.

use super::super::engine::NEVER;
use super::super::model::{Model, Timed};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;

/// Configurations that one set may hold.
const CONFIGURATIONS_MAX: usize = 10_000;

/// Operations that may be open at once.
const OPEN_MAX: usize = 64;

/// Events behind which the possible states are remembered.
const CUTS_MAX: usize = 256;

/// More states than this are not worth a window.
const STATES_MAX: usize = 64;

/// The end of the shortest prefix that has no order.
#[derive(Clone, Debug)]
pub(super) struct DeadEnd<S> {
    /// The event behind which nothing is possible.
    pub(super) event: u32,
    /// Events shortly before, the latest first, and the states possible behind each.
    pub(super) cuts: Vec<(u32, Vec<S>)>,
}

struct Sweep<'a, M: Model> {
    model: &'a M,
    ops: &'a [Timed<M::Op>],
    /// The operation in each slot.
    open: Vec<Option<usize>>,
    /// States, and the slots whose operation was done.
    configurations: Vec<(M::State, u64)>,
    /// What may still be spent.
    left: &'a mut u64,
}

/// Where the operations stop having an order. Nothing if they do not, or if that costs too much.
pub(super) fn dead_end<M: Model>(
    model: &M,
    ops: &[Timed<M::Op>],
    left: &mut u64,
) -> Option<DeadEnd<M::State>> {
    let mut cuts: VecDeque<(u32, Vec<M::State>)> = VecDeque::new();
    let event = sweep(model, ops, left, &mut |event, states| {
        cuts.truncate(CUTS_MAX - 1);
        cuts.push_front((event, states));
    })?;
    Some(DeadEnd { event, cuts: cuts.into() })
}

/// The event behind which nothing is possible; shows the states possible behind every earlier one.
fn sweep<M: Model>(
    model: &M,
    ops: &[Timed<M::Op>],
    left: &mut u64,
    show: &mut dyn FnMut(u32, Vec<M::State>),
) -> Option<u32> {
    let mut events: Vec<(u32, usize, bool)> = Vec::with_capacity(2 * ops.len());
    for (at, op) in ops.iter().enumerate() {
        events.push((op.invoke, at, false));
        if op.ret != NEVER {
            events.push((op.ret, at, true));
        }
    }
    events.sort_unstable();
    let configurations = vec![(model.initial(), 0)];
    let mut sweep = Sweep { model, ops, open: Vec::new(), configurations, left };
    for (event, at, returns) in events {
        if !(if returns { sweep.complete(at) } else { sweep.invoke(at) }) {
            return None;
        }
        if sweep.configurations.is_empty() {
            return Some(event);
        }
        show(event, sweep.states());
    }
    None
}

impl<M: Model> Sweep<'_, M> {
    /// False if too many are open.
    fn invoke(&mut self, at: usize) -> bool {
        let free = self.open.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.open.push(None);
            self.open.len() - 1
        });
        self.open[slot] = Some(at);
        slot < OPEN_MAX
    }

    /// False if it costs too much.
    fn complete(&mut self, at: usize) -> bool {
        let slot = self.open.iter().position(|open| *open == Some(at)).expect("it is open");
        let mut seen: FxHashSet<(M::State, u64)> = FxHashSet::default();
        let mut done: Vec<(M::State, u64)> = Vec::new();
        let mut stack: Vec<(M::State, u64)> = std::mem::take(&mut self.configurations);
        stack.reverse();
        let mut after = Vec::new();
        while let Some((state, bits)) = stack.pop() {
            if !seen.insert((state.clone(), bits)) {
                continue;
            }
            if seen.len() > CONFIGURATIONS_MAX || *self.left == 0 {
                return false;
            }
            *self.left -= 1;
            if bits >> slot & 1 == 1 {
                done.push((state, bits & !(1 << slot)));
                continue;
            }
            for (other, open) in self.open.iter().enumerate() {
                let Some(op) = open.filter(|_| bits >> other & 1 == 0) else { continue };
                self.model.step(&state, &self.ops[op].op, &mut after);
                let bits = bits | 1 << other;
                // What only observes may be done as soon as it can be.
                if !after.is_empty() && self.model.observes_only(&self.ops[op].op) {
                    after.clear();
                    stack.push((state, bits));
                    break;
                }
                stack.extend(after.drain(..).map(|state| (state, bits)));
            }
        }
        self.open[slot] = None;
        self.configurations = done;
        true
    }

    /// The states of the set, in the order in which they were met; none if they are too many.
    fn states(&self) -> Vec<M::State> {
        let mut states: Vec<M::State> = Vec::new();
        for (state, _) in &self.configurations {
            if !states.contains(state) {
                states.push(state.clone());
            }
            if states.len() > STATES_MAX {
                return Vec::new();
            }
        }
        states
    }
}

/// The states possible behind every event of a legal history.
#[cfg(test)]
pub(super) fn cuts_of<M: Model>(model: &M, ops: &[Timed<M::Op>]) -> Vec<(u32, Vec<M::State>)> {
    let mut swept = Vec::new();
    let mut left = u64::MAX;
    sweep(model, ops, &mut left, &mut |event, states| swept.push((event, states)));
    swept
}
