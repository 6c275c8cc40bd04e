//! Breadth-first over the events: every configuration that a prefix can end in, with the dominated
//! ones left out. An empty set refutes, and says at which event.
//!
//! ```text
//!   event     invoke a   invoke b   return a            return b
//!   set       {s0}   ->  {s0}   ->  {s1, s2}  ->  ...   {}: nothing explains b
//! ```
//!
//! Only open operations need bits, so a configuration is a state and two masks:
//! * *settled*: nothing is owed to the operation any more. An optional one is settled from the
//!   start.
//! * *spent*: it can produce its value no more.
//!
//! A write may be settled and not spent: it can stand where nobody sees it, and it is still there
//! for whoever needs its value. A configuration with the same state, at least as much settled and
//! at most as much spent can do whatever the other can: it *dominates* it.
//!
//! Why the set is complete. Lowe's just-in-time order is enough: operations are placed only when
//! one returns that is not settled, in a sequence that ends with that one. On top of this:
//! * **Reads at once**: a read changes nothing, so it is settled as soon as the state fits. So is
//!   a write of the value that is there already.
//! * **Hidden writes**: an open write can stand right before any blind write that is placed. So
//!   placing one settles all open ones, and two blind writes with nobody between who sees the first
//!   are never tried: without the first the configuration dominates.
//! * **A settled write that returns** is dropped, or it is placed where it is seen, behind whatever
//!   sequence: both are kept.
//! * **Twins**: of operations with the same effect the one with the earliest return is placed, and
//!   an optional one only if there is no other: their names can be exchanged in any order.
//!
//! Shortcut: at most 128 operations can be open at once, optional ones counted for ever.

use super::super::engine::Limits;
use super::op::{Effect, KeyOp, NEVER, ValueId};
use super::view::View;
use rustc_hash::FxHashSet;

/// Bits for operations, by slot.
type Mask = u128;

/// How many operations can be open at once.
const SLOTS: usize = Mask::BITS as usize;

/// In sets above this size a configuration is compared with so many others only.
const COMPARED_MAX: usize = 256;

/// The stop flag is looked at once in so many configurations.
const STOP_STRIDE: u64 = 1024;

/// What a set of configurations came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is an order.
    Alive,
    /// There is none, not even of the operations up to this event.
    Dead {
        /// Whose return nothing explains.
        event: u32,
    },
    /// The limits did not suffice.
    Spent,
    /// Too much is open at once.
    Wide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Config {
    state: ValueId,
    settled: Mask,
    spent: Mask,
}

impl Config {
    fn dominates(&self, other: &Self) -> bool {
        self.settled & other.settled == other.settled && self.spent & other.spent == self.spent
    }
}

/// A configuration inside a sequence that is placed at one return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Step {
    config: Config,
    /// It ends with a blind write that nobody has seen yet.
    unseen: bool,
}

/// The open operations, by value and kind.
struct Open {
    reads: Vec<Mask>,
    misses: Vec<Mask>,
    writes: Vec<Mask>,
    cas_from: Vec<Mask>,
    all_misses: Mask,
    all_writes: Mask,
    free: Mask,
    effect: [Effect; SLOTS],
    ret: [u32; SLOTS],
}

/// A run over the events that can be interrupted and go on.
pub(super) struct Frontier {
    ops: Vec<KeyOp>,
    /// Event and operation, in order.
    events: Vec<(u32, u32)>,
    /// The next of them.
    cursor: usize,
    /// The slot of every open operation.
    slots: Vec<u8>,
    open: Open,
    configs: Vec<Config>,
    next: Vec<Config>,
    steps: Vec<Step>,
    seen: FxHashSet<Step>,
    /// How many configurations were looked at.
    pub(super) configurations: u64,
}

impl Frontier {
    /// Before the first event, in any of these states.
    pub(super) fn new(view: View) -> Self {
        let View { ops, values, starts } = view;
        let mut events: Vec<(u32, u32)> = Vec::with_capacity(ops.len() * 2);
        for (at, op) in (0..).zip(&ops) {
            events.push((op.invoke, at));
            if op.ret != NEVER {
                events.push((op.ret, at));
            }
        }
        events.sort_unstable();
        Self {
            events,
            cursor: 0,
            slots: vec![0; ops.len()],
            ops,
            open: Open::new(values),
            configs: starts.iter().map(|&state| Config { state, settled: 0, spent: 0 }).collect(),
            next: Vec::new(),
            steps: Vec::new(),
            seen: FxHashSet::default(),
            configurations: 0,
        }
    }

    /// How many events it has passed.
    pub(super) fn passed(&self) -> usize {
        self.cursor
    }

    /// Goes on until it is decided or the limits, which count from the start, are spent.
    pub(super) fn run(&mut self, limits: &Limits<'_>) -> End {
        while let Some(&(event, at)) = self.events.get(self.cursor) {
            let op = self.ops[at as usize];
            if event == op.invoke {
                let Some(slot) = self.open.invoke(&op) else { return End::Wide };
                self.slots[at as usize] = slot;
                self.settle_new(slot, &op);
            } else {
                if !self.complete(self.slots[at as usize], limits) {
                    return End::Spent;
                }
                if self.configs.is_empty() {
                    return End::Dead { event };
                }
            }
            self.cursor += 1;
        }
        End::Alive
    }

    /// An operation was invoked that may be settled by what the state is already.
    fn settle_new(&mut self, slot: u8, op: &KeyOp) {
        let bit = 1 << slot;
        for config in &mut self.configs {
            let fits = match op.effect {
                Effect::Read(value) | Effect::Write(value) => value == config.state,
                Effect::Miss(value) => value != config.state,
                Effect::Cas(..) => false,
            };
            if fits || op.ret == NEVER {
                config.settled |= bit;
            }
        }
    }

    /// An operation returns; false if the limits are spent.
    fn complete(&mut self, slot: u8, limits: &Limits<'_>) -> bool {
        let bit: Mask = 1 << slot;
        let is_write = matches!(self.open.effect[slot as usize], Effect::Write(_));
        let trivial =
            |config: &Config| config.settled & bit != 0 && (!is_write || config.spent & bit != 0);
        let dirty = !self.configs.iter().all(trivial);
        if dirty {
            self.next.clear();
            self.seen.clear();
            for at in 0..self.configs.len() {
                let config = self.configs[at];
                if config.settled & bit != 0 {
                    self.next.push(config);
                }
                if !trivial(&config) && !self.sequences(config, slot, limits) {
                    return false;
                }
            }
            std::mem::swap(&mut self.configs, &mut self.next);
        }
        for config in &mut self.configs {
            config.settled &= !bit;
            config.spent &= !bit;
        }
        self.open.complete(slot);
        if dirty {
            prune(&mut self.configs);
        }
        true
    }

    /// Adds what every sequence of open operations leads to that ends with this one; false if the
    /// limits are spent.
    fn sequences(&mut self, from: Config, slot: u8, limits: &Limits<'_>) -> bool {
        let bit: Mask = 1 << slot;
        let target = self.open.effect[slot as usize];
        self.steps.clear();
        self.steps.push(Step { config: from, unseen: false });
        while let Some(step) = self.steps.pop() {
            self.configurations += 1;
            let spent = self.configurations >= limits.configurations_max;
            let held = size_of::<Step>() * 2 * (self.seen.capacity() + self.next.capacity());
            if spent || held as u64 > limits.bytes_max {
                return false;
            }
            if self.configurations.is_multiple_of(STOP_STRIDE) && limits.stopped() {
                return false;
            }
            let Step { config, unseen } = step;
            let mut cas = self.open.cas_from[config.state as usize] & !config.spent;
            while cas != 0 {
                let chosen = self.open.earliest_twin(cas);
                let effect = self.open.effect[chosen as usize];
                cas &= !self.open.twins(cas, effect);
                let after = self.open.place(config, chosen);
                self.reach(Step { config: after, unseen: false }, bit, target);
            }
            if unseen {
                continue;
            }
            // A write of the value that is there already counts, too: others can hide before it.
            let mut writes = self.open.all_writes & !config.spent;
            while writes != 0 {
                let chosen = self.open.earliest_twin(writes);
                let effect = self.open.effect[chosen as usize];
                writes &= !self.open.twins(writes, effect);
                let after = self.open.place(config, chosen);
                let seen_by = after.settled & !config.settled & !self.open.all_writes;
                let unseen = seen_by == 0;
                self.reach(Step { config: after, unseen }, bit, target);
            }
        }
        true
    }

    /// A sequence leads here: is it at its end?
    fn reach(&mut self, step: Step, bit: Mask, target: Effect) {
        let Step { config, .. } = step;
        let (ends, complete) = match target {
            Effect::Read(_) | Effect::Miss(_) => {
                let settled = config.settled & bit != 0;
                (settled, settled)
            }
            Effect::Cas(..) => (config.spent & bit != 0, config.spent & bit != 0),
            // Seen, or of no effect because its value is there already; then it may still be
            // placed later in the sequence.
            Effect::Write(value) => (config.spent & bit != 0, config.state == value),
        };
        if !self.seen.insert(step) {
            return;
        }
        if complete {
            self.next.push(config);
        }
        if !ends {
            self.steps.push(step);
        }
    }
}

impl Open {
    fn new(values: usize) -> Self {
        Self {
            reads: vec![0; values],
            misses: vec![0; values],
            writes: vec![0; values],
            cas_from: vec![0; values],
            all_misses: 0,
            all_writes: 0,
            free: Mask::MAX,
            effect: [Effect::Read(0); SLOTS],
            ret: [0; SLOTS],
        }
    }

    fn invoke(&mut self, op: &KeyOp) -> Option<u8> {
        if self.free == 0 {
            return None;
        }
        let slot = self.free.trailing_zeros() as usize;
        self.free &= self.free - 1;
        self.effect[slot] = op.effect;
        self.ret[slot] = op.ret;
        self.flip(slot);
        Some(slot as u8)
    }

    fn complete(&mut self, slot: u8) {
        self.flip(slot as usize);
        self.free |= 1 << slot;
    }

    fn flip(&mut self, slot: usize) {
        let bit = 1 << slot;
        match self.effect[slot] {
            Effect::Read(value) => self.reads[value as usize] ^= bit,
            Effect::Cas(from, _) => self.cas_from[from as usize] ^= bit,
            Effect::Write(value) => {
                self.writes[value as usize] ^= bit;
                self.all_writes ^= bit;
            }
            Effect::Miss(value) => {
                self.misses[value as usize] ^= bit;
                self.all_misses ^= bit;
            }
        }
    }

    /// The one of the first member's effect that returns first.
    fn earliest_twin(&self, among: Mask) -> u8 {
        let first = among.trailing_zeros() as usize;
        let twins = bits(self.twins(among, self.effect[first]));
        // A slot number breaks the tie of the optional ones.
        twins.min_by_key(|&slot| (self.ret[slot as usize], slot)).expect("the first is its twin")
    }

    fn twins(&self, among: Mask, effect: Effect) -> Mask {
        match effect {
            Effect::Write(value) => among & self.writes[value as usize],
            _ => bits(among)
                .filter(|&slot| self.effect[slot as usize] == effect)
                .fold(0, |mask, slot| mask | 1 << slot),
        }
    }

    fn place(&self, mut config: Config, slot: u8) -> Config {
        let effect = self.effect[slot as usize];
        let state = effect.produces().expect("only what produces a value is placed");
        config.spent |= 1 << slot;
        config.settled |= 1 << slot;
        if matches!(effect, Effect::Write(_)) {
            config.settled |= self.all_writes;
        }
        config.state = state;
        config.settled |= self.reads[state as usize]
            | self.writes[state as usize]
            | (self.all_misses & !self.misses[state as usize]);
        config
    }
}

fn bits(mut mask: Mask) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let slot = (mask != 0).then(|| mask.trailing_zeros() as u8)?;
        mask &= mask - 1;
        Some(slot)
    })
}

/// Leaves out what is dominated.
fn prune(configs: &mut Vec<Config>) {
    if configs.len() < 2 {
        return;
    }
    configs.sort_unstable_by_key(|config| {
        let rank = config.spent.count_ones() as i32 - config.settled.count_ones() as i32;
        (config.state, rank, config.spent, config.settled)
    });
    let mut kept = 0;
    for at in 0..configs.len() {
        let config = configs[at];
        let same_state = configs[..kept].iter().rev().take_while(|c| c.state == config.state);
        if !same_state.take(COMPARED_MAX).any(|other| other.dominates(&config)) {
            configs[kept] = config;
            kept += 1;
        }
    }
    configs.truncate(kept);
}
