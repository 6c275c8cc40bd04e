//! Wing & Gong's search with Lowe's undo list and a cache of configurations.
//!
//! A configuration is (operations placed, state). From it, every operation may come next that was
//! invoked before the first return among those not placed yet, and that is possible in this state.
//!
//! ```text
//!   placed   1111111111 0 1 1 0 1 0 0 0     only the window from the first 0 is kept in the cache:
//!                       |<--window->|       easy histories of any length cost bytes, not bitsets
//!                      low
//! ```
//!
//! What keeps the tree small. Call an order *good* if every optional (indeterminate) operation in
//! it is followed at once by one that observes it. If there is an order, there is a good one: take
//! out whatever optional operation is not observed, again and again. The search looks for a good
//! order.
//! * **Reads at once**: a read that fits the state is placed without alternative. Moving it to
//!   the front changes no state, and an optional operation that it observed before is still
//!   observed by the next one or can be taken out.
//! * **Optional on demand**: an optional operation is tried only if an operation that may come
//!   next is blocked and asks for its value, directly or through a chain of optional cas; and no
//!   blind write comes right behind it.
//! * **Twins**: of operations with the same effect that may come next, only the one with the
//!   earliest return is tried, and of optional ones the first invoked: in any order their names can
//!   be exchanged.
//! * **Who is due**: first is tried who produces the value that the operation with the earliest
//!   return waits for, then who returns earliest itself. A write that is placed before anybody asks
//!   for it is missing later: without this an operation of 20 clients over five values costs three
//!   times as many configurations.
//! * **No way back**: a value that is still to be observed, and that nobody is left to produce,
//!   is not overwritten. This makes histories with unique values nearly linear.

use super::super::engine::{Limits, Outcome};
use super::cache::Cache;
use super::op::{Effect, KeyOp, NEVER, Problem, ValueId};
use rustc_hash::FxHashMap;

/// The stop flag is looked at once in so many configurations.
const STOP_STRIDE: u64 = 1024;

#[derive(Clone, Copy, Debug)]
enum Move {
    /// An operation that certainly happened.
    Required(u32),
    /// The next operation of an optional class.
    Optional(u32),
}

/// A configuration on the path, with how to go back from it.
struct Frame {
    /// Its untried moves are those on the stack from here.
    moves_from: usize,
    /// The move that led here; nothing at the root.
    by: Option<Move>,
    state_before: ValueId,
    after_optional_before: bool,
    high_before: usize,
}

/// Optional operations with the same effect.
struct Class {
    effect: Effect,
    /// Ascending.
    invokes: Vec<u32>,
    /// The positions in the problem.
    positions: Vec<u32>,
    used: usize,
}

/// A search that can be interrupted and go on.
pub(super) struct Search {
    required: Vec<KeyOp>,
    /// The positions in the problem.
    positions: Vec<u32>,
    /// The path to the configuration that was looked at last.
    frames: Vec<Frame>,
    /// How many configurations were looked at.
    pub(super) configurations: u64,
    placed_max: usize,
    stuck_at: u32,
    /// Numbers the effects of the required operations.
    effect_of: Vec<u32>,
    /// The required operations not placed yet, in order of invocation, as a ring through position
    /// `n`.
    next: Vec<u32>,
    prev: Vec<u32>,
    /// A bit per required operation.
    placed: Vec<u64>,
    placed_count: usize,
    /// The first operation not placed.
    low: usize,
    /// No operation from here on is placed.
    high: usize,
    state: ValueId,
    after_optional: bool,
    classes: Vec<Class>,
    /// The classes that produce a value.
    classes_to: Vec<Vec<u32>>,
    /// Required operations not placed that observe a value.
    observers_left: Vec<u32>,
    /// Operations not placed that may produce a value.
    producers_left: Vec<u32>,
    cache: Cache,
    key: Vec<u64>,
    moves: Vec<Move>,
    /// The move of each effect, valid while its stamp is the current one.
    best: Vec<(u64, u32)>,
    demanded: Vec<u64>,
    demands: Vec<ValueId>,
    stamp: u64,
}

impl Search {
    pub(super) fn new(problem: &Problem<'_>) -> Self {
        let positions: Vec<u32> = (0..problem.ops.len() as u32)
            .filter(|&at| problem.ops[at as usize].ret != NEVER)
            .collect();
        let required: Vec<KeyOp> = positions.iter().map(|&at| problem.ops[at as usize]).collect();
        let (classes, classes_to) = classes(problem);
        let mut effects: FxHashMap<Effect, u32> = FxHashMap::default();
        let mut observers_left = vec![0; problem.values];
        let mut producers_left = vec![0; problem.values];
        for op in problem.ops {
            if let Some(value) = op.effect.produces() {
                producers_left[value as usize] += 1;
            }
            if let (Some(value), true) = (op.effect.observes(), op.ret != NEVER) {
                observers_left[value as usize] += 1;
            }
        }
        let effect_of: Vec<u32> = required
            .iter()
            .map(|op| {
                let number = effects.len() as u32;
                *effects.entry(op.effect).or_insert(number)
            })
            .collect();
        let n = required.len() as u32;
        let root = Frame {
            moves_from: 0,
            by: None,
            state_before: problem.initial,
            after_optional_before: false,
            high_before: 0,
        };
        Self {
            positions,
            frames: vec![root],
            configurations: 0,
            placed_max: 0,
            stuck_at: 0,
            effect_of,
            next: (0..=n).map(|at| if at == n { 0 } else { at + 1 }).collect(),
            prev: (0..=n).map(|at| if at == 0 { n } else { at - 1 }).collect(),
            placed: vec![0; required.len() / 64 + 1],
            placed_count: 0,
            low: 0,
            high: 0,
            state: problem.initial,
            after_optional: false,
            classes,
            classes_to,
            observers_left,
            producers_left,
            cache: Cache::new(),
            key: Vec::new(),
            moves: Vec::new(),
            best: vec![(0, 0); effects.len()],
            demanded: vec![0; problem.values],
            demands: Vec::new(),
            stamp: 0,
            required,
        }
    }

    /// The most operations that one order held.
    pub(super) fn placed_max(&self) -> usize {
        self.placed_max
    }

    /// The latest event that bounded what may come next: where it got stuck.
    pub(super) fn stuck_at(&self) -> u32 {
        self.stuck_at
    }

    /// Goes on until it is decided or the limits, which count from the start, are spent.
    pub(super) fn run(&mut self, limits: &Limits<'_>) -> Outcome {
        loop {
            // The last frame was not looked at yet: it is the root, or was just reached.
            self.placed_max = self.placed_max.max(self.placed_count);
            if self.placed_count == self.required.len() {
                return Outcome::Legal;
            }
            let stopped = self.configurations.is_multiple_of(STOP_STRIDE) && limits.stopped();
            let spent =
                self.configurations >= limits.configurations_max || self.bytes() > limits.bytes_max;
            if stopped || spent {
                return Outcome::Spent { placed: self.placed_max };
            }
            self.configurations += 1;
            self.expand();
            if !self.advance() {
                return Outcome::Illegal;
            }
        }
    }

    /// Plays the next untried move, going back as far as it must; false if there is none.
    fn advance(&mut self) -> bool {
        while let Some(frame) = self.frames.last() {
            let moves_from = frame.moves_from;
            if self.moves.len() == moves_from {
                let frame = self.frames.pop().expect("it is the last one");
                self.undo(&frame);
                continue;
            }
            let next = self.moves.pop().expect("the frame has moves left");
            let frame = Frame {
                moves_from: self.moves.len(),
                by: Some(next),
                state_before: self.state,
                after_optional_before: self.after_optional,
                high_before: self.high,
            };
            if self.play(next) {
                self.frames.push(frame);
                return true;
            }
        }
        false
    }

    /// The memory in use, with what the next configuration may add.
    fn bytes(&self) -> u64 {
        let path = self.frames.capacity() * size_of::<Frame>();
        let moves = self.moves.capacity() * size_of::<Move>();
        self.cache.bytes_after_growth() + (path + moves) as u64
    }

    /// The operations of the path, as positions in the problem.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut used = vec![0; self.classes.len()];
        let position = |frame: &Frame| match frame.by? {
            Move::Required(at) => Some(self.positions[at as usize]),
            Move::Optional(class) => {
                let nth = used[class as usize];
                used[class as usize] += 1;
                Some(self.classes[class as usize].positions[nth])
            }
        };
        self.frames.iter().filter_map(position).collect()
    }

    /// Puts the moves of a configuration that was never seen on the stack, the most promising one
    /// last.
    fn expand(&mut self) {
        let moves_from = self.moves.len();
        self.stamp += 1;
        let n = self.required.len() as u32;
        let mut bound = NEVER;
        let mut due = None;
        let mut at = self.next[n as usize];
        self.demands.clear();
        while at != n && self.required[at as usize].invoke < bound {
            let KeyOp { effect, ret, .. } = self.required[at as usize];
            if ret < bound {
                (bound, due) = (ret, effect.observes());
            }
            let fits = match effect {
                Effect::Read(value) => value == self.state,
                Effect::Miss(value) => value != self.state,
                Effect::Write(_) | Effect::Cas(..) => false,
            };
            if fits {
                // Whatever else may come next: this read may come first. Nothing to remember,
                // either: the configuration has this one successor only.
                self.moves.truncate(moves_from);
                self.moves.push(Move::Required(at));
                return;
            }
            self.offer(at, effect, ret);
            at = self.next[at as usize];
        }
        self.stuck_at = self.stuck_at.max(bound);
        if !self.first_visit() {
            self.moves.truncate(moves_from);
            return;
        }
        let required = &self.required;
        self.moves[moves_from..].sort_unstable_by_key(|candidate| match candidate {
            Move::Required(at) => {
                let op = &required[*at as usize];
                let serves = due.is_some() && op.effect.produces() == due;
                std::cmp::Reverse((!serves, op.ret))
            }
            Move::Optional(_) => std::cmp::Reverse((true, NEVER)),
        });
        // Optional operations go below the required ones: they are the last that are tried.
        let required_end = self.moves.len();
        self.offer_optional(bound);
        self.moves[moves_from..].rotate_left(required_end - moves_from);
    }

    /// A required operation that may come next in real time.
    fn offer(&mut self, at: u32, effect: Effect, ret: u32) {
        if effect.apply(self.state).is_none() {
            match effect.observes() {
                Some(value) => self.demand(value),
                // Any other value will do.
                None => {
                    let state = self.state;
                    let others = 0..self.classes_to.len() as ValueId;
                    others.filter(|value| *value != state).for_each(|value| self.demand(value));
                }
            }
            return;
        }
        if self.after_optional && matches!(effect, Effect::Write(_)) {
            return;
        }
        let number = self.effect_of[at as usize] as usize;
        let (stamp, slot) = self.best[number];
        if stamp != self.stamp {
            self.best[number] = (self.stamp, self.moves.len() as u32);
            self.moves.push(Move::Required(at));
            return;
        }
        let twin = &mut self.moves[slot as usize];
        if let Move::Required(other) = *twin
            && self.required[other as usize].ret > ret
        {
            *twin = Move::Required(at);
        }
    }

    fn demand(&mut self, value: ValueId) {
        if std::mem::replace(&mut self.demanded[value as usize], self.stamp) != self.stamp {
            self.demands.push(value);
        }
    }

    fn offer_optional(&mut self, bound: u32) {
        let mut seen = 0;
        while let Some(&value) = self.demands.get(seen) {
            seen += 1;
            for position in 0..self.classes_to[value as usize].len() {
                let number = self.classes_to[value as usize][position];
                let class = &self.classes[number as usize];
                let available = class.invokes.get(class.used).is_some_and(|invoke| *invoke < bound);
                match (available, class.effect) {
                    (false, _) | (_, Effect::Read(_) | Effect::Miss(_)) => {}
                    // A blind optional write behind an optional operation would leave it
                    // unobserved.
                    (_, Effect::Write(_)) if self.after_optional => {}
                    (_, Effect::Write(_)) => self.moves.push(Move::Optional(number)),
                    (_, Effect::Cas(from, _)) if from == self.state => {
                        self.moves.push(Move::Optional(number));
                    }
                    (_, Effect::Cas(from, _)) => self.demand(from),
                }
            }
        }
    }

    /// Remembers this configuration; false if it was there before.
    fn first_visit(&mut self) -> bool {
        let base = self.low / 64;
        let mut end = self.high.div_ceil(64).max(base);
        while end > base && self.placed[end - 1] == 0 {
            end -= 1;
        }
        self.key.clear();
        self.key.push((self.low as u64) << 32 | u64::from(self.state));
        self.key.push(((end - base) as u64) << 1 | u64::from(self.after_optional));
        self.key.extend_from_slice(&self.placed[base..end]);
        let two_in_a_word =
            |pair: &[Class]| pair.iter().fold(0, |word, class| word << 32 | class.used as u64);
        self.key.extend(self.classes.chunks(2).map(two_in_a_word));
        self.cache.insert(&self.key)
    }

    /// Places an operation; false, with nothing changed, if that is a dead end at sight.
    fn play(&mut self, next: Move) -> bool {
        let effect = self.effect(next);
        let after = effect.apply(self.state).expect("only what is possible is offered");
        self.count(effect, next, -1);
        let lost = self.state as usize;
        if after != self.state && self.observers_left[lost] > 0 && self.producers_left[lost] == 0 {
            self.count(effect, next, 1);
            return false;
        }
        self.state = after;
        self.after_optional = matches!(next, Move::Optional(_));
        match next {
            Move::Optional(class) => self.classes[class as usize].used += 1,
            Move::Required(at) => {
                let (prev, after) = (self.prev[at as usize], self.next[at as usize]);
                self.next[prev as usize] = after;
                self.prev[after as usize] = prev;
                let at = at as usize;
                self.placed[at / 64] |= 1 << (at % 64);
                self.placed_count += 1;
                self.high = self.high.max(at + 1);
                self.low = self.next[self.required.len()] as usize;
            }
        }
        true
    }

    fn undo(&mut self, frame: &Frame) {
        let Some(by) = frame.by else { return };
        self.state = frame.state_before;
        self.after_optional = frame.after_optional_before;
        self.high = frame.high_before;
        match by {
            Move::Optional(class) => self.classes[class as usize].used -= 1,
            Move::Required(at) => {
                // The neighbours are as they were when it was taken out: later moves are undone
                // first.
                let (prev, after) = (self.prev[at as usize], self.next[at as usize]);
                self.next[prev as usize] = at;
                self.prev[after as usize] = at;
                let at = at as usize;
                self.placed[at / 64] &= !(1 << (at % 64));
                self.placed_count -= 1;
                self.low = self.next[self.required.len()] as usize;
            }
        }
        self.count(self.effect(by), by, 1);
    }

    fn effect(&self, of: Move) -> Effect {
        match of {
            Move::Required(at) => self.required[at as usize].effect,
            Move::Optional(class) => self.classes[class as usize].effect,
        }
    }

    /// Keeps the books of who is left to observe and to produce.
    fn count(&mut self, effect: Effect, of: Move, change: i32) {
        if let Some(value) = effect.produces() {
            let left = &mut self.producers_left[value as usize];
            *left = left.checked_add_signed(change).expect("nobody is placed twice");
        }
        if let (Some(value), Move::Required(_)) = (effect.observes(), of) {
            let left = &mut self.observers_left[value as usize];
            *left = left.checked_add_signed(change).expect("nobody is placed twice");
        }
    }
}

/// The optional operations by effect, and the classes that produce each value.
fn classes(problem: &Problem<'_>) -> (Vec<Class>, Vec<Vec<u32>>) {
    let mut numbers: FxHashMap<Effect, usize> = FxHashMap::default();
    let mut classes: Vec<Class> = Vec::new();
    let mut classes_to = vec![Vec::new(); problem.values];
    for (position, op) in problem.ops.iter().enumerate().filter(|(_, op)| op.ret == NEVER) {
        let Some(value) = op.effect.produces() else { continue };
        let number = *numbers.entry(op.effect).or_insert(classes.len());
        if number == classes.len() {
            let (invokes, positions) = (Vec::new(), Vec::new());
            classes.push(Class { effect: op.effect, invokes, positions, used: 0 });
            classes_to[value as usize].push(number as u32);
        }
        classes[number].invokes.push(op.invoke);
        classes[number].positions.push(position as u32);
    }
    (classes, classes_to)
}
