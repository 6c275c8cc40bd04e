//! The `register` workload: many keys, each read, written and compared-and-set for a while.
//!
//! ```text
//!   time ------------------------------------------------------------>
//!   slot 0   key 0: 172 operations | key 3: 240 operations   | key 4
//!   slot 1   key 1: 158 operations | key 2: 231 operations        | key 5
//! ```
//!
//! * **A few keys at a time.** Operations meet on a key only if several threads use it at once; so
//!   every operation picks one of a few active keys, about five threads to each.
//! * **A bounded number of operations per key.** Whether a history is linearizable is decided key
//!   by key, at a cost that grows fast with the operations on a key. A key is used up and a fresh
//!   one takes its place; keys count up from zero and none is used again.
//! * **Every written value is unique on its key**: a counter. Any stale read shows, because no
//!   other write can explain its value, and the check is cheap.
//! * **A compare-and-set begins from a value that was seen**: the newest that was acknowledged or
//!   read, so that many succeed; sometimes an older one, that must not match. Before any is known a
//!   write takes its place.
//!
//! Shortcut: what a key is believed to hold is the newest value that was acknowledged or read.
//! Another may have been written meanwhile; then a compare-and-set fails, which tests as much. With
//! five threads to a key a quarter to a third succeed.

mod final_reads;

pub use final_reads::{FinalReads, FinalReadsOptions};

use crate::generator::{Context, Generator, Next, Rotation, Update};
use checkers::history::{Datum, Op, Outcome};
use rustc_hash::FxHashMap;
use targets::seed::Stream;

/// The function that reads a key.
pub const READ: &str = "read";
/// The function that sets a key.
pub const WRITE: &str = "write";
/// The function that sets a key if it holds a given value.
pub const CAS: &str = "cas";

/// How many values of a key are remembered, for a compare-and-set from an older one.
const KNOWN_MAX: usize = 8;

/// How many compare-and-sets begin from any remembered value instead of the last, in parts per
/// million.
const CAS_FROM_OLDER_PPM: u32 = 125_000;

/// How often each function is drawn. Not all are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Of reads.
    pub read: u32,
    /// Of writes.
    pub write: u32,
    /// Of compare-and-sets.
    pub cas: u32,
}

impl Default for Weights {
    /// Half reads: they see what the others did.
    fn default() -> Self {
        Self { read: 2, write: 1, cas: 1 }
    }
}

/// How the keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterOptions {
    /// How many keys are in use at once; at least one.
    pub keys_active: u32,
    /// The fewest operations on a key before it is used up; at least one.
    pub ops_per_key_min: u32,
    /// The most operations on a key.
    pub ops_per_key_max: u32,
    /// How often each function is drawn.
    pub weights: Weights,
}

/// The generator of the main phase. Never done: limit it. It answers `Pending` when no thread is
/// free, an operation otherwise.
#[derive(Clone, Debug)]
pub struct Register {
    options: RegisterOptions,
    stream: Stream,
    slots: Vec<Slot>,
    /// Where a key is in use. Looked up, never iterated.
    slot_of: FxHashMap<i64, usize>,
    key_next: i64,
    turn: Rotation,
}

/// A key in use.
#[derive(Clone, Debug)]
struct Slot {
    key: i64,
    ops_left: u32,
    /// The next value to be written, counting from one.
    value_next: i64,
    /// The newest values that were acknowledged or read, in a ring.
    known: [i64; KNOWN_MAX],
    known_count: usize,
}

impl Register {
    /// A generator with its own stream of the seed.
    ///
    /// # Panics
    /// When the options ask for no keys, no operations, an empty range or no function.
    pub fn new(options: RegisterOptions, stream: Stream) -> Self {
        let Weights { read, write, cas } = options.weights;
        assert!(options.keys_active > 0, "at least one key is in use");
        assert!(options.ops_per_key_min > 0, "a key is used at least once");
        assert!(options.ops_per_key_min <= options.ops_per_key_max, "a range runs upwards");
        assert!(read > 0 || write > 0 || cas > 0, "one function is drawn at least");
        let mut register = Self {
            options,
            stream,
            slots: Vec::new(),
            slot_of: FxHashMap::default(),
            key_next: 0,
            turn: Rotation::default(),
        };
        for index in 0..options.keys_active as usize {
            let slot = register.fresh(index);
            register.slots.push(slot);
        }
        register
    }

    /// A fresh key for this slot.
    fn fresh(&mut self, index: usize) -> Slot {
        let key = self.key_next;
        self.key_next += 1;
        self.slot_of.insert(key, index);
        let (min, max) = (self.options.ops_per_key_min, self.options.ops_per_key_max);
        let ops_left = self.stream.between(min.into(), max.into());
        let ops_left = u32::try_from(ops_left).expect("drawn between two u32");
        Slot { key, ops_left, value_next: 1, known: [0; KNOWN_MAX], known_count: 0 }
    }

    /// The next operation on the key of this slot.
    fn op(&mut self, index: usize) -> Op {
        let Weights { read, write, cas } = self.options.weights;
        let total = u64::from(read) + u64::from(write) + u64::from(cas);
        let point = self.stream.below(total);
        let slot = &mut self.slots[index];
        let key = Some(slot.key);
        if point < u64::from(read) {
            return Op { f: READ, key, value: Datum::Nil };
        }
        let value = slot.value_next;
        slot.value_next += 1;
        if point >= u64::from(read) + u64::from(write)
            && let Some(from) = slot.cas_from(&mut self.stream)
        {
            return Op { f: CAS, key, value: Datum::Pair(from, value) };
        }
        Op { f: WRITE, key, value: Datum::Int(value) }
    }
}

impl Slot {
    /// The value that a compare-and-set begins from, if any is known.
    fn cas_from(&self, stream: &mut Stream) -> Option<i64> {
        let last = self.known_count.checked_sub(1)?;
        if stream.chance_ppm(CAS_FROM_OLDER_PPM) {
            let remembered = self.known_count.min(KNOWN_MAX);
            return stream.pick(&self.known[..remembered]).copied();
        }
        Some(self.known[last % KNOWN_MAX])
    }

    /// The key holds this, or held it. Values count up, and completions come late: what is not
    /// newer than the last is taken for an old one. What was never written is for the checkers to
    /// judge; it would stay the newest for ever.
    fn learn(&mut self, value: i64) {
        let last = self.known_count.checked_sub(1).map(|last| self.known[last % KNOWN_MAX]);
        if last.is_some_and(|last| value <= last) || value >= self.value_next {
            return;
        }
        self.known[self.known_count % KNOWN_MAX] = value;
        self.known_count += 1;
    }
}

impl Generator for Register {
    fn next(&mut self, context: &Context<'_>) -> Next {
        let Some(thread) = self.turn.take(context.free) else {
            return Next::Pending;
        };
        let slots = self.slots.len() as u64;
        let index = usize::try_from(self.stream.below(slots)).expect("an index of a vector");
        let op = self.op(index);
        let slot = &mut self.slots[index];
        slot.ops_left -= 1;
        if slot.ops_left == 0 {
            self.slot_of.remove(&slot.key);
            self.slots[index] = self.fresh(index);
        }
        Next::Op { thread, op }
    }

    fn update(&mut self, _context: &Context<'_>, update: &Update<'_>) {
        let Update::Completed { op, outcome: Outcome::Ok(result), .. } = update else {
            return;
        };
        let Some(&index) = op.key.as_ref().and_then(|key| self.slot_of.get(key)) else {
            return;
        };
        let value = match (op.f, &op.value, result) {
            (READ, _, Datum::Int(value)) => *value,
            (WRITE, Datum::Int(value), _) | (CAS, Datum::Pair(_, value), _) => *value,
            _ => return,
        };
        self.slots[index].learn(value);
    }
}
